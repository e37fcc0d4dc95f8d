import Raft

extension MessageCodec {
    static let maxTypeBytes = 64
    private static let counter = Limits.counter

    // MARK: Requests

    /// What a peer asks.
    public enum Question: Equatable, Sendable {
        case request(Request, RequestOrigin)
        case introduction(Introduction, Envelope)
    }

    /// Never traps: whatever the bytes, the answer is a question whose numbers are in range and whose entries follow
    /// each other, or an error.
    public static func decodeQuestion(_ bytes: [UInt8]) throws(WireError) -> Question {
        var reader = ByteReader(bytes, subject: "peer request")
        let (kind, dialect) = try decodeKind(&reader)
        let isLegacy = dialect == .first
        let origin: RequestOrigin
        if isLegacy {
            origin = .legacy(sender: try decodeNode(&reader), cluster: try reader.clusterID())
        } else {
            let envelope = try reader.envelope(isExtended: dialect == .third)
            if kind == .introduction {
                let introduction = try reader.introduction(isExtended: dialect == .third)
                guard introduction.speaker == envelope.sender else { throw reader.error("two speakers") }
                try reader.finish()
                return .introduction(introduction, envelope)
            }
            origin = .envelope(envelope)
        }
        let request = try decodeRequest(kind, &reader, isLegacy: isLegacy)
        try reader.finish()
        return .request(request, origin)
    }

    private static func decodeRequest(
        _ kind: Kind, _ reader: inout ByteReader, isLegacy: Bool
    ) throws(WireError) -> Request {
        switch kind {
        case .requestVote: .requestVote(try decodeRequestVote(&reader))
        case .appendEntries: .appendEntries(try decodeAppendEntries(&reader, isLegacy: isLegacy))
        case .installSnapshot: .installSnapshot(try decodeInstallSnapshot(&reader))
        case .timeoutNow:
            .timeoutNow(TimeoutNow(term: try decodeTerm(&reader), leader: try decodeNode(&reader)))
        default: throw reader.error("not a request")
        }
    }

    /// Of the releases that speak differently.
    private enum Dialect { case first, second, third }

    private static func decodeKind(_ reader: inout ByteReader) throws(WireError) -> (Kind, Dialect) {
        let header = try reader.byte()
        let dialect: Dialect
        switch header & 0xF0 {
        case legacyVersion: dialect = .first
        case version: dialect = .second
        case extendedVersion: dialect = .third
        default: throw reader.error("version \(header >> 4), not \(extendedVersion >> 4)")
        }
        guard let kind = Kind(rawValue: header & 0x0F) else { throw reader.error("unknown kind \(header & 0x0F)") }
        return (kind, dialect)
    }

    private static func decodeTerm(_ reader: inout ByteReader) throws(WireError) -> Term {
        Term(try reader.varint(in: counter))
    }

    private static func decodeIndex(_ reader: inout ByteReader) throws(WireError) -> LogIndex {
        LogIndex(try reader.varint(in: counter))
    }

    private static func decodeNode(_ reader: inout ByteReader) throws(WireError) -> NodeID {
        NodeID(try reader.varint(in: Limits.id))
    }

    private static func decodePosition(_ reader: inout ByteReader) throws(WireError) -> LogPosition {
        LogPosition(term: try decodeTerm(&reader), index: try decodeIndex(&reader))
    }

    private static func decodeRequestVote(_ reader: inout ByteReader) throws(WireError) -> RequestVote {
        RequestVote(
            term: try decodeTerm(&reader), candidate: try decodeNode(&reader), lastLog: try decodePosition(&reader),
            isPreVote: try reader.bool(), isLeadershipTransfer: try reader.bool())
    }

    private static func decodeAppendEntries(
        _ reader: inout ByteReader, isLegacy: Bool
    ) throws(WireError) -> AppendEntries {
        var append = AppendEntries(
            term: try decodeTerm(&reader), leader: try decodeNode(&reader), previous: try decodePosition(&reader),
            entries: [], leaderCommit: try decodeIndex(&reader), readRound: try reader.varint(in: counter))
        if try reader.bool() { append.digest = try decodeDigest(&reader) }
        // The shortest entry: difference of terms, timestamp, two lengths.
        let count = try reader.count(minimumBytes: 4)
        append.entries.reserveCapacity(count)
        var last = append.previous
        for _ in 0..<count {
            let entry = try decodeEntry(&reader, behind: last)
            guard entry.term <= append.term else { throw reader.error("an entry of a later term than its leader's") }
            append.entries.append(entry)
            last = entry.position
        }
        if !isLegacy, try reader.bool() { append.verdict = try decodeVerdict(&reader) }
        return append
    }

    private static func decodeDigest(_ reader: inout ByteReader) throws(WireError) -> StateDigest {
        StateDigest(index: try decodeIndex(&reader), high: try reader.fixed64(), low: try reader.fixed64())
    }

