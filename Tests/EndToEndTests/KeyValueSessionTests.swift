import Foundation
import Testing

extension EndToEnd {
    /// The coordination store as in the contract.
    @Suite(.serialized) struct KeyValueSessionTests {
        @Test func oneKeysLife() throws {
            try Cluster.with { cluster in
                let leader = try cluster.leader()
                let key = "/config/service/a"
                let created = try leader.put(key, "v1")
                #expect(created.status == 201)
                #expect(created.text == #"{"key":"/config/service/a","revision":2,"version":1}"#)
                #expect(created.header("ETag") == "\"2\"")
                #expect(try leader.put("/config/service/b", "v2").status == 201)
                let changed = try leader.put(key, "v3")
                #expect(changed.status == 200)
                #expect(changed.text == #"{"key":"/config/service/a","revision":4,"version":2}"#)
                #expect(changed.header("ETag") == "\"4\"")

                let read = try leader.get("/api/v1/kv" + key)
                #expect(read.status == 200)
                #expect(read.text == "v3")
                #expect(read.header("ETag") == "\"4\"")
                #expect(read.header("X-Revision") == "4")
                #expect(read.header("Content-Type") == "text/plain; charset=utf-8")
                let head = try leader.send("HEAD", "/api/v1/kv" + key)
                #expect(head.status == 200 && head.header("Content-Length") == "2" && head.body.isEmpty)
                let json = try leader.get("/api/v1/kv" + key, headers: [("Accept", "application/json")])
                #expect(
                    try json.json()
                        == [
                            "key": "/config/service/a", "value": "v3", "createRevision": 2, "modRevision": 4,
                            "version": 2,
                        ])

                try cluster.expectAgreement()
                for node in cluster.nodes {
                    let stale = try node.get("/api/v1/kv" + key + "?consistency=stale")
                    #expect(stale.status == 200 && stale.text == "v3" && stale.header("ETag") == "\"4\"")
                }

                let refused = try leader.put(key, "v4", headers: [("If-Match", "\"2\"")])
                try BrokerSessionTests.expectProblem(refused, 412, "revision_mismatch")
                #expect(refused.header("ETag") == "\"4\"")
                try BrokerSessionTests.expectProblem(
                    try leader.put(key, "v4", headers: [("If-None-Match", "*")]), 412, "revision_mismatch")
                #expect(try leader.put("/config/new", "x", headers: [("If-None-Match", "*")]).status == 201)
                #expect(try leader.put(key, "v4", headers: [("If-Match", "\"4\"")]).status == 200)
                let kept = try leader.send("DELETE", "/api/v1/kv" + key, headers: [("If-Match", "\"4\"")])
                try BrokerSessionTests.expectProblem(kept, 412, "revision_mismatch")
                let deleted = try leader.send("DELETE", "/api/v1/kv" + key, headers: [("If-Match", "\"6\"")])
                #expect(deleted.status == 200)
                #expect(deleted.text == #"{"deleted":1,"revision":7}"#)
                try BrokerSessionTests.expectProblem(try leader.get("/api/v1/kv" + key), 404, "unknown_key")
                try BrokerSessionTests.expectProblem(
                    try leader.send("DELETE", "/api/v1/kv" + key), 404, "unknown_key")
            }
        }

