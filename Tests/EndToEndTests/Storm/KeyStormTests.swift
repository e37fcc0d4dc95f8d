import Testing

extension EndToEnd {
    /// Much at once in the store: a subtree deleted, a follower that has much to catch up with.
    @Suite(.serialized) struct KeyStormTests {
        private static let folders = 4
        private static let keysOfFolder = 15_000

        @Test func aLargeSubtreeIsDeleted() throws {
            try Cluster.with(settings: Storm.settings) { cluster in
                let leader = try cluster.leader()
                let value = [UInt8](repeating: 0x61, count: 100)
                let floods = (0..<Self.folders).map { folder in
                    let octets = (0..<Self.keysOfFolder).flatMap { key in
                        Node.request("PUT", "/api/v1/kv/storm/\(folder)/\(100_000 + key)", value)
                    }
                    return Flood(of: leader, .init(connections: 1, octets: octets, reads: true))
                }
                for folder in 0..<Self.folders {
                    let last = "/api/v1/kv/storm/\(folder)/\(100_000 + Self.keysOfFolder - 1)"
                    try eventually("all keys are there") { try leader.get(last).status == 200 }
                }
                for flood in floods { flood.stop() }
                let term = try leader.status().term
                let witness = Witness(cluster)
                let answer = try leader.send("DELETE", "/api/v1/kv/storm/?recursive=true")
                #expect(try answer.json()["deleted"]?.int == Self.folders * Self.keysOfFolder)
                // Behind it the checkpoint deletes the rows.
                let report = try witness.report("a delete of 60,000 keys", after: .seconds(1))
                #expect(report.longestPause < Storm.electionTimeout / 2)
                #expect(report.writes > 0)
                #expect(report.peakBytes < Storm.memory)
                #expect(try cluster.leader().status().term == term, "nobody stood for election")
                try cluster.expectAgreement()
                #expect(try leader.entries(below: "/storm/").isEmpty)
            }
        }

        /// The log is not kept for a follower that is away: it needs a snapshot, and only one, however much is written
        /// meanwhile.
        @Test func aFollowerComesBackWhileClientsWrite() throws {
            try Cluster.with(settings: Storm.settings) { cluster in
                let leader = try cluster.leader()
                let term = try leader.status().term
                let away = try #require(try cluster.followers().first)
                let body = [UInt8](repeating: 0x62, count: 50_000)
                let requests = (0..<200).flatMap { Node.request("PUT", "/api/v1/kv/large/\($0)", body) }
                away.kill()
                let flood = Flood(of: leader, .init(connections: 4, octets: requests, repeats: true, reads: true))
                defer { flood.stop() }
                let begin = try leader.status().commit
                try eventually("much is written") { try leader.status().commit >= begin + 400 }
                let witness = Witness(cluster)
                try away.start()
                let goal = try leader.status().commit
                try eventually("the follower follows while clients write") {
                    try away.status().applied >= max(goal, leader.status().commit - 100)
                }
                let report = try witness.report("a follower comes back", after: .seconds(1))
                let metrics = try away.get("/metrics").text
                let snapshots = metrics.split(separator: "\n").first { $0.hasPrefix("dmq_snapshots_received_total ") }
                #expect(["0", "1"].contains(snapshots?.split(separator: " ").last), "\(snapshots ?? "")")
                #expect(report.longestPause < Storm.electionTimeout)
                #expect(report.writes > 0)
                #expect(report.peakBytes < Storm.memory)
                flood.stop()
                #expect(try cluster.leader().status().term == term, "nobody stood for election")
                try cluster.expectAgreement()
            }
        }
    }
}
