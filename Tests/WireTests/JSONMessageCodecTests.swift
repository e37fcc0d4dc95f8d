import Raft
import Testing
import Wire

@Suite struct JSONMessageCodecTests {
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
    private func text(_ reply: Reply) -> String { String(decoding: JSONMessageCodec.encode(reply), as: UTF8.self) }

    @Test func `the contract's vote request is read`() throws {
        let plain = #"{"term":4,"candidateId":3,"lastLogIndex":42,"lastLogTerm":3}"#
        var vote = RequestVote(
            term: Term(4), candidate: NodeID(3), lastLog: LogPosition(term: Term(3), index: LogIndex(42)))
        #expect(try JSONMessageCodec.decodeRequestVote(bytes(plain)) == vote)
        vote.isPreVote = true
        #expect(try JSONMessageCodec.decodeRequestVote(bytes(plain.dropLast() + #","preVote":true}"#)) == vote)
    }

    @Test func `the contract's append is read`() throws {
        let json =
            #"{"term":3,"leaderId":2,"prevLogIndex":41,"prevLogTerm":3,"entries":[{"index":42,"term":3,"commandType":"CreateTopicCommand","commandData":"{\"a\":1}"}],"leaderCommit":41}"#
        let entry = LogEntry(
            index: LogIndex(42), term: Term(3), type: "CreateTopicCommand", data: bytes("{\"a\":1}"), timestamp: 0)
        #expect(
            try JSONMessageCodec.decodeAppendEntries(bytes(json))
                == AppendEntries(
                    term: Term(3), leader: NodeID(2), previous: LogPosition(term: Term(3), index: LogIndex(41)),
                    entries: [entry], leaderCommit: LogIndex(41)))
    }

    @Test func `snapshot chunks and TimeoutNow are read`() throws {
        let json =
            #"{"term":3,"leaderId":2,"lastIncludedIndex":41,"lastIncludedTerm":2,"sequence":7,"dataBase64":"\/wA=","done":true}"#
        #expect(
            try JSONMessageCodec.decodeInstallSnapshot(bytes(json))
                == InstallSnapshot(
                    term: Term(3), leader: NodeID(2), lastIncluded: LogPosition(term: Term(2), index: LogIndex(41)),
                    sequence: 7, data: [0xFF, 0x00], isLast: true))
        #expect(
            try JSONMessageCodec.decodeTimeoutNow(bytes(#"{"term":3,"leaderId":2}"#))
                == TimeoutNow(term: Term(3), leader: NodeID(2)))
    }

    @Test func `replies are the contract's`() {
        #expect(text(.requestVote(.init(term: Term(4), voteGranted: true))) == #"{"term":4,"voteGranted":true}"#)
        #expect(
            text(.appendEntries(.init(term: Term(3), success: true, matchIndex: LogIndex(42))))
                == #"{"term":3,"success":true,"matchIndex":42}"#)
        var reply = AppendEntriesReply(
            term: Term(3), success: false, matchIndex: .zero, conflict: .init(term: Term(2), index: LogIndex(40)))
        #expect(
            text(.appendEntries(reply))
                == #"{"term":3,"success":false,"matchIndex":0,"conflictTerm":2,"conflictIndex":40}"#)
        reply.conflict?.term = nil
        #expect(
            text(.appendEntries(reply))
                == #"{"term":3,"success":false,"matchIndex":0,"conflictTerm":null,"conflictIndex":40}"#)
        #expect(
            text(.installSnapshot(.init(term: Term(3), nextSequence: 8, isInstalled: false)))
                == #"{"term":3,"nextSequence":8,"installed":false}"#)
        #expect(text(.timeoutNow(.init(term: Term(3)))) == #"{"term":3}"#)
    }

    @Test(arguments: [
        (#"{"candidateId":3,"lastLogIndex":42,"lastLogTerm":3}"#, "term", JSONInputError.Code.missingField),
        (#"{"term":4,"lastLogIndex":42,"lastLogTerm":3}"#, "candidateId", .missingField),
        (#"{"term":"4","candidateId":3,"lastLogIndex":42,"lastLogTerm":3}"#, "term", .wrongType),
        (#"{"term":-1,"candidateId":3,"lastLogIndex":42,"lastLogTerm":3}"#, "term", .outOfRange),
        (#"{"term":9007199254740992,"candidateId":3,"lastLogIndex":42,"lastLogTerm":3}"#, "term", .outOfRange),
        (#"{"term":18446744073709551615,"candidateId":3,"lastLogIndex":42,"lastLogTerm":3}"#, "term", .outOfRange),
        (#"{"term":4,"candidateId":0,"lastLogIndex":42,"lastLogTerm":3}"#, "candidateId", .outOfRange),
        (#"{"term":4,"candidateId":3,"lastLogIndex":42,"lastLogTerm":3,"preVote":1}"#, "preVote", .wrongType),
    ])
    func `a faulty vote request says which field`(json: String, field: String, code: JSONInputError.Code) {
        let error = #expect(throws: JSONInputError.self) { try JSONMessageCodec.decodeRequestVote(bytes(json)) }
        #expect(error?.field == field)
        #expect(error?.code == code)
    }

    @Test(arguments: [
        (#"{"index":43,"term":3,"commandType":"PUT","commandData":"x"}"#, "index"),
        (#"{"index":42,"term":2,"commandType":"PUT","commandData":"x"}"#, "term"),
        (#"{"index":42,"term":5,"commandType":"PUT","commandData":"x"}"#, "term"),
        (#"{"index":42,"term":3,"commandType":"","commandData":"x"}"#, "commandType"),
        (#"{"index":42,"term":3,"commandType":"PUT"}"#, "commandData"),
        (
            #"{"index":42,"term":3,"commandType":"PUT","commandData":"x","commandDataBase64":"eA=="}"#,
            "commandDataBase64"
        ),
        (#"{"index":42,"term":3,"commandType":"PUT","commandDataBase64":"e"}"#, "commandDataBase64"),
        (#"{"index":42,"term":3,"commandType":"PUT","commandData":"x","timestamp":-1}"#, "timestamp"),
    ])
    func `a faulty entry says which and why`(entry: String, field: String) {
        let json = #"{"term":4,"leaderId":2,"prevLogIndex":41,"prevLogTerm":3,"entries":[\#(entry)],"leaderCommit":41}"#
        let error = #expect(throws: JSONInputError.self) { try JSONMessageCodec.decodeAppendEntries(bytes(json)) }
        #expect(error?.field == "entries[0].\(field)")
    }

    @Test func `entries are written as they are read`() throws {
        let entries = [
            LogEntry(index: LogIndex(1), term: Term(1), type: "NOOP", data: [], timestamp: 1),
            LogEntry(index: LogIndex(2), term: Term(1), type: "PUT", data: bytes("PUT\n/a\nv1"), timestamp: 2),
            LogEntry(index: LogIndex(3), term: Term(2), type: "PUT", data: [0x50, 0xFF], timestamp: 3),
        ]
        var json = JSONWriter()
        json.array { json in for entry in entries { Samples.write(entry, to: &json) } }
        let text = String(decoding: json.bytes, as: UTF8.self)
        #expect(
            text == #"[{"index":1,"term":1,"commandType":"NOOP","commandData":"","timestamp":1},"#
                + #"{"index":2,"term":1,"commandType":"PUT","commandData":"PUT\n/a\nv1","timestamp":2},"#
                + #"{"index":3,"term":2,"commandType":"PUT","commandDataBase64":"UP8=","timestamp":3}]"#)
        let append = #"{"term":4,"leaderId":2,"prevLogIndex":0,"prevLogTerm":0,"entries":\#(text),"leaderCommit":0}"#
        #expect(try JSONMessageCodec.decodeAppendEntries(bytes(append)).entries == entries)
    }
}
