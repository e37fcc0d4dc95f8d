import Raft
import Testing
import Wire

@Suite struct MessageCodecTests {
    private func decode(_ hex: String) throws -> Request {
        let digits = Array(hex.filter { $0 != " " })
        let bytes = stride(from: 0, to: digits.count, by: 2).map { UInt8(String(digits[$0...$0 + 1]), radix: 16)! }
        return try MessageCodec.decodeRequest(bytes).request
    }

    private func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    @Test func `a vote request has its golden bytes`() {
        let vote = RequestVote(
            term: Term(4), candidate: NodeID(3), lastLog: LogPosition(term: Term(3), index: LogIndex(300)),
            isPreVote: true)
        #expect(
            hex(MessageCodec.encode(.requestVote(vote), sender: NodeID(3), clusterID: nil)) == "11030004"
                + "0303ac020100")
    }

    @Test func `an append has its golden bytes`() {
        let append = AppendEntries(
            term: Term(3), leader: NodeID(2), previous: LogPosition(term: Term(2), index: LogIndex(41)),
            entries: [LogEntry(index: LogIndex(42), term: Term(3), type: "PUT", data: [1, 2, 3], timestamp: 5)],
            leaderCommit: LogIndex(41), readRound: 9, digest: StateDigest(index: LogIndex(7), high: 1, low: 2))
        let bytes = MessageCodec.encode(.appendEntries(append), sender: NodeID(2), clusterID: Samples.clusterID)
        let cluster = "0120" + hex(Array(Samples.clusterID.utf8))
        #expect(
            hex(bytes) == "1202" + cluster + "0302" + "0229" + "2909" + "01070100000000000000" + "0200000000000000"
                + "01" + "010a" + "03505554" + "03010203")
    }

    @Test func `replies have their golden bytes`() {
        #expect(hex(MessageCodec.encode(.requestVote(.init(term: Term(4), voteGranted: true)))) == "19040100")
        let conflict = AppendEntriesReply.Conflict(term: Term(2), index: LogIndex(40))
        let reply = AppendEntriesReply(
            term: Term(3), success: false, matchIndex: .zero, conflict: conflict, readRound: 1)
        #expect(hex(MessageCodec.encode(.appendEntries(reply))) == "1a03000001" + "0101" + "0228")
        let snapshot = InstallSnapshotReply(term: Term(3), nextSequence: 5, isInstalled: false)
        #expect(hex(MessageCodec.encode(.installSnapshot(snapshot))) == "1b030500")
        #expect(hex(MessageCodec.encode(.timeoutNow(TimeoutNowReply(term: Term(300))))) == "1cac02")
    }

    @Test func `every request survives the way`() throws {
        var samples = Samples(seed: 2)
        for _ in 0..<5_000 {
            let request = samples.request()
            let sender = samples.node()
            let clusterID = samples.chance() ? Samples.clusterID : nil
            let decoded = try MessageCodec.decodeRequest(
                MessageCodec.encode(request, sender: sender, clusterID: clusterID))
            #expect(decoded.request == request)
            #expect(decoded.sender == sender)
            #expect(decoded.clusterID == clusterID)
        }
    }

    @Test func `every reply survives the way`() throws {
        var samples = Samples(seed: 3)
        for _ in 0..<5_000 {
            let reply = samples.reply()
            #expect(try MessageCodec.decodeReply(MessageCodec.encode(reply)) == reply)
        }
    }

    @Test func `what a release before these had no field for is read without it`() throws {
        var samples = Samples(seed: 5)
        for _ in 0..<1_000 {
            guard case .appendEntries(var append) = samples.request() else { continue }
            let bytes = MessageCodec.encode(.appendEntries(append), sender: NodeID(1), clusterID: nil)
            append.verdict = nil
            let old = MessageCodec.withoutEnding(request: bytes)
            #expect(bytes.starts(with: old))
            #expect(try MessageCodec.decodeRequest(old).request == .appendEntries(append))
            guard case .appendEntries(var reply) = samples.reply() else { continue }
            let replyBytes = MessageCodec.encode(.appendEntries(reply))
            (reply.digest, reply.contradiction) = (nil, nil)
            let oldReply = MessageCodec.withoutEnding(reply: replyBytes)
            #expect(replyBytes.starts(with: oldReply))
            #expect(try MessageCodec.decodeReply(oldReply) == .appendEntries(reply))
        }
    }

    @Test func `every prefix of a message and every byte behind it is an error`() {
        var samples = Samples(seed: 4)
        for _ in 0..<100 {
            let request = MessageCodec.encode(samples.request(), sender: NodeID(1), clusterID: nil)
            let ofOldRelease = MessageCodec.withoutEnding(request: request).count
            for end in 0..<request.count where end != ofOldRelease {
                #expect(throws: WireError.self) { try MessageCodec.decodeRequest(Array(request[..<end])) }
            }
            #expect(throws: WireError.self) { try MessageCodec.decodeRequest(request + [0]) }
            let reply = MessageCodec.encode(samples.reply())
            let replyOfOldRelease = MessageCodec.withoutEnding(reply: reply).count
            for end in 0..<reply.count where end != replyOfOldRelease {
                #expect(throws: WireError.self) { try MessageCodec.decodeReply(Array(reply[..<end])) }
            }
            #expect(throws: WireError.self) { try MessageCodec.decodeReply(reply + [0]) }
        }
    }

    @Test(arguments: [
        "21 03 00 04 03 03 01 00 00",  // another version
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

extension MessageCodec {
    /// The same message without the fields at its end that a release before these did not have.
    fileprivate static func withoutEnding(request bytes: [UInt8]) -> [UInt8] {
        guard let decoded = try? decodeRequest(bytes), case .appendEntries(var append) = decoded.request else {
            return bytes
        }
        append.verdict = nil
        return encode(.appendEntries(append), sender: decoded.sender, clusterID: decoded.clusterID)
    }

    fileprivate static func withoutEnding(reply bytes: [UInt8]) -> [UInt8] {
        guard case .appendEntries(var reply)? = try? decodeReply(bytes) else { return bytes }
        (reply.digest, reply.contradiction) = (nil, nil)
        return encode(.appendEntries(reply))
    }
}
