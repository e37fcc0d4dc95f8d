import Dispatch
import FoundationEssentials
import Logging
import Metadata
import Raft
import Storage
import Synchronization
import Testing

@testable import Server

@Suite struct StorageQueueTests {
    private static let mebibyte = 1024 * 1024

    /// The log can not go while a checkpoint is written, so what clients add to it meanwhile follows the checkpoint, not the
    /// other way round; and nobody waits until the checkpoint is done.
    @Test func theLogDoesNotOutgrowACheckpoint() async throws {
        let path = FileManager.default.temporaryDirectory.path + "/queue-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let store = try NodeStore(directory: path, node: NodeID(1), newDirectory: DirectoryID(high: 1, low: 2))
        _ = try store.recover { _ in }
        let mailbox = Mailbox(queue: DispatchQueue(label: "node"))
        let (inputs, continuation) = AsyncStream<Input>.makeStream()
        mailbox.open { for input in $0 { continuation.yield(input) } }
        let queue = StorageQueue(store: store, mailbox: mailbox, logger: Logger(label: "test"))

        let rows = (0..<160).map { Self.row($0, size: Self.mebibyte / 16) }
        queue.write([Self.write(1, size: 0)])
        queue.checkpoint(
            Checkpoint(
                position: LogPosition(term: Term(1), index: LogIndex(1)), changes: rows, counters: Counters(),
                digest: MetadataStateMachine().digest, compactThrough: nil))
        let writes: UInt64 = 128
        // Behind the checkpoint's first transaction, and all at once.
        queue.ping { for index in 2...writes { queue.write([Self.write(index, size: Self.mebibyte / 4)]) } }

        var persisted: [UInt64] = []
        for await input in inputs {
            if case .persisted(let id, _) = input { persisted.append(id.number) }
            if case .checkpointed = input { break }
        }
        // Ten MiB of rows, each written twice, against a quarter of that in the log.
        let ahead = try #require(persisted.last)
        #expect(persisted.count > 3, "the log stood still")
        #expect(ahead < 32, "\(ahead / 4) MiB were added to the log meanwhile")
        await withCheckedContinuation { done in queue.close { _ in done.resume() } }
        for await input in inputs {
            guard case .persisted(let id, _) = input, id.number == writes else { continue }
            break
        }
    }

    private static func write(_ index: UInt64, size: Int) -> Write {
        Write(
            id: WriteID(index), hardState: index == 1 ? HardState(currentTerm: Term(1)) : nil,
            entries: [
                LogEntry(
                    index: LogIndex(index), term: Term(1), type: "PUT",
                    data: Array("PUT\n/k\n".utf8) + [UInt8](repeating: 0x61, count: size), timestamp: 0)
            ])
    }

    private static func row(_ number: Int, size: Int) -> RowChange {
        let row = Row.keyValue(
            KeyValue(
                key: Key(validated: Array("/\(number)".utf8)), value: [UInt8](repeating: 0x62, count: size),
                createRevision: 1, modRevision: 1, version: 1))
        return RowChange(key: row.key, row: row)
    }
}
