import Dispatch
import Metadata
import Raft
import Server
import Synchronization

@testable import API
@testable import HTTP
@testable import Wire

/// Requests as they come from a connection, up to the answer as it goes out: exactly one for each, one that a client
/// can read, in JSON where it says so, and never the server's own fault.
enum RouterTarget {
    static func run(_ input: inout FuzzInput) {
        let mood = input.byte()
        let node = FakeNode()
        node.state.withLock { prepare(&$0, mood) }
        let router = Router(service: node, now: { FakeNode.now })
        let octets = input.rest()
        var parser = HTTPRequestParser()
        var position = 0
        while let parsed = try? parser.next(octets.span, at: &position) {
            let response = answer(to: parsed, by: router)
            check(response, to: parsed, mood)
        }
        let state = node.state.withLock { $0.metadata }
        var restored = MetadataStateMachine(counters: state.counters)
        state.forEachRow { try! restored.restore($0) }
        try! restored.finishRestoration()
        expect(restored.digest == state.digest, "the digest \(state.digest) is not that of the rows")
    }

    private static func prepare(_ state: inout FakeNode.State, _ mood: UInt8) {
        for id in [101, 102] as [BrokerID] {
            let broker = RegisterBroker(id: id, host: "localhost", port: 9092)
            _ = state.metadata.apply(.registerBroker(broker), timestamp: 1)
        }
        _ = state.metadata.apply(.raiseLevel(to: 2), timestamp: 1)
        _ = state.metadata.apply(.grantLease(Lease(id: 7, ttlSeconds: 5)), timestamp: 1)
        let topic = CreateTopic(name: "orders", partitionCount: 2, replicationFactor: 2)
        _ = state.metadata.apply(.createTopic(topic), timestamp: 1)
        for key in ["/a", "/a/b", "/a/c/d", "/é"] {
            let put = Put(key: Key(validated: Array(key.utf8)), value: [0xFF, 0x22])
            _ = state.metadata.apply(.put(put), timestamp: 1)
        }
        state.heartbeat = HeartbeatAnswer(version: 1, term: Term(1))
        state.log = [
            LogEntry(index: LogIndex(1), term: Term(1), type: "PUT", data: [0xFF, 0], timestamp: -1),
            LogEntry(index: LogIndex(2), term: Term(1), type: LogEntry.noop, data: Array("{}".utf8), timestamp: 1),
        ]
        switch mood {
        case 1: state.failure = .notLeader(leader: NodeID(1))
        case 2: state.failure = .notLeader(leader: nil)
        case 3: state.failure = .overloaded
        default: break
        }
    }

    private static func answer(to parsed: HTTPParsedRequest, by router: Router) -> HTTPResponse {
        let answered = DispatchSemaphore(value: 0)
        let request = HTTPRequest(
            method: parsed.method, path: parsed.path, query: parsed.query, headers: parsed.headers, body: parsed.body,
            connection: HTTPServerConnection())
        router.handle(request, HTTPResponder { Answers.add($0, answered) })
        answered.wait()
        return Answers.take()
    }

    private static func check(_ response: HTTPResponse, to request: HTTPParsedRequest, _ mood: UInt8) {
        // As when the server stops: one that grows would have no end.
        if let stream = response.stream, stream.isLive { stream.endSoon() }
        expect(response.status != 500, "500 to \(request.method) \(request.path)")
        expect((1...3).contains(mood) || response.status != 503, "503 to \(request.method) \(request.path)")
        let isToHead = request.method == "HEAD"
        let octets = sent(response, isToHead: isToHead)
        var limits = HTTPParserLimits()
        limits.maxHeaderBytes = 1 << 20
        limits.maxBodyBytes = 1 << 24
        var parser = HTTPResponseParser(limits: limits)
        var position = 0
        guard let read = try? parser.next(octets.span, at: &position, isToHead: isToHead), position == octets.count
        else {
            fail("no response: \(JSONText.string(octets))")
        }
        let body = read.response.body
        expect(read.response.status == response.status, "\(response) reads as \(read)")
        expect(response.stream != nil || body == (isToHead ? [] : response.body), "\(response) reads as \(read)")
        if let type = response.headers["Content-Type"], type.contains("json"), !body.isEmpty {
            var parser = JSONParser(body)
            expect((try? parser.parse()) != nil, "no JSON: \(JSONText.string(body))")
        }
    }

    /// The octets that go to the client.
    private static func sent(_ response: HTTPResponse, isToHead: Bool) -> [UInt8] {
        var octets: [UInt8] = []
        let framing = ResponseEncoder.framing(of: response, isVersion10: false)
        ResponseEncoder.encodeHead(response, framing: framing, connection: .none, date: [], into: &octets)
        if case .none = framing { return octets }
        if isToHead { return octets }
        var body = OutgoingBody(bytes: response.body, closes: false, reserved: 0)
        if let stream = response.stream {
            body = OutgoingBody(stream: stream, isChunked: stream.length == nil, closes: false, reserved: 0)
        }
        var spare: [UInt8] = []
        while body.writePiece(to: &octets, spare: &spare) == .more {}
        return octets
    }
}

/// The answers to the request under way. One that comes late finds another request's place taken.
private enum Answers {
    private static let waiting = Mutex<[HTTPResponse]>([])

    static func add(_ response: HTTPResponse, _ answered: DispatchSemaphore) {
        waiting.withLock {
            expect($0.isEmpty, "a second answer: \(response)")
            $0.append(response)
        }
        answered.signal()
    }

    static func take() -> HTTPResponse { waiting.withLock { $0.removeFirst() } }
}
