import Foundation
import Glibc
import Testing

extension EndToEnd {
    /// What was acknowledged is there, whatever happens to the processes.
    @Suite(.serialized) struct CrashTests {
        /// Ends the writer and compares its promises with every node, then what stands on the disks.
        static func expectNothingLost(
            _ writer: ContinuousWriter, in cluster: Cluster, sourceLocation: SourceLocation = #_sourceLocation
        ) throws {
            let acknowledged = writer.stop()
            #expect(!acknowledged.isEmpty, sourceLocation: sourceLocation)
            try cluster.expectAgreement(sourceLocation: sourceLocation)
            for node in cluster.nodes {
                let broken = try writer.brokenPromises(on: node)
                #expect(broken.isEmpty, "\(broken.prefix(5))", sourceLocation: sourceLocation)
            }
            try cluster.expectCleanData(sourceLocation: sourceLocation)
        }

        @Test func killingTheLeaderLosesNothing() throws {
            try Cluster.with { cluster in
                try cluster.leader()
                let writer = ContinuousWriter(cluster.nodes)
                for _ in 0..<3 {
                    try writer.advance()
                    let leader = try cluster.leader()
                    let term = try leader.status().term
                    leader.kill()
                    try writer.advance()
                    #expect(try cluster.leader().status().term > term)
                    try leader.start()
                    try leader.waitUntilListening()
                }
                try writer.advance()
                try Self.expectNothingLost(writer, in: cluster)
            }
        }

        @Test func killingAFollowerDisturbsNobody() throws {
            // The long timeouts of the contract: any election would be the follower's doing.
            try Cluster.with(settings: [:]) { cluster in
                let leader = try cluster.leader()
                let term = try leader.status().term
                let writer = ContinuousWriter(cluster.nodes)
                for follower in try cluster.followers() {
                    try writer.advance()
                    follower.kill()
                    try writer.advance()
                    try follower.start()
                    try follower.waitUntilListening()
                    try eventually("node \(follower.id) catches up") {
                        let goal = try leader.status().commit
                        return try eventually("its index") { try follower.status().applied >= goal ? true : nil }
                    }
                }
                #expect(try cluster.leader().id == leader.id)
                #expect(try leader.status().term == term, "no election")
                try Self.expectNothingLost(writer, in: cluster)
            }
        }

        @Test func killingAllLosesNothing() throws {
            try Cluster.with { cluster in
                try cluster.leader()
                let writer = ContinuousWriter(cluster.nodes)
                for _ in 0..<3 {
                    try writer.advance(by: 100)
                    for node in cluster.nodes { node.kill() }
                    try cluster.start()
                }
                try writer.advance()
                try Self.expectNothingLost(writer, in: cluster)
            }
        }

        @Test func brokersAndTopicsSurviveToo() throws {
            try Cluster.with(settings: BrokerSessionTests.patient) { cluster in
                let leader = try cluster.leader()
                for id in [101, 102] {
                    #expect(try BrokerSessionTests.register(id, port: 8000 + id, at: leader).status == 201)
                }
                let created = try leader.post("/api/v1/metadata/topics", BrokerSessionTests.orders)
                #expect(created.status == 201)
                let version = try leader.get("/api/v1/metadata/cluster").json()["version"]
                for node in cluster.nodes { node.kill() }
                try cluster.start()
                try cluster.leader()
                try cluster.expectAgreement()
                for node in cluster.nodes {
                    #expect(try node.get("/api/v1/metadata/topics/orders").text == created.text)
                    #expect(try node.get("/api/v1/metadata/cluster").json()["version"] == version)
                }
            }
        }

        /// A leader that stands still for longer than the others wait is none any more, also in its own eyes, before it
        /// has answered anything.
        @Test func aPausedLeaderAnswersNothingStale() throws {
            try Cluster.with(settings: BrokerSessionTests.patient) { cluster in
                let old = try cluster.leader()
                #expect(try old.put("/pause/key", "before").status == 201)
                #expect(try BrokerSessionTests.register(101, port: 8081, at: old).status == 201)
                let writer = ContinuousWriter(cluster.nodes)
                try writer.advance()
                // Connections that are open before the pause, with requests that come during it.
                let reads = try (0..<4).map { _ in try Connection(port: old.port, patience: .seconds(60)) }
                let beats = try (0..<4).map { _ in try Connection(port: old.port, patience: .seconds(60)) }
                for connection in reads + beats {
                    try connection.send(Node.request("GET", "/healthz"))
                    #expect(try connection.receive().status == 200)
                }
                try old.suspend()
                let others = cluster.nodes.filter { $0.id != old.id }
                let new = try eventually("a new leader") { try others.first { try $0.status().isLeader } }
                #expect(try new.put("/pause/key", "after").status == 200)
                for connection in reads { try connection.send(Node.request("GET", "/api/v1/kv/pause/key")) }
                for connection in beats {
                    try connection.send(Node.request("POST", "/api/v1/metadata/heartbeat/101", []))
                }
                old.resume()
                for connection in reads {
                    let answer = try connection.receive()
                    #expect(answer.status != 200 || answer.text == "after", "a stale read: \(answer)")
                }
                for connection in beats {
                    let answer = try connection.receive()
                    #expect(answer.status == 503, "\(answer)")
                }
                try eventually("the old leader follows") { try old.status().leaderID == new.id }
                try writer.advance()
                try Self.expectNothingLost(writer, in: cluster)
            }
        }

