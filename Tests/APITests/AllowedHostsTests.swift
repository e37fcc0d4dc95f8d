import Synchronization
import Testing
import Wire

@testable import API

@Suite struct AllowedHostsTests {
    private let client = Client(hosts: AllowedHosts(["node1.example", "db", "UPPER.example"]))

    private func send(
        _ method: String, _ path: String, _ fields: [(String, String)], body: String = ""
    ) async -> Answer {
        await client.send(method, path, headers: fields.map { (name: $0.0, value: $0.1) }, body: Array(body.utf8))
    }

    @Test(arguments: [
        "node1.example", "node1.example:9091", "NODE1.example.", "db:1", "upper.EXAMPLE", "localhost:9091", "127.0.0.1",
        "10.0.0.7:9091", "[::1]", "[fe80::1%25eth0]:9091", "",
    ])
    func `own names are served`(host: String) async {
        #expect(await send("GET", "/api/v1/metadata/brokers", [("Host", host)]).status == 200)
    }

    @Test(arguments: [
        "rebind.example:9091", "node1.example.evil", "xnode1.example", "1.2.3.4.example", "node1", "d\u{e9}b",
    ])
    func `other names are refused`(host: String) async {
        for (method, path) in [("GET", "/api/v1/kv/a"), ("PUT", "/api/v1/kv/a"), ("OPTIONS", "*"), ("GET", "/nowhere")]
        {
            let answer = await send(method, path, [("Host", host)])
            #expect(answer.status == 421)
            #expect(answer.code == "misdirected_request")
        }
        #expect(client.node.state.withLock { $0.submitted.isEmpty })
        // Monitoring asks by what name it likes.
        for path in ["/healthz", "/readyz", "/metrics"] {
            #expect(await send("GET", path, [("Host", host)]).status == 200)
        }
    }

    /// While a node gets another name, the others still call it by the old one.
    @Test func `nodes may call each other as they like`() async {
        let host = ("Host", "old.example")
        let dense = [host, ("Content-Type", MessageCodec.contentType)]
        #expect(await send("POST", "/api/v1/raft/vote", dense, body: "x").code == "invalid_message")
        #expect(await send("POST", "/api/v1/raft/vote", [host, ("Content-Type", "application/json")]).status == 421)
        #expect(await send("GET", "/api/v1/kv/a", dense).status == 421)
    }

    @Test func `requests without Host, of HTTP/1.0, are served`() async {
        #expect(await send("GET", "/api/v1/metadata/brokers", []).status == 200)
    }

    @Test func `all names, if that is wanted`() async {
        let open = Client(hosts: AllowedHosts(["a", "*"]))
        let headers = [(name: "Host", value: "any.example"), (name: "Origin", value: "http://evil.example")]
        #expect(await open.put("/api/v1/kv/a", "v", headers: headers).status == 201)
    }

    @Test(arguments: [
        "http://evil.example", "http://10.0.0.8:9091", "null", "", "http://", "evil",
        "http://evil.example/node1.example",
    ])
    func `pages of others change nothing`(origin: String) async {
        for host in ["10.0.0.7:9091", "node1.example:9091"] {
            let fields = [("Host", host), ("Origin", origin), ("Content-Type", "application/json")]
            for (method, path) in [
                ("PUT", "/api/v1/kv/a"), ("DELETE", "/api/v1/kv/a"), ("POST", "/api/v1/metadata/heartbeat/1"),
                ("POST", "/api/v1/metadata/brokers"),
            ] {
                let answer = await send(method, path, fields)
                #expect(answer.status == 403)
                #expect(answer.code == "foreign_origin")
            }
            #expect(await send("GET", "/api/v1/metadata/brokers", fields).status == 200)
        }
    }

    @Test(arguments: ["http://10.0.0.7", "https://10.0.0.7:9091", "http://localhost:3000", "https://DB"])
    func `own pages do`(origin: String) async {
        let fields = [("Host", "10.0.0.7:9091"), ("Origin", origin)]
        #expect(await send("PUT", "/api/v1/kv/a", fields, body: "v").status == 201)
    }
}
