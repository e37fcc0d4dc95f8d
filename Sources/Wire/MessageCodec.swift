import Raft

/// Peer messages in the dense form that nodes use between themselves: a header byte (version in the high half, kind of
/// message in the low one), who speaks, then numbers in base 128 and byte strings with their length. See
/// ``JSONMessageCodec`` for the form that everybody can write.
///
/// Version 3 adds what a node goes by and could; it is spoken to those who speak it. Version 2 is that of the second release.
/// Version 1 is that of the first release, which knew no directories: it is read, and written to nodes that know no other.
public enum MessageCodec {
    public static let contentType = "application/vnd.dmq.raft"

    static let extendedVersion: UInt8 = 0x30
    static let version: UInt8 = 0x20
    static let legacyVersion: UInt8 = 0x10

    enum Kind: UInt8 {
        case requestVote = 1
        case appendEntries = 2
        case installSnapshot = 3
        case timeoutNow = 4
        case introduction = 5
        case requestVoteReply = 9
        case appendEntriesReply = 10
        case installSnapshotReply = 11
        case timeoutNowReply = 12
        case introductionReply = 13
    }

    // MARK: Requests

    public static func encode(_ request: Request, in envelope: Envelope) -> [UInt8] {
        encode(request, isLegacy: false) { kind, bytes in
            bytes.append((envelope.configuration == nil ? version : extendedVersion) | kind.rawValue)
            bytes.append(envelope)
        }
    }

    /// For a node of the first release.
    public static func encodeLegacy(_ request: Request, sender: NodeID, clusterID: String?) -> [UInt8] {
        encode(request, isLegacy: true) { kind, bytes in
            bytes.append(legacyVersion | kind.rawValue)
            bytes.appendVarint(sender.number)
            bytes.appendOptional(clusterID)
        }
    }

    public static func encode(_ introduction: Introduction, in envelope: Envelope) -> [UInt8] {
        precondition((envelope.configuration == nil) == (introduction.abilities == nil), "two dialects in one message")
        let version = introduction.abilities == nil ? version : extendedVersion
        var bytes: [UInt8] = [version | Kind.introduction.rawValue]
        bytes.append(envelope)
        bytes.append(introduction)
        return bytes
    }

    private static func encode(_ request: Request, isLegacy: Bool, header: (Kind, inout [UInt8]) -> Void) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(256 + payloadBytes(of: request))
        switch request {
        case .requestVote(let vote):
            header(.requestVote, &bytes)
            append(vote, to: &bytes)
        case .appendEntries(let append):
            header(.appendEntries, &bytes)
            Self.append(append, isLegacy: isLegacy, to: &bytes)
        case .installSnapshot(let snapshot):
            header(.installSnapshot, &bytes)
            append(snapshot, to: &bytes)
        case .timeoutNow(let timeout):
            header(.timeoutNow, &bytes)
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

    private static func append(_ vote: RequestVote, to bytes: inout [UInt8]) {
        bytes.appendVarint(vote.term.number)
        bytes.appendVarint(vote.candidate.number)
        append(vote.lastLog, to: &bytes)
        bytes.appendBool(vote.isPreVote)
        bytes.appendBool(vote.isLeadershipTransfer)
    }

    private static func append(_ append: AppendEntries, isLegacy: Bool, to bytes: inout [UInt8]) {
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
        // What the first release did not know stands at the end, and is not sent to it.
        guard !isLegacy else { return }
        bytes.appendBool(append.verdict != nil)
        if let verdict = append.verdict { Self.append(verdict, to: &bytes) }
    }

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

    /// - Parameter speaker: Who answers; `nil` for an answer to a node of the first release.
    public static func encode(_ reply: Reply, from speaker: Speaker?) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(96)
        func appendHeader(_ kind: Kind) {
            bytes.append((speaker == nil ? legacyVersion : version) | kind.rawValue)
            if let speaker { bytes.append(speaker) }
        }
        switch reply {
        case .requestVote(let reply):
            appendHeader(.requestVoteReply)
            bytes.appendVarint(reply.term.number)
            bytes.appendBool(reply.voteGranted)
            bytes.appendBool(reply.isPreVote)
        case .appendEntries(let reply):
            appendHeader(.appendEntriesReply)
            append(reply, isLegacy: speaker == nil, to: &bytes)
        case .installSnapshot(let reply):
            appendHeader(.installSnapshotReply)
            bytes.appendVarint(reply.term.number)
            bytes.appendVarint(reply.nextSequence)
            bytes.appendBool(reply.isInstalled)
        case .timeoutNow(let reply):
            appendHeader(.timeoutNowReply)
            bytes.appendVarint(reply.term.number)
        }
        return bytes
    }

    public static func encode(_ reply: IntroductionReply) -> [UInt8] {
        let version = reply.introduction.abilities == nil ? version : extendedVersion
        var bytes: [UInt8] = [version | Kind.introductionReply.rawValue]
        bytes.append(reply.introduction)
        bytes.append(reply.refusal?.rawValue ?? 0)
        return bytes
    }

    private static func append(_ reply: AppendEntriesReply, isLegacy: Bool, to bytes: inout [UInt8]) {
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
        guard !isLegacy else { return }
        bytes.appendBool(reply.digest != nil)
        if let digest = reply.digest { append(digest, to: &bytes) }
        bytes.appendBool(reply.contradiction != nil)
        if let committed = reply.contradiction { append(committed, to: &bytes) }
    }
}
