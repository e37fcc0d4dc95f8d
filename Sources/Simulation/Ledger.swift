import Metadata
import Raft
import Wire

/// What the cluster committed, in order, and what that comes to: the one story that all nodes must tell.
final class Ledger {
    private(set) var entries: [LogEntry] = []
    /// The term of the node that first knew the entry to be committed.
    private(set) var commitTerms: [Term] = []
    private(set) var digests: [Digest]
    /// By the product's rules: for the digests, which are its own.
    private(set) var metadata = MetadataStateMachine()
    /// By the contract's.
    private(set) var model = Model()
    /// Of each entry, by the contract; `nil` of one that is no command.
    private var answers: [ModelAnswer?] = []
    /// What the last entry asks for.
    private(set) var lastCommand: Command?
    /// The latest term whose opening entry is committed, with its index.
    private(set) var openedTerm = Term.zero

    /// The revision of each write, by its token.
    private(set) var revisions: [String: UInt64] = [:]

    init() { digests = [metadata.digest] }

    var last: LogIndex { LogIndex(UInt64(entries.count)) }
    var lastAnswer: ModelAnswer? { answers.last ?? nil }

    subscript(index: LogIndex) -> LogEntry { entries[Int(index.number) - 1] }
    func position(at index: LogIndex) -> LogPosition { entries[Int(index.number) - 1].position }
    func commitTerm(of index: LogIndex) -> Term { commitTerms[Int(index.number) - 1] }
    func digest(at index: LogIndex) -> Digest { digests[Int(index.number)] }

    /// Returns what the entry comes to for the product, and the token of a write.
    func append(_ entry: LogEntry, committedIn term: Term) -> (Outcome, token: String?) {
        precondition(entry.index == last.next)
        entries.append(entry)
        commitTerms.append(term)
        if entry.type == LogEntry.noop { openedTerm = max(openedTerm, entry.term) }
        var outcome = Outcome(result: .refused(.invalidCommand))
        var token: String?
        if entry.type == LogEntry.configuration { outcome = metadata.adopt(Counters.Members(entry)) }
        lastCommand = try? CommandCodec.decode(type: entry.type, data: entry.data)
        if let command = lastCommand {
            outcome = metadata.apply(command, timestamp: entry.timestamp)
            if case .put(let put) = command { token = put.token }
            if let token, case .put(let revision, _) = outcome.result { revisions[token] = revision }
        }
        answers.append(lastCommand.map { model.apply($0, at: entry.timestamp) })
        _ = metadata.takeChangedRows()
        digests.append(metadata.digest)
        return (outcome, token)
    }

    /// Whether an equal command that was committed behind `index` came to `answer`. Who proposed something is answered for
    /// an entry that is not older than the question. A bit of a value that flipped in a node's memory is no lie of its.
    func explains(_ answer: CommandResult, of command: Command, after index: LogIndex) -> Bool {
        let (type, data) = CommandCodec.encode(command)
        return explains(answer, type: type, data: data, after: index)
    }

    func explains(_ answer: CommandResult, type: String, data: [UInt8], after index: LogIndex) -> Bool {
        guard let command = try? CommandCodec.decode(type: type, data: data) else { return false }
        let answer = ModelAnswer(answer, of: command).withoutLastBytes
        return entries.indices.dropFirst(Int(index.number)).contains {
            entries[$0].type == type && entries[$0].data == data && answers[$0]?.withoutLastBytes == answer
        }
    }
}
