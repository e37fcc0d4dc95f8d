import Foundation
import Metadata
import Raft
import Wire

@testable import Simulation

/// What the nodes say they have committed, put together from all of them: they must tell the same story, and each tell
/// the state that it comes to.
final class CommittedLog {
    private var metadata = MetadataStateMachine()
    private var last: LogEntry?
    /// The revision of each write, by its token.
    private(set) var revisions: [String: UInt64] = [:]

    /// Entries applied so far.
    var count: Int { last.map { Int($0.index.number) } ?? 0 }

    /// The digest of the state behind the last entry.
    var digest: String { metadata.digest.description }

    func broker(_ id: Int) -> Broker? { metadata.broker(BrokerID(id)) }

    func hasTopic(_ name: String) -> Bool { metadata.topic(name) != nil }

    private struct Page: Decodable {
        struct Entry: Decodable {
            var index: UInt64
            var term: UInt64
            var commandType: String
            var commandData: String?
            var commandDataBase64: Data?
            var timestamp: Int64

            var entry: LogEntry {
                LogEntry(
                    index: LogIndex(index), term: Term(term), type: commandType,
                    data: commandData.map { Array($0.utf8) } ?? Array(commandDataBase64 ?? Data()), timestamp: timestamp
                )
            }
        }
        var firstLogIndex: UInt64
        var entries: [Entry]
    }

    /// Takes from `node` what it has committed up to now, unless it has forgotten what comes next: after a snapshot a
    /// node has nothing that was before it.
    func follow(_ node: some Reachable) throws {
        let committed = try node.status(patience: .seconds(1)).commit
        while count < committed {
            // The last one again: this node must have the same there.
            let answer = try node.get("/api/v1/raft/log?from=\(max(count, 1))&limit=1000", patience: .seconds(5))
            let page = try JSONDecoder().decode(Page.self, from: Data(answer.body))
            guard page.firstLogIndex <= count + 1, (page.entries.last?.index ?? 0) > count else { return }
            for entry in page.entries where entry.index <= committed { try take(entry.entry, from: node.id) }
        }
    }

    private func take(_ entry: LogEntry, from node: Int) throws {
        if let last, entry.index == last.index {
            guard entry == last else { throw Failure("node \(node) has committed \(entry), others have \(last)") }
            return
        }
        guard Int(entry.index.number) == count + 1 else {
            throw Failure("node \(node) skips from \(count) to \(entry.index)")
        }
        last = entry
        if entry.type == LogEntry.configuration {
            _ = metadata.adopt(Counters.Members(entry))
            return
        }
        let command = try CommandCodec.decode(type: entry.type, data: entry.data)
        let outcome = metadata.apply(command, timestamp: entry.timestamp)
        _ = metadata.takeChangedRows()
        if case .put(let put) = command, let token = put.token, case .put(let revision, _) = outcome.result {
            if let first = revisions.updateValue(revision, forKey: token) {
                throw Failure("write \(token) is committed twice, at the revisions \(first) and \(revision)")
            }
        }
    }
}
