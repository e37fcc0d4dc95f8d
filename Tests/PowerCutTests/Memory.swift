import Metadata
import Raft
import Storage

/// What a store was told and said it will keep.
struct Memory {
    var hardState = HardState()
    var logBase = LogPosition.zero
    var entries: [LogEntry] = []
    var applied = LogPosition.zero
    var state = MetadataStateMachine()
    var identity = NodeIdentity(node: NodeID(1), directory: NodeStore.newDirectory)

    init() {}

    /// What a store said it held.
    init(_ node: RecoveredNode) {
        (hardState, logBase, entries, applied) = (node.hardState, node.logBase, node.entries, node.applied)
        (state, identity) = (node.metadata, node.identity)
    }

    var last: LogPosition { entries.last?.position ?? logBase }

    func position(_ index: LogIndex) -> LogPosition {
        index == logBase.index ? logBase : entries[Int(index.number - logBase.index.number) - 1].position
    }

    mutating func apply(_ write: Write) {
        if let hardState = write.hardState { self.hardState = hardState }
        if let index = write.truncateFrom { entries.removeAll { $0.index >= index } }
        entries += write.entries
    }

    /// Moves on by `commands`; returns what that changes.
    mutating func apply(_ commands: [Command], at position: LogPosition) -> [RowChange] {
        identity.clusterID = "c1"
        for command in [.noop(clusterID: "c1")] + commands { _ = state.apply(command, timestamp: 0) }
        applied = position
        return state.takeChangedRows()
    }

    /// How `node` differs from this, in the words of a report; empty if it does not.
    func differences(from node: RecoveredNode) -> [Violation.Finding] {
        var findings: [Violation.Finding] = []
        if node.hardState != hardState {
            let isBack = node.hardState.currentTerm <= hardState.currentTerm
            findings.append(
                .init(kind: isBack ? .lost : .invented, text: "\(node.hardState) instead of \(hardState)"))
        }
        if node.logBase != logBase || node.applied != applied {
            findings.append(
                .init(
                    kind: node.applied.index < applied.index ? .lost : .invented,
                    text: "applied \(node.applied) behind \(node.logBase) instead of \(applied) behind \(logBase)"))
        }
        if node.entries != entries {
            let isShort = node.entries.count < entries.count && entries.starts(with: node.entries)
            let last = node.entries.last?.position ?? node.logBase
            findings.append(
                .init(kind: isShort ? .lost : .invented, text: "a log up to \(last) instead of \(self.last)"))
        }
        if node.metadata.digest != state.digest || node.metadata.counters != state.counters {
            findings.append(
                .init(kind: .invented, text: "the digest \(node.metadata.digest) instead of \(state.digest)"))
        }
        if node.identity != identity {
            let isBack = node.identity.run.number < identity.run.number
            findings.append(.init(kind: isBack ? .lost : .invented, text: "\(node.identity) instead of \(identity)"))
        }
        if let copy = node.copy { findings.append(.init(kind: .mistaken, text: copy)) }
        return findings
    }
}

/// A store that broke its word.
struct Violation: Error, CustomStringConvertible {
    enum Kind {
        case lost, invented, refused
        /// The node's own files were taken for a copy.
        case mistaken
    }

    struct Finding {
        var kind: Kind
        var text: String
    }

    var place: String
    var findings: [Finding]

    var description: String { place + ": " + findings.map { "\($0.kind): \($0.text)" }.joined(separator: "; ") }
}
