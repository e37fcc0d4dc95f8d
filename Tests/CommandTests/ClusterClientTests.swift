import Glibc
import HTTP
import Testing

@testable import dmq_metadata

/// A cluster that answers by script, on a clock that only pauses and requests move.
private final class ScriptedCluster {
    typealias Answer = Result<HTTPResponse, HTTPClientError>

    var answers: [String: (ClientRequest) -> Answer] = [:]
    var now: Duration = .zero
    /// The port of each request that was sent, in order.
    var asked: [UInt16] = []
    var waits: [String?] = []

    func client(_ ports: UInt16..., patience: Duration = .seconds(10)) -> ClusterClient {
        ClusterClient(
            endpoints: ports.map { Endpoint(host: "h", port: $0) }, patience: patience,
            transport: { [self] request, endpoint, _ in
                now += .milliseconds(1)
                asked.append(endpoint.port)
                return answers["\(endpoint.port)"]?(request) ?? .failure(.connectionFailed(errno: ECONNREFUSED))
            },
            pause: { [self] in now += $0 }, now: { [self] in now }, onWait: { [self] in waits.append($0) })
    }

    static func answer(_ status: Int, _ body: String = "", headers: [(name: String, value: String)] = []) -> Answer {
        .success(HTTPResponse(status: status, headers: HTTPHeaders(headers), body: Array(body.utf8)))
    }

    static func notLeader(_ id: String, url: String? = nil) -> Answer {
        answer(503, headers: [("X-Controller-Leader", id)] + (url.map { [("X-Controller-Url", $0)] } ?? []))
    }

    static let nodes = answer(
        200, #"{"activeMetadataNodes":[{"id":1,"url":"http://h:1"},{"id":2,"url":"http://h:2"}]}"#)
}

@Suite struct ClusterClientTests {
    private let put = ClientRequest(method: "PUT", path: "/api/v1/kv/a")

    @Test func followsTheLeadersURL() throws {
        let cluster = ScriptedCluster()
        cluster.answers["1"] = { _ in ScriptedCluster.notLeader("2", url: "http://h:2") }
        cluster.answers["2"] = { _ in ScriptedCluster.answer(201) }
        let client = cluster.client(1)
        #expect(try client.send(put).status == 201)
        // The leader is asked first from here on.
        #expect(try client.send(put).status == 201)
        #expect(cluster.asked == [1, 2, 2])
    }

    @Test func waitsWhileThereIsNoLeader() throws {
        let cluster = ScriptedCluster()
        cluster.answers["1"] = { [unowned cluster] request in
            if request.method == "GET" { return ScriptedCluster.nodes }
            return cluster.now < .seconds(3) ? ScriptedCluster.notLeader("") : ScriptedCluster.answer(200)
        }
        #expect(try cluster.client(1).send(put).status == 200)
        #expect(cluster.now < .seconds(5))
        #expect(cluster.waits.first == "waiting for the cluster: no connection (Connection refused)")
        #expect(cluster.waits.last == .some(nil))
    }

    @Test func learnsOtherNodesFromOneWithoutALeader() throws {
        let cluster = ScriptedCluster()
        cluster.answers["1"] = { $0.method == "GET" ? ScriptedCluster.nodes : ScriptedCluster.notLeader("") }
        cluster.answers["2"] = { _ in ScriptedCluster.answer(200) }
        #expect(try cluster.client(1).send(put).status == 200)
        #expect(cluster.asked == [1, 1, 2])
    }

    @Test func goesAroundNodesThatAreDown() throws {
        let cluster = ScriptedCluster()
        cluster.answers["3"] = { _ in ScriptedCluster.answer(200) }
        #expect(try cluster.client(1, 2, 3).send(put).status == 200)
        #expect(cluster.asked == [1, 2, 3])
    }

    @Test func nodesThatNameEachOtherAreNoTrap() {
        let cluster = ScriptedCluster()
        cluster.answers["1"] = { _ in ScriptedCluster.notLeader("2", url: "http://h:2") }
        cluster.answers["2"] = { _ in ScriptedCluster.notLeader("1", url: "http://h:1") }
        #expect(
            throws: CommandFailure(
                .unavailable,
                "no node could serve the request within 2 s (http://h:1: the leader is node 2; http://h:2: the leader is node 1)"
            )
        ) { try cluster.client(1, patience: .seconds(2)).send(put) }
        #expect(cluster.asked.count < 20)
    }

    @Test func overloadIsAskedAgain() throws {
        let cluster = ScriptedCluster()
        var isFirst = true
        cluster.answers["1"] = { request in
            if request.method == "GET" { return ScriptedCluster.nodes }
            defer { isFirst = false }
            return isFirst ? ScriptedCluster.answer(503, headers: [("Retry-After", "1")]) : ScriptedCluster.answer(200)
        }
        #expect(try cluster.client(1).send(put).status == 200)
    }

    @Test func refusalsAreAnswers() throws {
        let cluster = ScriptedCluster()
        cluster.answers["1"] = { _ in
            ScriptedCluster.answer(404, #"{"title":"Not Found","detail":"no such key","code":"unknown_key"}"#)
        }
        let response = try cluster.client(1).send(put)
        #expect(throws: CommandFailure(.failure, "Not Found (404 unknown_key): no such key")) {
            try response.successful()
        }
        cluster.answers["1"] = { _ in ScriptedCluster.answer(504) }
        #expect(throws: CommandFailure(.failure, "the server refused (504)")) {
            try cluster.client(1).send(put).successful()
        }
    }

    /// It may have happened, and must not happen twice.
    @Test(arguments: [HTTPClientError.connectionClosed, .timedOut, .invalidResponse("x")])
    func writesWhoseConnectionBrokeAreNotRepeated(error: HTTPClientError) {
        let cluster = ScriptedCluster()
        cluster.answers["1"] = { _ in .failure(error) }
        cluster.answers["2"] = { _ in ScriptedCluster.answer(200) }
        #expect {
            try cluster.client(1, 2).send(put)
        } throws: { thrown in
            let failure = thrown as? CommandFailure
            return failure?.status == .unavailable && failure?.description.contains("may have been") == true
        }
        #expect(cluster.asked == [1])
    }

    @Test func readsAreRepeatedElsewhere() throws {
        let cluster = ScriptedCluster()
        cluster.answers["1"] = { _ in .failure(.connectionClosed) }
        cluster.answers["2"] = { _ in ScriptedCluster.answer(200) }
        #expect(try cluster.client(1, 2).send(.get("/x")).status == 200)
    }

    @Test func givesUpInTheEnd() {
        let cluster = ScriptedCluster()
        #expect(
            throws: CommandFailure(
                .unavailable,
                "no node could serve the request within 0.5 s (http://h:1: no connection (Connection refused))")
        ) { try cluster.client(1, patience: .milliseconds(500)).send(put) }
    }
}
