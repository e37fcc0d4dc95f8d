import HTTP
import Raft
import Server
import Synchronization
import Testing
import Wire

@testable import API

@Suite struct RaftRouteTests {
    let client = Client()
    private static let clusterID = "0123456789abcdef0123456789abcdef"

    private func reply(_ reply: Reply) { client.node.state.withLock { $0.reply = reply } }
    private var received: [FakeNode.Received] { client.node.state.withLock { $0.received } }

    // MARK: Peers, as JSON

    @Test func `the contract's vote`() async {
        reply(.requestVote(RequestVoteReply(term: Term(4), voteGranted: true)))
        let answer = await client.post(
            "/api/v1/raft/vote", #"{"term":4,"candidateId":3,"lastLogIndex":42,"lastLogTerm":3,"preVote":true}"#)
        #expect(answer.status == 200)
        #expect(answer.header("Content-Type") == "application/json")
        #expect(answer.text == #"{"term":4,"voteGranted":true}"#)
        let position = LogPosition(term: Term(3), index: LogIndex(42))
        let vote = RequestVote(term: Term(4), candidate: NodeID(3), lastLog: position, isPreVote: true)
        #expect(received == [.init(request: .requestVote(vote), origin: .anybody, connection: client.connection.id)])
    }

    @Test func `the contract's append`() async {
        reply(.appendEntries(AppendEntriesReply(term: Term(3), success: true, matchIndex: LogIndex(42))))
        let body =
            #"{"term":3,"leaderId":2,"prevLogIndex":41,"prevLogTerm":3,"entries":[{"index":42,"term":3,"commandType":"CreateTopicCommand","commandData":"{}"}],"leaderCommit":41}"#
        let answer = await client.post("/api/v1/raft/append", body)
        #expect(answer.text == #"{"term":3,"success":true,"matchIndex":42}"#)
        guard case .appendEntries(let append) = received.first?.request else {
            Issue.record("no append")
            return
        }
        #expect(append.entries.map(\.index) == [LogIndex(42)])
        #expect(append.leaderCommit == LogIndex(41))
    }

    @Test func `snapshot chunks and TimeoutNow`() async {
        reply(.installSnapshot(InstallSnapshotReply(term: Term(3), nextSequence: 1, isInstalled: false)))
        let chunk =
            #"{"term":3,"leaderId":2,"lastIncludedIndex":41,"lastIncludedTerm":2,"sequence":0,"dataBase64":"AQ==","done":false}"#
        #expect(
            await client.post("/api/v1/raft/snapshot", chunk).text == #"{"term":3,"nextSequence":1,"installed":false}"#)
        reply(.timeoutNow(TimeoutNowReply(term: Term(3))))
        #expect(await client.post("/api/v1/raft/timeout-now", #"{"term":3,"leaderId":2}"#).text == #"{"term":3}"#)
        #expect(received.count == 2)
    }

    // MARK: Peers, in the dense form

    private func dense(_ path: String, _ body: [UInt8]) async -> Answer {
        await client.send(
            "POST", path, headers: [(name: "Content-Type", value: "application/vnd.dmq.raft")], body: body)
    }

    @Test func `the dense form is answered in kind`() async throws {
        let timeoutNow = Request.timeoutNow(TimeoutNow(term: Term(3), leader: NodeID(1)))
        reply(.timeoutNow(TimeoutNowReply(term: Term(4))))
        let body = MessageCodec.encodeLegacy(timeoutNow, sender: NodeID(1), clusterID: Self.clusterID)
        let answer = await dense("/api/v1/raft/timeout-now", body)
        #expect(answer.status == 200)
        #expect(answer.header("Content-Type") == "application/vnd.dmq.raft")
        #expect(
            try MessageCodec.decodeAnswer(answer.response.body)
                == .reply(.timeoutNow(TimeoutNowReply(term: Term(4))), from: nil))
        let origin = RequestOrigin.legacy(sender: NodeID(1), cluster: Self.clusterID)
        #expect(received == [.init(request: timeoutNow, origin: origin, connection: client.connection.id)])
    }

