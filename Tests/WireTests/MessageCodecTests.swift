import Raft
import Testing
import Wire

@Suite struct MessageCodecTests {
    private func decode(_ hex: String) throws -> Request {
        let digits = Array(hex.filter { $0 != " " })
        let bytes = stride(from: 0, to: digits.count, by: 2).map { UInt8(String(digits[$0...$0 + 1]), radix: 16)! }
        guard case .request(let request, _) = try MessageCodec.decodeQuestion(bytes) else {
            throw WireError("an introduction")
        }
        return request
    }

    private func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    @Test func `a vote request for the first release has its golden bytes`() {
        let vote = RequestVote(
            term: Term(4), candidate: NodeID(3), lastLog: LogPosition(term: Term(3), index: LogIndex(300)),
            isPreVote: true)
        #expect(
            hex(MessageCodec.encodeLegacy(.requestVote(vote), sender: NodeID(3), clusterID: nil)) == "11030004"
                + "0303ac020100")
    }

    @Test func `an append for the first release has its golden bytes`() {
        let append = AppendEntries(
            term: Term(3), leader: NodeID(2), previous: LogPosition(term: Term(2), index: LogIndex(41)),
            entries: [LogEntry(index: LogIndex(42), term: Term(3), type: "PUT", data: [1, 2, 3], timestamp: 5)],
            leaderCommit: LogIndex(41), readRound: 9, digest: StateDigest(index: LogIndex(7), high: 1, low: 2))
        let bytes = MessageCodec.encodeLegacy(.appendEntries(append), sender: NodeID(2), clusterID: Samples.clusterID)
        let cluster = "0120" + hex(Array(Samples.clusterID.utf8))
        #expect(
            hex(bytes) == "1202" + cluster + "0302" + "0229" + "2909" + "01070100000000000000" + "0200000000000000"
                + "01" + "010a" + "03505554" + "03010203")
    }

    @Test func `replies to the first release have their golden bytes`() {
        #expect(
            hex(MessageCodec.encode(.requestVote(.init(term: Term(4), voteGranted: true)), from: nil)) == "19040100")
        let conflict = AppendEntriesReply.Conflict(term: Term(2), index: LogIndex(40))
        let reply = AppendEntriesReply(
            term: Term(3), success: false, matchIndex: .zero, conflict: conflict, readRound: 1)
        #expect(hex(MessageCodec.encode(.appendEntries(reply), from: nil)) == "1a03000001" + "0101" + "0228")
        let snapshot = InstallSnapshotReply(term: Term(3), nextSequence: 5, isInstalled: false)
        #expect(hex(MessageCodec.encode(.installSnapshot(snapshot), from: nil)) == "1b030500")
        #expect(hex(MessageCodec.encode(.timeoutNow(TimeoutNowReply(term: Term(300))), from: nil)) == "1cac02")
    }

    @Test func `an envelope has its golden bytes`() {
        let speaker = Speaker(
            node: NodeID(3), directory: DirectoryID(high: 1, low: 2), run: Run(number: 300, nonce: 7), isAdmitted: true)
        let envelope = Envelope(
            sender: speaker, cluster: nil, receiver: NodeID(2), receiverDirectory: nil, listVersion: 9)
        let timeoutNow = Request.timeoutNow(TimeoutNow(term: Term(4), leader: NodeID(3)))
        let spoken = "03" + "0100000000000000" + "0200000000000000" + "ac02" + "0700000000000000" + "01"
        #expect(
            hex(MessageCodec.encode(timeoutNow, in: envelope)) == "24" + spoken + "00" + "02" + "00"
                + "0900000000000000"
                + "0403")
        let reply = MessageCodec.encode(.timeoutNow(TimeoutNowReply(term: Term(4))), from: speaker)
        #expect(hex(reply) == "2c" + spoken + "04")
    }

    @Test func `every question survives the way`() throws {
        var samples = Samples(seed: 2)
        for _ in 0..<5_000 {
            let question = samples.question()
            #expect(try MessageCodec.decodeQuestion(Samples.encode(question)) == question)
        }
    }

    @Test func `every answer survives the way`() throws {
        var samples = Samples(seed: 3)
        for _ in 0..<5_000 {
            let answer = samples.answer()
            #expect(try MessageCodec.decodeAnswer(Samples.encode(answer)) == answer)
        }
    }

    @Test func `what the first release had no field for is not sent to it`() throws {
        var samples = Samples(seed: 5)
        for _ in 0..<1_000 {
            guard case .appendEntries(var append) = samples.request() else { continue }
            let bytes = MessageCodec.encodeLegacy(.appendEntries(append), sender: NodeID(1), clusterID: nil)
            append.verdict = nil
            #expect(
                try MessageCodec.decodeQuestion(bytes)
                    == .request(.appendEntries(append), .legacy(sender: NodeID(1), cluster: nil)))
            guard case .appendEntries(var reply) = samples.reply() else { continue }
            let replyBytes = MessageCodec.encode(.appendEntries(reply), from: nil)
            (reply.digest, reply.contradiction) = (nil, nil)
            #expect(try MessageCodec.decodeAnswer(replyBytes) == .reply(.appendEntries(reply), from: nil))
        }
    }

    @Test func `every prefix of a message and every byte behind it is an error`() {
        var samples = Samples(seed: 4)
        for _ in 0..<100 {
            let question = Samples.encode(samples.question())
            for end in 0..<question.count {
                #expect(throws: WireError.self) { try MessageCodec.decodeQuestion(Array(question[..<end])) }
            }
            #expect(throws: WireError.self) { try MessageCodec.decodeQuestion(question + [0]) }
            let answer = Samples.encode(samples.answer())
            for end in 0..<answer.count {
                #expect(throws: WireError.self) { try MessageCodec.decodeAnswer(Array(answer[..<end])) }
            }
            #expect(throws: WireError.self) { try MessageCodec.decodeAnswer(answer + [0]) }
        }
    }

    /// Found by fuzzing: it was read, and written again as another one.
    @Test func `a reply in the dialect of introductions is an error`() {
        let reply = Reply.timeoutNow(TimeoutNowReply(term: Term(3)))
        var samples = Samples(seed: 1)
        var bytes = Samples.encode(.reply(reply, from: samples.speaker()))
        #expect((try? MessageCodec.decodeAnswer(bytes)) != nil)
        bytes[0] = bytes[0] & 0x0F | 0x30
        #expect(throws: WireError.self) { try MessageCodec.decodeAnswer(bytes) }
    }

    @Test(arguments: [
        "31 03 00 04 03 03 01 00 00",  // another version
        "10 03 00 04 03 03 01 00 00", "15 03 00 04 03 03 01 00 00",  // unknown kinds
        "19 04 01 00",  // a reply
        "11 00 00 04 03 03 01 00 00",  // sender 0
        "11 03 00 04 00 03 01 00 00",  // candidate 0
        "11 03 00 04 03 03 01 02 00",  // a flag of 2
        "11 03 00 84 00 03 03 01 00 00",  // an overlong number
        "11 03 00 80 80 80 80 80 80 80 10 03 03 01 00 00",  // a term of 2^53
        "11 03 00 ff ff ff ff ff ff ff ff ff 02 03 03 01 00 00",  // more than 64 bits
        "11 03 01 02 61 62 04 03 03 01 00 00",  // a cluster id that is none
        "12 02 00 03 02 02 29 29 00 00 ff ff ff ff 0f",  // a count beyond the message
        "12 02 00 03 02 02 29 29 00 00 01 02 0a 01 41 00",  // an entry of a later term
        "12 02 00 03 02 02 ff ff ff ff ff ff ff 0f 29 00 00 01 00 0a 01 41 00",  // an index beyond 2^53 - 1
        "12 02 00 03 02 02 29 29 00 00 01 00 0a 01 ff 00",  // a type that is not UTF-8
        "13 02 00 03 02 02 29 00 00 05 01 02",  // data cut short
    ])
    func `messages out of form or range are errors`(hex: String) {
        #expect(throws: WireError.self) { try decode(hex) }
    }
}
