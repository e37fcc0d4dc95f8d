import FoundationEssentials
import Raft

/// Peer messages as JSON, for people, tests and programs that are no node. Numbers out of range are refused: a stranger's
/// term of 2^64 could otherwise never be outgrown.
public enum JSONMessageCodec {
    // MARK: Requests

    /// `{"term":4,"candidateId":3,"lastLogIndex":42,"lastLogTerm":3}`, optionally with `"preVote":true`.
    public static func decodeRequestVote(_ text: [UInt8]) throws(JSONInputError) -> RequestVote {
        let json = try JSONObject(parsing: text)
        return RequestVote(
            term: try json.term("term"), candidate: try json.node("candidateId"),
            lastLog: try json.position(term: "lastLogTerm", index: "lastLogIndex"),
            isPreVote: try json.boolIfPresent("preVote") ?? false)
    }

    /// `{"term":3,"leaderId":2,"prevLogIndex":41,"prevLogTerm":3,"entries":[…],"leaderCommit":41}`; for the entries see
    /// ``write(_:to:)``.
    public static func decodeAppendEntries(_ text: [UInt8]) throws(JSONInputError) -> AppendEntries {
        let json = try JSONObject(parsing: text)
        let term = try json.term("term")
        let leader = try json.node("leaderId")
        let previous = try json.position(term: "prevLogTerm", index: "prevLogIndex")
        let leaderCommit = try json.index("leaderCommit")
        var last = previous
        let entries = try json.objects("entries") { json throws(JSONInputError) in
            let entry = try decodeEntry(json, behind: last, leaderTerm: term)
            last = entry.position
            return entry
        }
        return AppendEntries(
            term: term, leader: leader, previous: previous, entries: entries, leaderCommit: leaderCommit)
    }

    private static func decodeEntry(
        _ json: JSONObject, behind last: LogPosition, leaderTerm: Term
    ) throws(JSONInputError) -> LogEntry {
        let index = try json.index("index")
        guard index.number == last.index.number + 1 else {
            throw JSONInputError(
                code: .outOfRange, field: "index",
                problem: "must be \(last.index.number + 1): entries follow each other")
        }
        let term = try json.term("term")
        guard term >= last.term, term <= leaderTerm else {
            throw JSONInputError(
                code: .outOfRange, field: "term",
                problem: "must be at least \(last.term), the term before it, and at most \(leaderTerm), the leader's")
        }
        let type = try json.string("commandType")
        guard (1...MessageCodec.maxTypeBytes).contains(type.utf8.count) else {
            throw JSONInputError(
                code: .outOfRange, field: "commandType", problem: "must have 1 to \(MessageCodec.maxTypeBytes) bytes")
        }
        let data = try json.bytes("commandData", base64: "commandDataBase64")
        let timestamp = try json.integerIfPresent("timestamp", in: Limits.counter)
        return LogEntry(index: index, term: term, type: type, data: data, timestamp: timestamp ?? 0)
    }

    /// `{"term":3,"leaderId":2,"lastIncludedIndex":41,"lastIncludedTerm":3,"sequence":0,"dataBase64":"…","done":false}`.
    public static func decodeInstallSnapshot(_ text: [UInt8]) throws(JSONInputError) -> InstallSnapshot {
        let json = try JSONObject(parsing: text)
        return InstallSnapshot(
            term: try json.term("term"), leader: try json.node("leaderId"),
            lastIncluded: try json.position(term: "lastIncludedTerm", index: "lastIncludedIndex"),
            sequence: UInt64(try json.integer("sequence", in: Limits.counter)), data: try json.base64("dataBase64"),
            isLast: try json.bool("done"))
    }

    /// `{"term":3,"leaderId":2}`.
    public static func decodeTimeoutNow(_ text: [UInt8]) throws(JSONInputError) -> TimeoutNow {
        let json = try JSONObject(parsing: text)
        return TimeoutNow(term: try json.term("term"), leader: try json.node("leaderId"))
    }

    // MARK: Replies

    public static func encode(_ reply: Reply) -> [UInt8] {
        var json = JSONWriter(capacity: 128)
        json.object { json in
            switch reply {
            case .requestVote(let reply):
                json.field("term", reply.term.number)
                json.field("voteGranted", reply.voteGranted)
            case .appendEntries(let reply): write(reply, to: &json)
            case .installSnapshot(let reply):
                json.field("term", reply.term.number)
                json.field("nextSequence", reply.nextSequence)
                json.field("installed", reply.isInstalled)
            case .timeoutNow(let reply):
                json.field("term", reply.term.number)
            }
        }
        return json.bytes
    }

    private static func write(_ reply: AppendEntriesReply, to json: inout JSONWriter) {
        json.field("term", reply.term.number)
        json.field("success", reply.success)
        json.field("matchIndex", reply.matchIndex.number)
        if let conflict = reply.conflict {
            json.field("conflictTerm", conflict.term?.number)
            json.field("conflictIndex", conflict.index.number)
        }
    }

    // MARK: Entries

    /// `{"index":42,"term":3,"commandType":"…","commandData":"…","timestamp":…}`; a payload that is not UTF-8 stands as
    /// `commandDataBase64` in place of `commandData`. What stands before the data of the entry.
    public static func begin(_ entry: LogEntry, in json: inout JSONWriter) {
        json.beginObject()
        json.field("index", entry.index.number)
        json.field("term", entry.term.number)
        json.field("commandType", entry.type)
    }

    /// What stands behind the data of the entry.
    public static func end(_ entry: LogEntry, in json: inout JSONWriter) {
        json.field("timestamp", entry.timestamp)
        json.endObject()
    }
}

extension JSONObject {
    fileprivate func term(_ name: String) throws(JSONInputError) -> Term {
        Term(UInt64(try integer(name, in: Limits.counter)))
    }

    fileprivate func index(_ name: String) throws(JSONInputError) -> LogIndex {
        LogIndex(UInt64(try integer(name, in: Limits.counter)))
    }

    fileprivate func node(_ name: String) throws(JSONInputError) -> NodeID {
        NodeID(UInt64(try integer(name, in: Limits.id)))
    }

    fileprivate func position(term: String, index: String) throws(JSONInputError) -> LogPosition {
        LogPosition(term: try self.term(term), index: try self.index(index))
    }

    fileprivate func base64(_ name: String) throws(JSONInputError) -> [UInt8] {
        guard let data = Data(base64Encoded: try string(name)) else {
            throw JSONInputError(code: .outOfRange, field: name, problem: "must be base64 (RFC 4648 §4)")
        }
        return Array(data)
    }

    /// Exactly one of the two fields.
    fileprivate func bytes(_ name: String, base64: String) throws(JSONInputError) -> [UInt8] {
        guard let encoded = try stringIfPresent(base64) else { return Array(try string(name).utf8) }
        guard try stringIfPresent(name) == nil, !encoded.isEmpty else {
            throw JSONInputError(code: .outOfRange, field: base64, problem: "stands in place of `\(name)`")
        }
        return try self.base64(base64)
    }
}
