import Dispatch
import Metadata
import Raft
import Storage

/// Reads snapshots for followers beside the writer, each through a read-only connection of its own.
final class SnapshotQueue: Sendable {
    private static let chunkBytes = 512 * 1024

    private let queue = DispatchQueue(label: "dmq.snapshots")
    private let directory: String
    private let mailbox: Mailbox
    private let readers = Confined()

    /// Used on `queue` only.
    private final class Confined: @unchecked Sendable { var readers: [NodeID: SnapshotReader] = [:] }

    init(directory: String, mailbox: Mailbox) {
        self.directory = directory
        self.mailbox = mailbox
    }

    func open(for peer: NodeID) {
        queue.async { [self] in
            do throws(StorageError) {
                let reader = try SnapshotReader(directory: directory)
                readers.readers[peer] = reader
                let description = SnapshotDescription(
                    position: reader.position, counters: reader.counters, digest: reader.digest)
                mailbox.post(.snapshotOpened(for: peer, description))
            } catch {
                mailbox.post(.snapshotUnreadable(for: peer, "\(error)"))
            }
        }
    }

    func read(for peer: NodeID) {
        queue.async { [self] in
            guard let reader = readers.readers[peer] else { return }
            do throws(StorageError) {
                mailbox.post(.snapshotRead(for: peer, try reader.next(maxBytes: Self.chunkBytes)))
            } catch {
                mailbox.post(.snapshotUnreadable(for: peer, "\(error)"))
            }
        }
    }

    func close(for peer: NodeID) {
        queue.async { [self] in readers.readers.removeValue(forKey: peer)?.close() }
    }
}
