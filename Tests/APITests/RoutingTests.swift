import HTTP
import Raft
import Server
import Testing

@testable import API

@Suite struct RoutingTests {
    @Test(arguments: [
        "/", "/api", "/api/v1/metadata", "/api/v1/metadata/brokers/", "/api/v1/metadata/brokers/1/x",
        "/api/v1/metadata/topics/", "/api/v1/metadata/heartbeat", "/api/v1/kv", "/api/v2/kv/a", "/healthz/", "*",
    ])
    func `an unknown path is a problem`(path: String) async {
        let answer = await Client().get(path)
        #expect(answer.status == 404)
        #expect(answer.code == "unknown_path")
    }

    @Test(arguments: [
        ("DELETE", "/api/v1/metadata/brokers", "GET, HEAD, POST, OPTIONS"),
        ("POST", "/api/v1/metadata/brokers/1", "GET, HEAD, DELETE, OPTIONS"),
        ("GET", "/api/v1/metadata/heartbeat/1", "POST, OPTIONS"),
        ("GET", "/api/v1/metadata/isr/lag", "POST, OPTIONS"),
        ("POST", "/api/v1/kv/a", "GET, HEAD, PUT, DELETE, OPTIONS"),
        ("PUT", "/api/v1/raft/vote", "POST, OPTIONS"),
        ("get", "/healthz", "GET, HEAD, OPTIONS"),
    ])
    func `a wrong method is told which are right`(method: String, path: String, allow: String) async {
        let answer = await Client().send(method, path)
        #expect(answer.status == 405)
        #expect(answer.code == "method_not_allowed")
        #expect(answer.header("Allow") == allow)
    }

    @Test(arguments: [
        ("*", "GET, HEAD, PUT, POST, DELETE, OPTIONS"), ("/healthz", "GET, HEAD, OPTIONS"),
        ("/api/v1/kv/a", "GET, HEAD, PUT, DELETE, OPTIONS"), ("/api/v1/metadata/isr/lag", "POST, OPTIONS"),
    ])
    func `OPTIONS says what is possible`(path: String, allow: String) async {
        let answer = await Client().send("OPTIONS", path)
        #expect(answer.status == 204)
        #expect(answer.header("Allow") == allow)
        #expect(await Client().send("OPTIONS", "/nowhere").code == "unknown_path")
    }

    @Test func `unknown parameters are refused on every route`() async {
        // etcd's gateway passes over what it does not know.
        for route in Routes.table where route.template != Routes.table[Routes.etcd].template {
            let path = route.template.replacing("{brokerId}", with: "1").replacing("{topicName}", with: "t")
                .replacing("{key...}", with: "").replacing("{name}", with: "l")
            for operation in route.operations {
                for query in ["observe", "observe=true", "=1", "%", "consistency=stale&Limit=1", "timeout=1&"] {
                    let answer = await Client().send(operation.method.rawValue, "\(path)?\(query)")
                    #expect(answer.status == 400, "\(operation.method) \(path)?\(query)")
                    #expect(answer.code == "unknown_parameter")
                }
                for query in ["", "&", "&&"] {
                    let answer = await Client().send(operation.method.rawValue, "\(path)?\(query)")
                    #expect(answer.code != "unknown_parameter")
                }
                for name in operation.parameters {
                    let answer = await Client().send(operation.method.rawValue, "\(path)?\(name)=")
                    #expect(answer.code == "invalid_parameter", "\(name) of \(path)")
                }
            }
        }
    }

    @Test func `HEAD is answered like GET`() async {
        let client = Client()
        await client.registerBrokers()
        _ = await client.put("/api/v1/kv/a", "v")
        for path in [
            "/healthz", "/readyz", "/api/v1/metadata/brokers", "/api/v1/metadata/brokers/101", "/api/v1/kv/a",
            "/api/v1/kv/", "/api/v1/raft/status", "/api/v1/metadata/cluster", "/api/v1/kv/missing",
        ] {
            let get = await client.get(path)
            let head = await client.send("HEAD", path)
            #expect(head.response == get.response)
        }
    }

    @Test func `problems have the shape of RFC 9457`() async {
        let answer = await Client().get("/x\"y")
        #expect(answer.header("Content-Type") == "application/problem+json")
        #expect(
            answer.text
                == #"{"status":404,"title":"Not Found","detail":"there is nothing at /x\"y","code":"unknown_path"}"#)
    }

    @Test func `every status of a code has a title`() {
        for code in ProblemCode.allCases {
            let body = String(decoding: Problem(code, "").response.body, as: UTF8.self)
            #expect(code.status == 500 || !body.contains("Internal Server Error"), "\(code)")
        }
    }

    // MARK: Not the leader, and other failures

    private static let json = [(name: "Content-Type", value: "application/json")]

