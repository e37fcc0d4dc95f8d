import Glibc
import Testing

extension EndToEnd {
    @Suite(.serialized) struct ElectionTests {
        /// With the timeouts of the contract: nobody waits for five seconds before the first election.
        @Test func aColdClusterElectsALeader() throws {
            try Cluster.with(settings: [:]) { cluster in
                let leader = try cluster.leader()
                for node in cluster.nodes {
                    let answer = try node.get("/api/v1/metadata/controller")
                    #expect(answer.status == 200)
                    let controller = try answer.json()
                    let status = try node.status()
                    #expect(controller["controllerId"]?.int == leader.id)
                    #expect(controller["url"]?.string == "http://localhost:\(leader.port)")
                    #expect(controller["controllerUrl"] == controller["url"])
                    #expect(controller["term"]?.int == status.term)
                    #expect(controller["controllerTerm"] == controller["term"])
                    #expect(controller["state"] == "LEADER")
                    #expect(controller["timestamp"]?.int ?? 0 > 1_700_000_000_000)
                    try eventually("node \(node.id) is ready") { try node.get("/readyz").status == 200 }
                    #expect(status.state == (node.id == leader.id ? "LEADER" : "FOLLOWER"))
                }
            }
        }

        @Test(arguments: [1, 2, 5, 7]) func clustersOfOtherSizesWork(size: Int) throws {
            try Cluster.with(size: size) { cluster in
                let leader = try cluster.leader()
                #expect(try leader.put("/a", "1").status == 201)
                try cluster.expectAgreement()
                for node in cluster.nodes { #expect(try node.entries(below: "/") == ["/a": "1"]) }
            }
        }

        /// One node of three knows no leader, says so everywhere, and takes nothing.
        @Test func aLonelyNodeTakesNothing() throws {
            try Cluster.with(start: false) { cluster in
                let node = cluster.nodes[0]
                try node.start()
                try node.waitUntilListening()
                for (method, path) in [
                    ("GET", "/api/v1/metadata/controller"), ("PUT", "/api/v1/kv/a"), ("GET", "/api/v1/kv/a"),
                    ("POST", "/api/v1/metadata/heartbeat/1"),
                ] {
                    let answer = try node.send(method, path, method == "GET" ? nil : "")
                    #expect(answer.status == 503, "\(method) \(path)")
                    #expect(answer.header("X-Controller-Leader") == "", "\(method) \(path)")
                    #expect(answer.header("X-Controller-Url") == nil, "\(method) \(path)")
                    #expect(answer.header("Retry-After") == "1", "\(method) \(path)")
                    #expect(answer.body.isEmpty, "\(method) \(path)")
                }
                #expect(try node.get("/readyz").status == 503)
                #expect(try node.get("/healthz").status == 200)
                let view = try node.get("/api/v1/metadata/cluster").json()
                #expect(view["controllerInfo"] == .null)
                try cluster.start()
                try cluster.leader()
            }
        }

        @Test func theLogTellsWhatHappens() throws {
            try Cluster.with(settings: [:]) { cluster in
                let leader = try cluster.leader()
                for node in cluster.nodes {
                    for symbol in ["🚀", "📋", "📚 log loaded", "🔄", "✅"] {
                        #expect(node.log.contains(symbol), "node \(node.id) logs no \(symbol)")
                    }
                }
                #expect(cluster.nodes.contains { $0.log.contains("⏱️") })
                #expect(leader.log.contains("🗳️"))
                #expect(leader.log.contains("🎉"))
                let lines = leader.log.split(separator: "\n").count
                for number in 0..<50 { _ = try leader.put("/quiet/\(number)", "x") }
                #expect(
                    leader.log.split(separator: "\n").count < lines + 25, "nothing is logged for each request at info")
                #expect(try leader.terminate() == .exited(0))
                #expect(leader.log.contains("🛑"))
            }
        }
    }
}
