import Raft

/// Peer messages in the dense form that nodes use between themselves: a header byte (version in the high half, kind of
/// message in the low one), then numbers in base 128 and byte strings with their length. See ``JSONMessageCodec`` for
/// the form that everybody can write.
public enum MessageCodec {
    public static let contentType = "application/vnd.dmq.raft"

    static let version: UInt8 = 0x10

    enum Kind: UInt8 {
        case requestVote = 1
        case appendEntries = 2
        case installSnapshot = 3
        case timeoutNow = 4
        case requestVoteReply = 9
        case appendEntriesReply = 10
        case installSnapshotReply = 11
        case timeoutNowReply = 12

        var header: UInt8 { MessageCodec.version | rawValue }
    }

    // MARK: Requests

    /// - Parameters:
    ///   - sender: The node that asks.
    ///   - clusterID: The sender's cluster, if it knows one.
    public static func encode(_ request: Request, sender: NodeID, clusterID: String?) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(128 + payloadBytes(of: request))
        switch request {
        case .requestVote(let vote):
            appendHeader(.requestVote, sender, clusterID, to: &bytes)
            append(vote, to: &bytes)
        case .appendEntries(let append):
            appendHeader(.appendEntries, sender, clusterID, to: &bytes)
            Self.append(append, to: &bytes)
        case .installSnapshot(let snapshot):
            appendHeader(.installSnapshot, sender, clusterID, to: &bytes)
            append(snapshot, to: &bytes)
        case .timeoutNow(let timeout):
            appendHeader(.timeoutNow, sender, clusterID, to: &bytes)
            bytes.appendVarint(timeout.term.number)
            bytes.appendVarint(timeout.leader.number)
        }
        return bytes
    }

    /// An upper bound, so that the buffer is allocated once.
    private static func payloadBytes(of request: Request) -> Int {
        switch request {
        case .appendEntries(let append): append.entries.reduce(0) { $0 + $1.data.count + $1.type.utf8.count + 40 }
        case .installSnapshot(let snapshot): snapshot.data.count
        case .requestVote, .timeoutNow: 0
        }
    }

    private static func appendHeader(_ kind: Kind, _ sender: NodeID, _ clusterID: String?, to bytes: inout [UInt8]) {
        bytes.append(kind.header)
        bytes.appendVarint(sender.number)
        bytes.appendOptional(clusterID)
    }

    private static func append(_ vote: RequestVote, to bytes: inout [UInt8]) {
        bytes.appendVarint(vote.term.number)
        bytes.appendVarint(vote.candidate.number)
        append(vote.lastLog, to: &bytes)
        bytes.appendBool(vote.isPreVote)
        bytes.appendBool(vote.isLeadershipTransfer)
    }

    private static func append(_ append: AppendEntries, to bytes: inout [UInt8]) {
        bytes.appendVarint(append.term.number)
        bytes.appendVarint(append.leader.number)
        Self.append(append.previous, to: &bytes)
        bytes.appendVarint(append.leaderCommit.number)
        bytes.appendVarint(append.readRound)
        bytes.appendBool(append.digest != nil)
        if let digest = append.digest { Self.append(digest, to: &bytes) }
        bytes.appendVarint(UInt64(append.entries.count))
        var last = append.previous
        for entry in append.entries {
            Self.append(entry, behind: last, to: &bytes)
            last = entry.position
        }
        if let verdict = append.verdict { Self.append(verdict, to: &bytes) }
    }

    /// Stands at the end of an append, and only where there is one: the message is else as it was before there were any.
    private static func append(_ verdict: Verdict, to bytes: inout [UInt8]) {
        switch verdict.subject {
        case .state(let digest):
            bytes.append(VerdictKind.state.rawValue)
            append(digest, to: &bytes)
        case .entry(let position):
            bytes.append(VerdictKind.entry.rawValue)
            append(position, to: &bytes)
        }
        bytes.appendVarint(UInt64(verdict.voters.count))
        for voter in verdict.voters { bytes.appendVarint(voter.number) }
    }

    enum VerdictKind: UInt8 {
        case state = 1
        case entry = 2
    }

    private static func append(_ digest: StateDigest, to bytes: inout [UInt8]) {
        bytes.appendVarint(digest.index.number)
        bytes.appendFixed64(digest.high)
        bytes.appendFixed64(digest.low)
    }

    /// An entry's index is not sent: it follows from its place, so a message can not say that there is a gap.
    private static func append(_ entry: LogEntry, behind last: LogPosition, to bytes: inout [UInt8]) {
        precondition(entry.index == last.index.next, "entries of an append must follow each other without a gap")
        precondition(entry.term >= last.term, "terms in a log never decrease")
        bytes.appendVarint(entry.term.number - last.term.number)
        bytes.appendZigZag(entry.timestamp)
        bytes.appendCounted(entry.type)
        bytes.appendCounted(entry.data)
    }

    private static func append(_ snapshot: InstallSnapshot, to bytes: inout [UInt8]) {
        bytes.appendVarint(snapshot.term.number)
        bytes.appendVarint(snapshot.leader.number)
        append(snapshot.lastIncluded, to: &bytes)
        bytes.appendVarint(snapshot.sequence)
        bytes.appendBool(snapshot.isLast)
        bytes.appendCounted(snapshot.data)
    }

    private static func append(_ position: LogPosition, to bytes: inout [UInt8]) {
        bytes.appendVarint(position.term.number)
        bytes.appendVarint(position.index.number)
    }

    // MARK: Replies

    public static func encode(_ reply: Reply) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(64)
        switch reply {
        case .requestVote(let reply):
            bytes.append(Kind.requestVoteReply.header)
            bytes.appendVarint(reply.term.number)
            bytes.appendBool(reply.voteGranted)
            bytes.appendBool(reply.isPreVote)
        case .appendEntries(let reply):
            bytes.append(Kind.appendEntriesReply.header)
            append(reply, to: &bytes)
        case .installSnapshot(let reply):
            bytes.append(Kind.installSnapshotReply.header)
            bytes.appendVarint(reply.term.number)
            bytes.appendVarint(reply.nextSequence)
            bytes.appendBool(reply.isInstalled)
        case .timeoutNow(let reply):
            bytes.append(Kind.timeoutNowReply.header)
            bytes.appendVarint(reply.term.number)
        }
        return bytes
    }

    private static func append(_ reply: AppendEntriesReply, to bytes: inout [UInt8]) {
        bytes.appendVarint(reply.term.number)
        bytes.appendBool(reply.success)
        bytes.appendVarint(reply.matchIndex.number)
        bytes.appendVarint(reply.readRound)
        bytes.appendBool(reply.conflict != nil)
        if let conflict = reply.conflict {
            bytes.appendBool(conflict.term != nil)
            if let term = conflict.term { bytes.appendVarint(term.number) }
            bytes.appendVarint(conflict.index.number)
        }
        // At the end, and only where there is something: the message is else as it was before there were these.
        guard reply.digest != nil || reply.contradiction != nil else { return }
        bytes.appendBool(reply.digest != nil)
        if let digest = reply.digest { append(digest, to: &bytes) }
        bytes.appendBool(reply.contradiction != nil)
        if let committed = reply.contradiction { append(committed, to: &bytes) }
    }
}