        @Test func subtrees() throws {
            try Cluster.with(size: 1) { cluster in
                let leader = try cluster.leader()
                for key in ["/config/service/b", "/config/service/a", "/config/z", "/configuration", "/config.d"] {
                    #expect(try leader.put(key, "of " + key).status == 201)
                }
                let all = try leader.get("/api/v1/kv/config/").json()
                #expect(all["revision"] == 6)
                #expect(all["next"] == .null)
                #expect(
                    all["entries"]?.array?.map { $0["key"] } == ["/config/service/a", "/config/service/b", "/config/z"])
                #expect(all["entries"]?[0]?["value"] == "of /config/service/a")
                #expect(all["entries"]?[0]?["modRevision"] == 3)
                let children = try leader.get("/api/v1/kv/config/?recursive=false").json()
                #expect(children["entries"]?.array?.count == 2)
                #expect(children["entries"]?[0] == ["directory": "/config/service/"])
                #expect(children["entries"]?[1]?["key"] == "/config/z")
                let page = try leader.get("/api/v1/kv/config/?limit=2").json()
                #expect(page["entries"]?.array?.count == 2)
                let next = try #require(page["next"]?.string)
                let rest = try leader.get("/api/v1/kv/config/?limit=2&after=\(next)").json()
                #expect(rest["entries"]?.array?.map { $0["key"] } == ["/config/z"])
                #expect(rest["next"] == .null)
                #expect(try leader.get("/api/v1/kv/").json()["entries"]?.array?.count == 5)

                #expect(try leader.send("DELETE", "/api/v1/kv/config/").status == 400)
                let deleted = try leader.send("DELETE", "/api/v1/kv/config/?recursive=true")
                #expect(deleted.status == 200)
                #expect(deleted.text == #"{"deleted":3,"revision":7}"#)
                #expect(try leader.entries(below: "/").keys.sorted() == ["/config.d", "/configuration"])
                #expect(try leader.send("DELETE", "/api/v1/kv/config/?recursive=true").status == 404)
            }
        }

        @Test func valuesAreAnyBytes() throws {
            try Cluster.with { cluster in
                let leader = try cluster.leader()
                let binary = [UInt8](0...255) + [0, 10, 13]
                let connection = try Connection(port: leader.port)
                try connection.send(Node.request("PUT", "/api/v1/kv/bin%2Fary/%C3%A4", binary))
                #expect(try connection.receive().status == 201)
                try connection.send(Node.request("GET", "/api/v1/kv/bin%2Fary/%C3%A4"))
                let read = try connection.receive()
                #expect(read.body == binary)
                #expect(read.header("Content-Type") == "application/octet-stream")
                try connection.send(
                    Node.request("GET", "/api/v1/kv/bin/ary/%c3%a4", headers: [("Accept", "application/json")]))
                let json = try connection.receive().json()
                #expect(json["key"] == "/bin/ary/ä")
                #expect(json["valueBase64"]?.string == Data(binary).base64EncodedString())
                #expect(json["value"] == nil)

                #expect(try leader.put("/empty", "").status == 201)
                let empty = try leader.get("/api/v1/kv/empty")
                #expect(empty.status == 200 && empty.body.isEmpty)
                let largest = [UInt8](repeating: 0x61, count: 1_572_864)
                try connection.send(Node.request("PUT", "/api/v1/kv/large", largest))
                #expect(try connection.receive().status == 201)
                try cluster.expectAgreement()
                for node in cluster.nodes {
                    #expect(try node.get("/api/v1/kv/large?consistency=stale").body == largest)
                    #expect(try node.get("/api/v1/kv/bin/ary/%C3%A4?consistency=stale").body == binary)
                }
            }
        }

        /// Several requests in one go get their answers in order; chunks, an offer of another protocol and a promise to
        /// wait are understood.
        @Test func theProtocolAsClientsSpeakIt() throws {
            try Cluster.with(size: 1) { cluster in
                let leader = try cluster.leader()
                let connection = try Connection(port: leader.port)
                let pipelined = (0..<20).flatMap { Node.request("PUT", "/api/v1/kv/p/\($0)", Array("\($0)".utf8)) }
                try connection.send(pipelined + Node.request("GET", "/api/v1/kv/p/19"))
                for number in 0..<20 {
                    #expect(try connection.receive().json()["key"]?.string == "/p/\(number)")
                }
                #expect(try connection.receive().text == "19")

                try connection.send(
                    "PUT /api/v1/kv/chunked HTTP/1.1\r\nHost: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
                        + "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nX-Sum: 1\r\n\r\n")
                #expect(try connection.receive().status == 201)
                #expect(try leader.get("/api/v1/kv/chunked").text == "abcdefg")

                let offer = [
                    ("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"),
                    ("HTTP2-Settings", "AAMAAABkAAQCAAAA"),
                ]
                let answer = try leader.get("/api/v1/kv/chunked", headers: offer)
                #expect(answer.status == 200 && answer.text == "abcdefg")
                #expect(answer.header("Upgrade") == nil)

                let expecting = try Connection(port: leader.port)
                try expecting.send(
                    "PUT /api/v1/kv/expected HTTP/1.1\r\nHost: 1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
                // The answer before the body can only be the interim one; `receive` passes over it.
                try expecting.send("ok")
                #expect(try expecting.receive().status == 201)

                let closing = try Connection(port: leader.port)
                try closing.send("GET /healthz HTTP/1.1\r\nHost: 1\r\nConnection: close\r\n\r\n")
                let last = String(decoding: try closing.receiveToEnd(), as: UTF8.self)
                #expect(last.hasPrefix("HTTP/1.1 200"))
                #expect(last.lowercased().contains("connection: close"))

                // curl, whose habits are those of most.
                let curl = try Finished.tool(
                    "curl", "-s", "--http2", "-X", "PUT", "--data-binary", "by curl",
                    "http://localhost:\(leader.port)/api/v1/kv/curl")
                #expect(curl.output.hasPrefix(#"{"key":"/curl","#), "\(curl)")
            }
        }

        @Test func metricsTellWhatIsAsked() throws {
            try Cluster.with { cluster in
                let leader = try cluster.leader()
                for number in 0..<10 { #expect(try leader.put("/m/\(number)", "x").status == 201) }
                let answer = try leader.get("/metrics")
                #expect(answer.status == 200)
                #expect(answer.header("Content-Type")?.hasPrefix("text/plain") == true)
                let families = answer.text.split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }.joined(
                    separator: "\n")
                for word in [
                    "election", "leader", "lag", "heartbeat", "commit", "sync", "request", "term", "applied", "wal",
                    "resident", "histogram",
                ] {
                    #expect(families.contains(word), "no metric with '\(word)' among\n\(families)")
                }
                // Every line of a sample is a name, perhaps labels, and a number.
                for line in answer.text.split(separator: "\n") where !line.hasPrefix("#") {
                    let value = line.split(separator: " ").last.flatMap { Double($0) }
                    #expect(value != nil || line.hasSuffix("+Inf"), "\(line)")
                }
            }
        }
    }
}