    @Test func `a request says on its outside whose it is`() async {
        let timeoutNow = Request.timeoutNow(TimeoutNow(term: Term(3), leader: NodeID(1)))
        reply(.timeoutNow(TimeoutNowReply(term: Term(4))))
        _ = await dense("/api/v1/raft/timeout-now", MessageCodec.encode(timeoutNow, in: Self.envelope))
        #expect(
            received == [.init(request: timeoutNow, origin: .envelope(Self.envelope), connection: client.connection.id)]
        )
    }

    @Test func `an introduction is answered with one, and misplaced it is refused`() async throws {
        let introduction = Introduction(
            speaker: Self.envelope.sender, cluster: nil, bornAt: nil, members: [KnownMember(id: NodeID(1))],
            electors: [], isSettled: true, generation: 0, reach: .zero, term: .zero, startedAt: 5, place: "here")
        let body = MessageCodec.encode(introduction, in: Self.envelope)
        let answer = await dense("/api/v1/raft/introduce", body)
        #expect(answer.status == 200)
        #expect(
            try MessageCodec.decodeAnswer(answer.response.body)
                == .introduction(IntroductionReply(introduction: introduction, refusal: .otherList)))
        #expect(await dense("/api/v1/raft/vote", body).code == "invalid_message")
        let vote = Request.requestVote(RequestVote(term: Term(1), candidate: NodeID(1), lastLog: .zero))
        let misplaced = await dense("/api/v1/raft/introduce", MessageCodec.encode(vote, in: Self.envelope))
        #expect(misplaced.code == "invalid_message")
    }

    private static let envelope = Envelope(
        sender: Speaker(
            node: NodeID(1), directory: DirectoryID(high: 1, low: 2), run: Run(number: 3, nonce: 4), isAdmitted: true),
        cluster: clusterID, receiver: NodeID(2), receiverDirectory: nil, listVersion: 7)

    @Test func `a dense message that is damaged, misplaced or of another author is refused`() async {
        let timeoutNow = Request.timeoutNow(TimeoutNow(term: Term(3), leader: NodeID(1)))
        let body = MessageCodec.encodeLegacy(timeoutNow, sender: NodeID(1), clusterID: nil)
        let forged = MessageCodec.encodeLegacy(timeoutNow, sender: NodeID(3), clusterID: nil)
        for (path, body) in [
            ("timeout-now", Array(body.dropLast())), ("timeout-now", []), ("vote", body), ("timeout-now", forged),
        ] {
            let answer = await dense("/api/v1/raft/\(path)", body)
            #expect(answer.status == 400)
            #expect(answer.code == "invalid_message")
        }
        #expect(received.isEmpty)
    }

    @Test func `a request that fails is answered as anywhere`() async {
        client.fail(.unavailable("shutting down"))
        let answer = await client.post("/api/v1/raft/timeout-now", #"{"term":3,"leaderId":2}"#)
        #expect(answer.status == 503)
        #expect(answer.code == "unavailable")
    }

    @Test func `the end of a peer's connection is reported once`() async {
        let connections = PeerConnections()
        #expect(connections.register(client.connection, with: client.node) == client.connection.id)
        #expect(connections.register(client.connection, with: client.node) == client.connection.id)
        #expect(client.node.state.withLock { $0.closed }.isEmpty)
    }

    // MARK: This node's view

    @Test func `the status is the contract's`() async {
        #expect(
            await client.get("/api/v1/raft/status").text
                == #"{"nodeId":2,"currentTerm":3,"state":"LEADER","leader":true,"leaderId":2,"votedFor":2,"commitIndex":41,"lastApplied":40,"lastLogIndex":42,"lastLogTerm":3,"firstLogIndex":1,"stateDigest":"000000000000000100000000000000ab","directoryId":"000000000000000200000000000000cd","clusterId":"c1","voter":true,"#
                + #""peers":[{"id":1,"matchIndex":41,"nextIndex":42,"lastContactMs":7},{"id":3,"matchIndex":0,"nextIndex":43,"lastContactMs":null}]}"#
        )
        client.node.state.withLock { state in
            state.status.role = .preCandidate
            state.status.leader = nil
            state.status.votedFor = nil
            state.status.peers = []
        }
        let text = await client.get("/api/v1/raft/status").text
        #expect(text.contains(#""state":"PRE_CANDIDATE","leader":false,"leaderId":null,"votedFor":null"#))
        #expect(text.hasSuffix(#""peers":[]}"#))
    }

    @Test func `a payload that is no text is shown as base64`() async {
        client.node.state.withLock {
            $0.log = [LogEntry(index: LogIndex(5), term: Term(1), type: "PUT", data: [0x50, 0xFF], timestamp: 7)]
        }
        #expect(
            await client.get("/api/v1/raft/log").text
                == #"{"firstLogIndex":5,"entries":[{"index":5,"term":1,"commandType":"PUT","#
                + #""commandDataBase64":"UP8=","timestamp":7}]}"#)
    }

    @Test func `the log shows entries as in append`() async {
        client.node.state.withLock { state in
            state.log = (5...9).map { index in
                LogEntry(
                    index: LogIndex(index), term: Term(1), type: "PUT", data: Array("PUT\n/a\nv".utf8), timestamp: 7)
            }
        }
        func entry(_ index: Int) -> String {
            #"{"index":\#(index),"term":1,"commandType":"PUT","commandData":"PUT\n/a\nv","timestamp":7}"#
        }
        #expect(
            await client.get("/api/v1/raft/log?from=8").text
                == #"{"firstLogIndex":5,"entries":[\#(entry(8)),\#(entry(9))]}"#)
        #expect(await client.get("/api/v1/raft/log?limit=1").text == #"{"firstLogIndex":5,"entries":[\#(entry(5))]}"#)
        #expect(await client.get("/api/v1/raft/log?from=10").text == #"{"firstLogIndex":5,"entries":[]}"#)
        for query in ["from=x", "from=-1", "limit=0", "limit=1001", "from=18446744073709551616"] {
            #expect(await client.get("/api/v1/raft/log?\(query)").code == "invalid_parameter")
        }
    }

    @Test func `one answer does not carry more than some megabytes of log`() async {
        client.node.state.withLock { state in
            state.log = (1...8).map { index in
                LogEntry(
                    index: LogIndex(index), term: Term(1), type: "PUT",
                    data: [UInt8](repeating: UInt8(ascii: "x"), count: 1_500_000), timestamp: 7)
            }
        }
        let text = await client.get("/api/v1/raft/log").text
        #expect(text.contains(#""index":2,"#))
        #expect(!text.contains(#""index":3,"#))
    }

    // MARK: Health

    @Test func `health is of the process, readiness of the node`() async {
        client.node.state.withLock { $0.status.notReady = "no leader is known" }
        #expect(await client.get("/healthz").status == 200)
        let answer = await client.get("/readyz")
        #expect(answer.status == 503)
        #expect(answer.code == "not_ready")
        #expect(answer.text.contains("no leader is known"))
        #expect(answer.header("X-Controller-Leader") == nil)
        client.node.state.withLock { $0.status.notReady = nil }
        #expect(await client.get("/readyz").text == "ready\n")
        client.node.state.withLock { $0.staleFailure = .unavailable("state digest differs") }
        #expect(await client.get("/readyz").text.contains("state digest differs"))
    }
}