        /// What was accepted and then could not be agreed on is unknown; afterwards nothing is accepted, and no broker is
        /// told that it is alive.
        @Test func aLeaderWithoutQuorumPromisesNothing() throws {
            try Cluster.with(settings: BrokerSessionTests.patient) { cluster in
                let leader = try cluster.leader()
                let followers = try cluster.followers()
                #expect(try BrokerSessionTests.register(101, port: 8081, at: leader).status == 201)
                for follower in followers { try follower.suspend() }
                try BrokerSessionTests.expectProblem(try leader.put("/unknown", "x"), 504, "outcome_unknown")
                for (method, path) in [
                    ("POST", "/api/v1/metadata/heartbeat/101"), ("GET", "/api/v1/kv/unknown"),
                    ("PUT", "/api/v1/kv/more"),
                ] {
                    let answer = try leader.send(method, path, method == "GET" ? nil : "")
                    #expect(answer.status == 503, "\(method) \(path): \(answer)")
                    #expect(answer.header("X-Controller-Leader") == "", "\(method) \(path): \(answer)")
                    #expect(answer.body.isEmpty, "\(method) \(path): \(answer)")
                }
                #expect(try leader.get("/readyz").status == 503)
                #expect(try leader.get("/healthz").status == 200)
                for follower in followers { follower.resume() }
                let next = try cluster.leader()
                #expect(try next.put("/known", "y").status == 201)
                try cluster.expectAgreement()
                let values = try cluster.nodes.map { try $0.entries(below: "/") }
                for value in values {
                    #expect(value == values[0])
                    #expect(value["/known"] == "y" && value["/more"] == nil)
                }
            }
        }

        @Test func aStoppedLeaderHandsOver() throws {
            try Cluster.with { cluster in
                let writer = ContinuousWriter(cluster.nodes)
                try writer.advance()
                for _ in 0..<2 {
                    let leader = try cluster.leader()
                    let term = try leader.status().term
                    #expect(try leader.terminate() == .exited(0))
                    let others = cluster.running
                    let next = try eventually("the next leader") { try others.first { try $0.status().isLeader } }
                    // One election, by the one that was asked to: no split vote, no waiting for a timeout.
                    #expect(try next.status().term == term + 1)
                    try writer.advance()
                    try leader.start()
                    try leader.waitUntilListening()
                }
                try Self.expectNothingLost(writer, in: cluster)
            }
        }

        /// Without a majority there is nobody to hand over to, and a stop is a stop all the same.
        @Test func everyNodeStopsInGoodOrder() throws {
            try Cluster.with { cluster in
                try cluster.leader()
                for node in cluster.nodes { #expect(try node.terminate() == .exited(0)) }
                try cluster.start()
                try cluster.leader()
                for node in cluster.nodes { node.process?.send(SIGINT) }
                for node in cluster.nodes { #expect(try node.waitForEnd() == .exited(0)) }
                try cluster.expectCleanData()
            }
        }

        /// More is written while it is away than the leader keeps of its log.
        @Test func aFollowerThatWasAwayForLongGetsASnapshot() throws {
            try Cluster.with { cluster in
                let leader = try cluster.leader()
                let away = try #require(try cluster.followers().first)
                #expect(try leader.put("/deleted", "meanwhile").status == 201)
                try cluster.expectAgreement()
                let last = try away.status().last
                #expect(away.dataDirectory.isEmpty == false)
                away.kill()
                #expect(try leader.send("DELETE", "/api/v1/kv/deleted").status == 200)
                let value = String(repeating: "x", count: 1 << 20)
                var written = 0
                try eventually("the leader's log begins behind what the follower has", within: .seconds(120)) {
                    written += 1
                    #expect(try leader.put("/big/\(written % 16)", "\(written)" + value).status / 100 == 2)
                    return try leader.status().first > last + 1
                }
                let writer = ContinuousWriter(cluster.nodes)
                try writer.advance()
                try away.start()
                try away.waitUntilListening()
                try eventually("the follower has a snapshot") { try away.status().first > last }
                try writer.advance()
                writer.stop()
                try cluster.expectAgreement()
                #expect(try away.get("/api/v1/kv/deleted?consistency=stale").status == 404)
                let folder = "/api/v1/kv/big/\(written % 16)?consistency=stale"
                #expect(try away.get(folder).text == "\(written)" + value)
                // And it can lead with it.
                for node in cluster.nodes where node.id != away.id {
                    node.kill()
                    try node.start()
                    try node.waitUntilListening()
                }
                try Self.expectNothingLost(writer, in: cluster)
            }
        }
    }
}