    private static func decodeVerdict(_ reader: inout ByteReader) throws(WireError) -> Verdict {
        guard let kind = VerdictKind(rawValue: try reader.byte()) else { throw reader.error("unknown verdict") }
        let subject: Verdict.Subject =
            switch kind {
            case .state: .state(try decodeDigest(&reader))
            case .entry: .entry(try decodePosition(&reader))
            }
        var voters: [NodeID] = []
        for _ in 0..<(try reader.listCount(minimumBytes: 1)) { voters.append(try decodeNode(&reader)) }
        return Verdict(subject, voters: voters)
    }

    private static func decodeEntry(
        _ reader: inout ByteReader, behind last: LogPosition
    ) throws(WireError) -> LogEntry {
        let difference = try reader.varint(in: counter)
        let timestamp = try reader.zigZag()
        let type = try reader.countedString(maxBytes: maxTypeBytes)
        let data = try reader.countedBytes()
        // Neither sum can overflow: all parts are below 2^53.
        let index = LogIndex(last.index.number + 1)
        guard index.number <= UInt64(counter.upperBound) else { throw reader.error("an index out of range") }
        return LogEntry(
            index: index, term: Term(last.term.number + difference), type: type, data: data, timestamp: timestamp)
    }

    private static func decodeInstallSnapshot(_ reader: inout ByteReader) throws(WireError) -> InstallSnapshot {
        let term = try decodeTerm(&reader)
        let leader = try decodeNode(&reader)
        let lastIncluded = try decodePosition(&reader)
        let sequence = try reader.varint(in: counter)
        let isLast = try reader.bool()
        return InstallSnapshot(
            term: term, leader: leader, lastIncluded: lastIncluded, sequence: sequence,
            data: try reader.countedBytes(), isLast: isLast)
    }

    // MARK: Replies

    /// What a peer answers.
    public enum Answer: Equatable, Sendable {
        /// `from` is `nil` for a node of the first release.
        case reply(Reply, from: Speaker?)
        /// To an introduction, or to a request that was refused.
        case introduction(IntroductionReply)
    }

    /// Never traps; see ``decodeQuestion(_:)``.
    public static func decodeAnswer(_ bytes: [UInt8]) throws(WireError) -> Answer {
        var reader = ByteReader(bytes, subject: "peer reply")
        let (kind, dialect) = try decodeKind(&reader)
        let isLegacy = dialect == .first
        if kind == .introductionReply, !isLegacy {
            let introduction = try reader.introduction(isExtended: dialect == .third)
            let number = try reader.byte()
            let refusal = Misfit(rawValue: number)
            guard number == 0 || refusal != nil else { throw reader.error("unknown refusal \(number)") }
            try reader.finish()
            return .introduction(IntroductionReply(introduction: introduction, refusal: refusal))
        }
        // What the third dialect added stands in introductions only.
        guard dialect != .third else { throw reader.error("a reply in a dialect that has none of its kind") }
        let speaker = isLegacy ? nil : try reader.speaker()
        let reply = try decodeReply(kind, &reader, isLegacy: isLegacy)
        try reader.finish()
        return .reply(reply, from: speaker)
    }

    private static func decodeReply(
        _ kind: Kind, _ reader: inout ByteReader, isLegacy: Bool
    ) throws(WireError) -> Reply {
        switch kind {
        case .requestVoteReply:
            .requestVote(
                RequestVoteReply(
                    term: try decodeTerm(&reader), voteGranted: try reader.bool(), isPreVote: try reader.bool()))
        case .appendEntriesReply: .appendEntries(try decodeAppendEntriesReply(&reader, isLegacy: isLegacy))
        case .installSnapshotReply:
            .installSnapshot(
                InstallSnapshotReply(
                    term: try decodeTerm(&reader), nextSequence: try reader.varint(in: counter),
                    isInstalled: try reader.bool()))
        case .timeoutNowReply: .timeoutNow(TimeoutNowReply(term: try decodeTerm(&reader)))
        default: throw reader.error("not a reply")
        }
    }

    private static func decodeAppendEntriesReply(
        _ reader: inout ByteReader, isLegacy: Bool
    ) throws(WireError) -> AppendEntriesReply {
        var reply = AppendEntriesReply(
            term: try decodeTerm(&reader), success: try reader.bool(), matchIndex: try decodeIndex(&reader),
            readRound: try reader.varint(in: counter))
        if try reader.bool() {
            let term = try reader.bool() ? try decodeTerm(&reader) : nil
            reply.conflict = .init(term: term, index: try decodeIndex(&reader))
        }
        guard !isLegacy else { return reply }
        if try reader.bool() { reply.digest = try decodeDigest(&reader) }
        if try reader.bool() { reply.contradiction = try decodePosition(&reader) }
        return reply
    }
}
