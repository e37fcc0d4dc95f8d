import Foundation
import Testing

extension EndToEnd {
    /// Whatever comes in is answered with its 4xx, and costs nobody else anything.
    @Suite(.serialized) struct BadInputTests {
        struct Case: Sendable {
            var name: String
            var request: String
            var status: Int

            /// A whole request as it goes over the wire.
            static func raw(_ name: String, _ request: String, _ status: Int) -> Case {
                Case(name: name, request: request, status: status)
            }

            /// A well-formed request with JSON in it.
            static func json(_ method: String, _ path: String, _ body: String, _ status: Int = 400) -> Case {
                Case(
                    name: "\(method) \(path) \(body.prefix(80))",
                    request: "\(method) \(path) HTTP/1.1\r\nHost: 1\r\nContent-Type: application/json\r\n"
                        + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)",
                    status: status)
            }

            static func plain(_ method: String, _ path: String, _ status: Int, _ fields: String...) -> Case {
                let more = fields.map { $0 + "\r\n" }.joined()
                return Case(
                    name: "\(method) \(path.prefix(80)) \(fields.joined(separator: " ").prefix(80))",
                    request: "\(method) \(path) HTTP/1.1\r\nHost: 1\r\nContent-Length: 0\r\n\(more)\r\n", status: status
                )
            }
        }