    static let leaderRequests: [(method: String, target: String, body: String)] = [
        ("POST", "/api/v1/metadata/brokers", #"{"brokerId":1,"host":"h","port":1}"#),
        ("DELETE", "/api/v1/metadata/brokers/1", ""),
        ("POST", "/api/v1/metadata/topics", #"{"topicName":"t","numPartitions":1,"replicationFactor":1}"#),
        ("DELETE", "/api/v1/metadata/topics/t", ""),
        ("POST", "/api/v1/metadata/heartbeat/1", ""),
        ("POST", "/api/v1/metadata/isr/lag", #"{"brokerId":1,"partitions":[]}"#),
        ("PUT", "/api/v1/kv/a", "v"), ("DELETE", "/api/v1/kv/a", ""), ("DELETE", "/api/v1/kv/?recursive=true", ""),
        ("GET", "/api/v1/kv/a", ""), ("GET", "/api/v1/kv/", ""), ("HEAD", "/api/v1/kv/a", ""),
        ("GET", "/api/v1/kv/a?consistency=linearizable", ""),
        ("GET", "/api/v1/metadata/brokers?consistency=linearizable", ""),
        ("GET", "/api/v1/metadata/brokers/1?consistency=linearizable", ""),
        ("GET", "/api/v1/metadata/topics?consistency=linearizable", ""),
        ("GET", "/api/v1/metadata/topics/t?consistency=linearizable", ""),
        ("GET", "/api/v1/metadata/cluster?consistency=linearizable", ""),
        ("GET", "/api/v1/metadata/controller?consistency=linearizable", ""),
    ]

    @Test(arguments: leaderRequests)
    func `what needs the leader is sent there with an empty body`(
        method: String, target: String, body: String
    ) async {
        let client = Client()
        client.fail(.notLeader(leader: .init(1)))
        let answer = await client.send(method, target, headers: Self.json, body: Array(body.utf8))
        #expect(answer.status == 503)
        #expect(answer.response.body.isEmpty)
        #expect(answer.header("X-Controller-Leader") == "1")
        #expect(answer.header("X-Controller-Url") == "http://localhost:9091")
        #expect(answer.header("Retry-After") == nil)
        #expect(answer.header("Content-Type") == nil)

        client.fail(.notLeader(leader: nil))
        let lost = await client.send(method, target, headers: Self.json, body: Array(body.utf8))
        #expect(lost.status == 503)
        #expect(lost.response.body.isEmpty)
        #expect(lost.header("X-Controller-Leader") == "")
        #expect(lost.header("X-Controller-Url") == nil)
        #expect(lost.header("Retry-After") == "1")
    }

    @Test(arguments: leaderRequests)
    func `other failures are problems`(method: String, target: String, body: String) async {
        let client = Client()
        client.fail(.outcomeUnknown)
        let unknown = await client.send(method, target, headers: Self.json, body: Array(body.utf8))
        #expect(unknown.status == 504)
        #expect(unknown.code == "outcome_unknown")

        client.fail(.overloaded)
        let overloaded = await client.send(method, target, headers: Self.json, body: Array(body.utf8))
        #expect(overloaded.status == 503)
        #expect(overloaded.code == "overloaded")
        #expect(overloaded.header("Retry-After") == "1")
        #expect(overloaded.header("X-Controller-Leader") == nil)

        client.fail(.unavailable("the disk is full"))
        let unavailable = await client.send(method, target, headers: Self.json, body: Array(body.utf8))
        #expect(unavailable.status == 503)
        #expect(unavailable.code == "unavailable")
        #expect(unavailable.text.contains("the disk is full"))
        #expect(unavailable.header("Retry-After") == "1")
        #expect(unavailable.header("X-Controller-Leader") == nil)
    }

    @Test(arguments: [
        "/api/v1/metadata/brokers", "/api/v1/metadata/topics", "/api/v1/metadata/cluster",
        "/api/v1/metadata/controller",
        "/api/v1/kv/?consistency=stale", "/api/v1/raft/status", "/api/v1/raft/log", "/healthz", "/readyz", "/metrics",
        "/api/v1/metadata/brokers?consistency=stale",
    ])
    func `every node answers from its own state`(target: String) async {
        let client = Client()
        client.fail(.notLeader(leader: nil))
        #expect(await client.get(target).status == 200)
    }

    @Test func `bad input is told so on every node`() async {
        let client = Client()
        client.fail(.notLeader(leader: nil))
        #expect(await client.post("/api/v1/metadata/brokers", "{").code == "invalid_json")
        #expect(await client.put("/api/v1/kv/a/../b", "v").code == "invalid_key")
        #expect(await client.get("/api/v1/kv/a?consistency=strong").code == "invalid_parameter")
    }

    // MARK: Counting

    @Test func `requests are counted by route, method and status`() async {
        let client = Client()
        _ = await client.put("/api/v1/kv/a", "1")
        _ = await client.put("/api/v1/kv/b", "1")
        _ = await client.put("/api/v1/kv/a", "2")
        _ = await client.get("/nowhere")
        _ = await client.send("PATCH", "/healthz")
        _ = await client.send("HEAD", "/healthz")
        let metrics = await client.get("/metrics")
        #expect(metrics.header("Content-Type") == "text/plain; version=0.0.4; charset=utf-8")
        #expect(
            metrics.text == """
                dmq_raft_term 3
                # HELP dmq_http_requests_total Requests answered, by route, method and status.
                # TYPE dmq_http_requests_total counter
                dmq_http_requests_total{route="/api/v1/kv/{key...}",method="PUT",status="200"} 1
                dmq_http_requests_total{route="/api/v1/kv/{key...}",method="PUT",status="201"} 2
                dmq_http_requests_total{route="/healthz",method="HEAD",status="200"} 1
                dmq_http_requests_total{route="/healthz",method="OTHER",status="405"} 1
                dmq_http_requests_total{route="unknown",method="GET",status="404"} 1

                """)
        #expect(await client.get("/metrics").text.contains("route=\"/metrics\",method=\"GET\",status=\"200\"} 1\n"))
    }
}