        static let framing: [Case] = [
            .raw("no version", "GET /healthz\r\n\r\n", 400),
            .raw("nonsense", "\u{16}\u{03}\u{01}garbage\r\n\r\n", 400),
            .raw("two spaces", "GET  /healthz HTTP/1.1\r\nHost: 1\r\n\r\n", 400),
            .raw("a line feed alone", "GET /healthz HTTP/1.1\nHost: 1\n\n", 400),
            .raw("lower-case version", "GET /healthz http/1.1\r\nHost: 1\r\n\r\n", 400),
            .raw("a method that is no token", "G(T /healthz HTTP/1.1\r\nHost: 1\r\n\r\n", 400),
            .raw("no slash", "GET healthz HTTP/1.1\r\nHost: 1\r\n\r\n", 400),
            .raw("a control character in the target", "GET /heal\u{01}thz HTTP/1.1\r\nHost: 1\r\n\r\n", 400),
            .raw("a fragment", "GET /healthz#top HTTP/1.1\r\nHost: 1\r\n\r\n", 400),
            .raw("no host", "GET /healthz HTTP/1.1\r\n\r\n", 400),
            .raw("two hosts", "GET /healthz HTTP/1.1\r\nHost: 1\r\nHost: y\r\n\r\n", 400),
            .raw("a folded field", "GET /healthz HTTP/1.1\r\nHost: 1\r\nA: b\r\n c\r\n\r\n", 400),
            .raw("a space before the colon", "GET /healthz HTTP/1.1\r\nHost : x\r\n\r\n", 400),
            .raw("a space before the first field", "GET /healthz HTTP/1.1\r\n Host: 1\r\n\r\n", 400),
            .raw("a field without a colon", "GET /healthz HTTP/1.1\r\nHost: 1\r\nnonsense\r\n\r\n", 400),
            .raw("a field without a name", "GET /healthz HTTP/1.1\r\nHost: 1\r\n: y\r\n\r\n", 400),
            .raw("a zero byte in a field", "GET /healthz HTTP/1.1\r\nHost: 1\r\nA: b\0c\r\n\r\n", 400),
            .raw("a bare carriage return", "GET /healthz HTTP/1.1\r\nHost: 1\r\nA: b\rc\r\n\r\n", 400),
            .raw(
                "two lengths",
                "PUT /api/v1/kv/a HTTP/1.1\r\nHost: 1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
                400),
            .raw("a list of lengths", "PUT /api/v1/kv/a HTTP/1.1\r\nHost: 1\r\nContent-Length: 1, 2\r\n\r\nab", 400),
            .raw("a negative length", "PUT /api/v1/kv/a HTTP/1.1\r\nHost: 1\r\nContent-Length: -1\r\n\r\n", 400),
            .raw("a length with a sign", "PUT /api/v1/kv/a HTTP/1.1\r\nHost: 1\r\nContent-Length: +1\r\n\r\na", 400),
            .raw("a hexadecimal length", "PUT /api/v1/kv/a HTTP/1.1\r\nHost: 1\r\nContent-Length: 0x1\r\n\r\na", 400),
            .raw(
                "a length beyond all numbers",
                "PUT /api/v1/kv/a HTTP/1.1\r\nHost: 1\r\nContent-Length: 99999999999999999999999\r\n\r\n", 400),
            .raw(
                "length and chunks",
                "PUT /api/v1/kv/a HTTP/1.1\r\nHost: 1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                400),
            .raw(
                "chunks that are not last",
                "PUT /api/v1/kv/a HTTP/1.1\r\nHost: 1\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400),
            .raw(
                "a chunk size that is none",
                "PUT /api/v1/kv/a HTTP/1.1\r\nHost: 1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n", 400),
            .raw(
                "a chunk size beyond all numbers",
                "PUT /api/v1/kv/a HTTP/1.1\r\nHost: 1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 400),
            .raw(
                "a chunk longer than its size",
                "PUT /api/v1/kv/a HTTP/1.1\r\nHost: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", 400),
            .raw(
                "chunks in an old version",
                "PUT /api/v1/kv/a HTTP/1.0\r\nHost: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
            .raw(
                "a body that is announced too large",
                "PUT /api/v1/kv/a HTTP/1.1\r\nHost: 1\r\nContent-Length: 99999999\r\n\r\n", 413),
            .raw(
                "a field that is too long",
                "GET /healthz HTTP/1.1\r\nHost: 1\r\nA: \(String(repeating: "a", count: 40_000))\r\n\r\n", 431),
            .raw(
                "too many fields",
                "GET /healthz HTTP/1.1\r\nHost: 1\r\n\((0..<2000).map { "A\($0): b\r\n" }.joined())\r\n", 431),
            .raw(
                "an unknown expectation",
                "PUT /api/v1/kv/a HTTP/1.1\r\nHost: 1\r\nExpect: luck\r\nContent-Length: 1\r\n\r\na", 417),
        ]

        static let routes: [Case] = [
            .plain("GET", "/", 404), .plain("GET", "/api/v1/nothing", 404), .plain("GET", "/api/v2/kv/a", 404),
            .plain("GET", "/api/v1/metadata/brokers/1/2", 404), .plain("POST", "/api/v1/kv/a", 405),
            .plain("PUT", "/api/v1/metadata/brokers", 405), .plain("DELETE", "/api/v1/metadata/cluster", 405),
            .plain("GET", "/api/v1/metadata/heartbeat/1", 405), .plain("POST", "/healthz", 405),
            .plain("BREW", "/api/v1/metadata/topics", 405), .plain("GET", "/api/v1/raft/vote", 405),
            .plain("GET", "/api/v1/metadata/brokers/abc", 400), .plain("GET", "/api/v1/metadata/brokers/0x1", 400),
            .plain("GET", "/api/v1/metadata/brokers/99999999999999999999", 400),
            .plain("POST", "/api/v1/metadata/heartbeat/x", 400), .plain("POST", "/api/v1/metadata/heartbeat/-1", 400),
            .plain("GET", "/api/v1/metadata/topics?consistency=maybe", 400),
            .plain("GET", "/api/v1/kv/a?consistency=maybe", 400),
            .plain("GET", "/api/v1/kv/d/?limit=0", 400), .plain("GET", "/api/v1/kv/d/?limit=many", 400),
            .plain("GET", "/api/v1/kv/d/?limit=-5", 400), .plain("GET", "/api/v1/kv/d/?recursive=perhaps", 400),
            .plain("GET", "/api/v1/kv/a?observe=true", 400), .plain("GET", "/healthz?x", 400),
            .plain("GET", "/api/v1/raft/log?from=x", 400), .plain("GET", "/api/v1/raft/log?limit=-1", 400),
        ]

        static let keys: [Case] = [
            .plain("PUT", "/api/v1/kv/a//b", 400), .plain("PUT", "/api/v1/kv/a/./b", 400),
            .plain("PUT", "/api/v1/kv/a/../b", 400), .plain("PUT", "/api/v1/kv/..", 400),
            .plain("PUT", "/api/v1/kv/%2e%2e/b", 400), .plain("PUT", "/api/v1/kv/a%2F%2Fb", 400),
            .plain("PUT", "/api/v1/kv/%zz", 400), .plain("PUT", "/api/v1/kv/%f", 400),
            .plain("PUT", "/api/v1/kv/%ff", 400), .plain("PUT", "/api/v1/kv/%C0%AE", 400),
            .plain("PUT", "/api/v1/kv/a/", 400), .plain("DELETE", "/api/v1/kv/a/", 400),
            .plain("PUT", "/api/v1/kv/\(String(repeating: "k", count: 4097))", 400),
            .plain("PUT", "/api/v1/kv/a", 400, "If-Match: \"12"), .plain("PUT", "/api/v1/kv/a", 400, "If-Match: x"),
            .plain("PUT", "/api/v1/kv/a", 400, "If-None-Match: -1"),
            .plain("DELETE", "/api/v1/kv/a", 400, "If-Match: \"1\" \"2\""),
        ]

        static let bodies: [Case] = [
            .json("POST", "/api/v1/metadata/brokers", ""), .json("POST", "/api/v1/metadata/brokers", "{"),
            .json("POST", "/api/v1/metadata/brokers", "null"), .json("POST", "/api/v1/metadata/brokers", "[]"),
            .json("POST", "/api/v1/metadata/brokers", "{}"),
            .json("POST", "/api/v1/metadata/brokers", #"{"brokerId":1,"host":"h","port":1}x"#),
            .json("POST", "/api/v1/metadata/brokers", #"{"brokerId":1,"host":"h"}"#),
            .json("POST", "/api/v1/metadata/brokers", #"{"brokerId":"1","host":"h","port":1}"#),
            .json("POST", "/api/v1/metadata/brokers", #"{"brokerId":1.5,"host":"h","port":1}"#),
            .json("POST", "/api/v1/metadata/brokers", #"{"brokerId":-1,"host":"h","port":1}"#),
            .json("POST", "/api/v1/metadata/brokers", #"{"brokerId":1e99,"host":"h","port":1}"#),
            .json("POST", "/api/v1/metadata/brokers", #"{"brokerId":9999999999999999999999,"host":"h","port":1}"#),
            .json("POST", "/api/v1/metadata/brokers", #"{"brokerId":1,"host":"","port":1}"#),
            .json("POST", "/api/v1/metadata/brokers", #"{"brokerId":1,"host":null,"port":1}"#),
            .json("POST", "/api/v1/metadata/brokers", #"{"brokerId":1,"host":"h","port":0}"#),
            .json("POST", "/api/v1/metadata/brokers", #"{"brokerId":1,"host":"h","port":65536}"#),
            .json("POST", "/api/v1/metadata/brokers", #"{"brokerId":1,"host":"h","port":true}"#),
            .json("POST", "/api/v1/metadata/brokers", #"{"brokerId":1,"host":"h","port":1,"rack":7}"#),
            .json("POST", "/api/v1/metadata/brokers", #"{"brokerId":1,"host":"h\nX: y","port":1}"#),
            .json("POST", "/api/v1/metadata/brokers", #"{"brokerId":1,"host":"\ud800","port":1}"#),
            .json("POST", "/api/v1/metadata/brokers", String(repeating: "[", count: 100_000)),
            .json("POST", "/api/v1/metadata/topics", #"{"topicName":"","numPartitions":1,"replicationFactor":1}"#),
            .json("POST", "/api/v1/metadata/topics", #"{"topicName":"..","numPartitions":1,"replicationFactor":1}"#),
            .json("POST", "/api/v1/metadata/topics", #"{"topicName":"a b","numPartitions":1,"replicationFactor":1}"#),
            .json("POST", "/api/v1/metadata/topics", #"{"topicName":"a/b","numPartitions":1,"replicationFactor":1}"#),
            .json("POST", "/api/v1/metadata/topics", #"{"topicName":"ä","numPartitions":1,"replicationFactor":1}"#),
            .json(
                "POST", "/api/v1/metadata/topics",
                #"{"topicName":"\#(String(repeating: "t", count: 250))","numPartitions":1,"replicationFactor":1}"#),
            .json("POST", "/api/v1/metadata/topics", #"{"topicName":"t","numPartitions":0,"replicationFactor":1}"#),
            .json("POST", "/api/v1/metadata/topics", #"{"topicName":"t","numPartitions":10001,"replicationFactor":1}"#),
            .json("POST", "/api/v1/metadata/topics", #"{"topicName":"t","numPartitions":1,"replicationFactor":0}"#),
            .json("POST", "/api/v1/metadata/topics", #"{"topicName":"t","replicationFactor":1}"#),
            .json(
                "POST", "/api/v1/metadata/topics",
                #"{"topicName":"t","numPartitions":1,"replicationFactor":1,"config":7}"#),
            .json(
                "POST", "/api/v1/metadata/topics",
                #"{"topicName":"t","numPartitions":1,"replicationFactor":1,"config":{"retentionMs":"long"}}"#),
            .json("POST", "/api/v1/metadata/heartbeat/1", "{"),
            .json("POST", "/api/v1/metadata/heartbeat/1", #"{"brokerId":2}"#),
            .json("POST", "/api/v1/metadata/heartbeat/1", #"{"timestamp":"now"}"#),
            .json("POST", "/api/v1/metadata/isr/lag", ""), .json("POST", "/api/v1/metadata/isr/lag", "{}"),
            .json("POST", "/api/v1/metadata/isr/lag", #"{"brokerId":1,"partitions":7}"#),
            .json("POST", "/api/v1/metadata/isr/lag", #"{"brokerId":1,"partitions":[7]}"#),
            .json(
                "POST", "/api/v1/metadata/isr/lag",
                #"{"brokerId":1,"partitions":[{"topic":"t","partition":"0","offsetLag":0,"timeSinceCaughtUp":0}]}"#),
            .json("POST", "/api/v1/raft/vote", "{}"), .json("POST", "/api/v1/raft/vote", "no"),
            .json("POST", "/api/v1/raft/vote", #"{"term":-4,"candidateId":3,"lastLogIndex":42,"lastLogTerm":3}"#),
            .json("POST", "/api/v1/raft/vote", #"{"term":"4","candidateId":3,"lastLogIndex":42,"lastLogTerm":3}"#),
            .json("POST", "/api/v1/raft/append", "{}"),
            .json(
                "POST", "/api/v1/raft/append",
                #"{"term":3,"leaderId":2,"prevLogIndex":-1,"prevLogTerm":3,"entries":[],"leaderCommit":41}"#),
            .json(
                "POST", "/api/v1/raft/append",
                #"{"term":3,"leaderId":2,"prevLogIndex":1,"prevLogTerm":3,"entries":[7],"leaderCommit":41}"#),
            .json("POST", "/api/v1/raft/snapshot", "{}"),
            .raw(
                "a media type that is not JSON",
                "POST /api/v1/metadata/brokers HTTP/1.1\r\nHost: 1\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}",
                415),
            .raw(
                "bytes that are no UTF-8 in JSON",
                "POST /api/v1/metadata/brokers HTTP/1.1\r\nHost: 1\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{\"a\":\"\u{0}\"}",
                400),
        ]

        @Test func everyMalformedRequestGetsItsAnswer() throws {
            let cases = Self.framing + Self.routes + Self.keys + Self.bodies
            #expect(cases.count >= 60)
            try Cluster.with { cluster in
                let leader = try cluster.leader()
                #expect(try leader.put("/witness", "unharmed").status == 201)
                let neighbour = try Connection(port: leader.port)
                let before = try leader.status()
                for item in cases {
                    let connection = try Connection(port: leader.port)
                    do {
                        try connection.send(item.request)
                        let answer = try connection.receive()
                        #expect(answer.status == item.status, "\(item.name): \(answer)")
                        #expect(
                            answer.header("Content-Type")?.hasPrefix("application/problem+json") == true,
                            "\(item.name): \(answer)")
                        let problem = try answer.json()
                        #expect(problem["status"]?.int == item.status, "\(item.name): \(answer)")
                        #expect(problem["code"]?.string?.isEmpty == false, "\(item.name): \(answer)")
                        #expect(problem["detail"]?.string?.isEmpty == false, "\(item.name): \(answer)")
                        if item.status == 405 { #expect(answer.header("Allow") != nil, "\(item.name)") }
                    } catch let error as TransportError {
                        Issue.record("\(item.name): \(error)")
                    }
                    try neighbour.send(Node.request("GET", "/api/v1/kv/witness"))
                    #expect(try neighbour.receive().text == "unharmed", "after \(item.name)")
                }
                let after = try leader.status()
                #expect(after.last == before.last, "nothing of it reached the log")
                #expect(after.term == before.term)
                #expect(cluster.running.count == 3)
                #expect(!leader.log.contains("Fatal error"))
                try cluster.expectAgreement()
            }
        }

        /// What is no whole request when its sender goes away.
        @Test func halfRequestsAreForgotten() throws {
            try Cluster.with(size: 1) { cluster in
                let node = try cluster.leader()
                let whole = "PUT /api/v1/kv/half HTTP/1.1\r\nHost: 1\r\nContent-Length: 4\r\n\r\nhalf"
                for length in stride(from: 1, to: whole.utf8.count, by: 3) {
                    let connection = try Connection(port: node.port)
                    try connection.send(Array(whole.utf8.prefix(length)))
                    connection.finishSending()
                    _ = try connection.receiveToEnd()
                }
                #expect(try node.get("/api/v1/kv/half").status == 404)
            }
        }
    }
}
