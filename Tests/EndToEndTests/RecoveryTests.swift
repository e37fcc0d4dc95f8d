import Foundation
import Glibc
import Testing

extension EndToEnd {
    /// What an operator does on a bad night, each by its one verb.
    @Suite(.serialized) struct RecoveryTests {
        private static let keys = 40

        private static func fill(_ cluster: Cluster, _ folder: String = "/precious/") throws {
            let leader = try cluster.leader()
            for number in 0..<keys { #expect(try leader.put("\(folder)\(number)", "\(number)").status == 201) }
        }

        private static func expectKeys(_ folder: String = "/precious/", on node: Node) throws {
            let expected = Dictionary(uniqueKeysWithValues: (0..<keys).map { ("\(folder)\($0)", "\($0)") })
            try eventually("node \(node.id) has all of \(folder)") { try node.entries(below: folder) == expected }
        }

        private static func run(_ arguments: String..., status: Int32 = 0) throws -> Finished {
            let result = try Finished.run(Surroundings.binary, arguments)
            #expect(result.end == .exited(status), "\(arguments): \(result)")
            return result
        }

        private static func endpoint(_ node: Node) -> String { "--endpoint=http://localhost:\(node.port)" }

        private static func revision(_ node: Node) throws -> Int {
            try #require(try node.get("/api/v1/kv/precious/?consistency=stale").json()["revision"]?.int)
        }

        private static func clusterVersion(_ node: Node) throws -> Int {
            try #require(try node.get("/api/v1/metadata/cluster").json()["version"]?.int)
        }

        private static func loseAll(_ cluster: Cluster) throws {
            for node in cluster.nodes {
                node.kill()
                try FileManager.default.moveItem(atPath: node.dataDirectory, toPath: node.dataDirectory + ".lost")
            }
        }

        // MARK: Backup

        @Test func aBackupIsWhatWasAcknowledged() throws {
            try Cluster.with { cluster in
                try Self.fill(cluster)
                let file = cluster.directory.path + "/saved.db"
                // By way of a node that does not lead.
                let follower = try cluster.followers()[0]
                let made = try Self.run("backup", file, Self.endpoint(follower))
                #expect(
                    made.output.hasPrefix("\(file): sound\n") && made.output.contains("\(Self.keys) rows"), "\(made)")
                let digest = try cluster.leader().status().digest
                #expect(made.output.contains(digest))
                var status = stat()
                #expect(stat(file, &status) == 0 && status.st_mode & 0o777 == 0o600)
                #expect(!FileManager.default.fileExists(atPath: file + ".part"))
                // People can read it.
                let rows = try Finished.tool(
                    "sqlite3", "-readonly", file, "select value from kv where key = '/precious/7'")
                #expect(rows.output == "7\n")
                // Again, and what is there already is left alone.
                #expect(
                    try Self.run("backup", file, Self.endpoint(follower), status: 74).errorOutput.contains("it exists"))
                _ = try Self.run("backup", "verify", file)
                let json = try Self.run("backup", file + "2", Self.endpoint(follower), "--stale", "--json")
                #expect(json.output.contains("\"verified\":true") && json.output.contains(digest))
                // Cut short, it is none.
                truncate(file + "2", 9000)
                _ = try Self.run("backup", "verify", file + "2", status: 65)
                _ = try Self.run("backup", "verify", file + "3", status: 74)
            }
        }

        /// While somebody writes, many times: each is of a moment between what was acknowledged before and after.
        @Test func backupsOfABusyClusterAreSound() throws {
            try Cluster.with(size: 1) { cluster in
                let node = try cluster.leader()
                let directory = cluster.directory.path + "/backups"
                try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
                let writer = ContinuousWriter(cluster.nodes)
                defer { writer.stop() }
                for round in 0..<5 {
                    let before = try Self.revision(node)
                    let file = "\(directory)/\(round)"
                    let made = try Self.run("backup", file, Self.endpoint(node), "--json")
                    let revision = try #require(
                        JSONDecoder().decode(JSON.self, from: Data(made.output.utf8))["revision"]?.int)
                    #expect(revision >= before)
                }
                // One an hour: of those within a minute the first stays, and the last.
                for _ in 0..<2 {
                    pause(milliseconds: 1001)
                    _ = try Self.run("backup", "--into", directory, "--keep", "24h:1h", Self.endpoint(node))
                }
                #expect(
                    try FileManager.default.contentsOfDirectory(atPath: directory).count { $0.hasSuffix(".db") } == 2)
            }
        }

        @Test func aSecondOneAtOnceIsRefused() throws {
            try Cluster.with(size: 1) { cluster in
                let node = try cluster.leader()
                for number in 0..<8 {
                    #expect(try node.put("/large/\(number)", String(repeating: "x", count: 1 << 20)).status == 201)
                }
                // Its answer is not taken, and does not fit into buffers.
                var slow: Connection? = try Connection(to: node.address, patience: .seconds(20))
                try slow?.send(Node.request("GET", "/api/v1/backup"))
                try eventually("it is being made") { node.log.contains("backup made") }
                let second = try node.get("/api/v1/backup")
                #expect(second.status == 409 && second.text.contains("backup_in_progress"), "\(second)")
                slow = nil
                try eventually("the next one is made") {
                    try node.get("/api/v1/backup", patience: .seconds(60)).status == 200
                }
            }
        }

        // MARK: Restore

        @Test func aBackupBecomesANewCluster() throws {
            let broker = try FakeBroker()
            try Cluster.with { cluster in
                try Self.fill(cluster)
                let leader = try cluster.leader()
                _ = try leader.post(
                    "/api/v1/metadata/brokers", #"{"brokerId":101,"host":"localhost","port":\#(broker.port)}"#)
                _ = try leader.post(
                    "/api/v1/metadata/topics", #"{"topicName":"orders","numPartitions":2,"replicationFactor":1}"#)
                let file = cluster.directory.path + "/saved.db"
                _ = try Self.run("backup", file, Self.endpoint(leader))
                // After the backup, and lost: no number that was given for it may come again.
                let lost = try leader.put("/lost", "x").json()["revision"]?.int ?? 0
                let before = (term: try leader.status().term, version: try Self.clusterVersion(leader), lost: lost)
                try Self.loseAll(cluster)

                let first = cluster.nodes[1]
                let arguments = [
                    "restore", file, "--node=2", "--data-dir=\(first.dataDirectory)",
                    "--services=\(first.servicesFile)",
                ]
                let restored = try Finished.run(Surroundings.binary, arguments)
                #expect(
                    restored.end == .exited(0) && restored.output.contains("then node 1, 3 with empty directories"),
                    "\(restored)")
                let again = try Finished.run(Surroundings.binary, arguments)
                #expect(again.end == .exited(78) && again.errorOutput.contains("holds the data of node 2"), "\(again)")
                try first.start()
                try first.waitUntilListening()
                for node in cluster.nodes where node.id != 2 { try node.start() }
                let newLeader = try cluster.leader()
                for node in cluster.nodes {
                    try Self.expectKeys(on: node)
                    try eventually("node \(node.id) has its vote") { try node.status().isVoter }
                }
                try cluster.expectAgreement()
                #expect(try Self.revision(newLeader) > before.lost + 900_000)
                #expect(try newLeader.status().term > before.term + 900)
                let push = try broker.waitFor("FULL_SNAPSHOT") { ($0["version"]?.int ?? 0) > before.version + 900_000 }
                #expect(push["partitions"]?.array?.allSatisfy { ($0["leaderEpoch"]?.int ?? 0) >= 1000 } == true)
                #expect(try newLeader.put("/after", "x").status == 201)
                try Self.expectThatAnOldDiskIsRefused(cluster.nodes[2], in: cluster)
            }
        }

        /// One of the lost disks turns up again.
        private static func expectThatAnOldDiskIsRefused(_ node: Node, in cluster: Cluster) throws {
            node.kill()
            let new = node.dataDirectory
            node.dataDirectory = new + ".lost"
            let result = try Finished.run(Surroundings.binary, node.arguments)
            #expect(result.end == .exited(78) && result.errorOutput.contains("of cluster"), "\(result)")
            node.dataDirectory = new
            try node.start()
            try cluster.leader()
            try expectKeys(on: node)
        }

        @Test func noNodeStartsFromABackupAsItIs() throws {
            try Cluster.with(size: 1) { cluster in
                let node = try cluster.leader()
                let file = cluster.directory.path + "/saved.db"
                _ = try Self.run("backup", file, Self.endpoint(node))
                try Self.loseAll(cluster)
                try FileManager.default.createDirectory(atPath: node.dataDirectory, withIntermediateDirectories: false)
                try FileManager.default.copyItem(atPath: file, toPath: node.dataDirectory + "/node.db")
                let result = try Finished.run(Surroundings.binary, node.arguments)
                #expect(result.end == .exited(65) && result.errorOutput.contains("restore FILE --node ID"), "\(result)")
            }
        }

        // MARK: Repair

        private static func damage(_ node: Node) throws {
            let file = try FileHandle(forUpdating: URL(fileURLWithPath: node.dataDirectory + "/node.db"))
            try file.seek(toOffset: 4096)
            try file.write(contentsOf: Data(repeating: 0xA5, count: 4096))
            try file.close()
        }

        @Test func aDamagedNodeIsRepaired() throws {
            try Cluster.with { cluster in
                try Self.fill(cluster)
                let node = try cluster.followers()[0]
                #expect(try Self.run("repair", node.dataDirectory, status: 75).errorOutput.contains("in use"))
                #expect(try node.terminate() == .exited(0))
                #expect(try Self.run("repair", node.dataDirectory, status: 1).errorOutput.contains("sound"))
                try Self.damage(node)
                try node.start()
                #expect(try node.waitForEnd() == .exited(65))
                let repaired = try Self.run("repair", node.dataDirectory)
                #expect(repaired.output.contains("the data are in \(node.dataDirectory)/damaged-"), "\(repaired)")
                try node.start()
                try node.waitUntilListening()
                try Self.expectKeys(on: node)
            }
        }

        /// Once, and only where the others are well.
        @Test func aNodeRepairsItselfWhereItMay() throws {
            try Cluster.with { cluster in
                try Self.fill(cluster)
                let node = try cluster.followers()[0]
                let others = cluster.nodes.filter { $0.id != node.id }
                #expect(try node.terminate() == .exited(0))
                try Self.damage(node)
                // One of three is no majority that could fill it.
                others[0].kill()
                try node.start("--kraft.repair=automatic")
                #expect(try node.waitForEnd() == .exited(65))
                #expect(node.log.contains("the data are not moved away"))
                try others[0].start()
                try others.agreedLeaderEventually()
                try node.start("--kraft.repair=automatic")
                try node.waitUntilListening()
                try Self.expectKeys(on: node)
                #expect(try node.terminate() == .exited(0))
                // Twice is no accident.
                try Self.damage(node)
                try node.start("--kraft.repair=automatic")
                #expect(try node.waitForEnd() == .exited(65))
                #expect(node.log.contains("were damaged before"))
            }
        }

        // MARK: Recover

        /// No other machine is left: it goes on as a cluster of one.
        @Test func oneOfThreeBecomesOneOfOne() throws {
            try Cluster.with { cluster in
                try Self.fill(cluster)
                let left = cluster.nodes[0]
                try Self.expectKeys(on: left)
                for node in cluster.nodes { node.kill() }
                let alone = try cluster.services(of: 1)
                _ = try Self.run("members", "set", alone, left.dataDirectory)
                _ = try Self.run("recover", "--force", "--yes", left.dataDirectory)
                left.servicesFile = alone
                try left.start()
                try left.waitUntilListening()
                try cluster.leader()
                try Self.expectKeys(on: left)
                #expect(try left.put("/after", "x").status == 201)
            }
        }

        @Test func oneOfThreeIsEnoughByTheOperatorsWord() throws {
            try Cluster.with { cluster in
                try Self.fill(cluster)
                let left = cluster.nodes[0]
                try Self.expectKeys(on: left)
                let before = (revision: try Self.revision(left), term: try left.status().term)
                for node in cluster.nodes {
                    node.kill()
                    if node.id != left.id { try FileManager.default.removeItem(atPath: node.dataDirectory) }
                }
                let refused = try Self.run("recover", left.dataDirectory, status: 64)
                #expect(refused.errorOutput.contains("--force"))
                let unasked = try Self.run("recover", "--force", left.dataDirectory, status: 1)
                #expect(unasked.output.contains("loses     whatever nodes 2, 3 acknowledged"), "\(unasked)")
                let recovered = try Self.run("recover", "--force", "--yes", left.dataDirectory)
                #expect(recovered.output.contains("before    \(left.dataDirectory)/before-recovery-"), "\(recovered)")
                try left.start()
                try left.waitUntilListening()
                for node in cluster.nodes[1...] { try node.start() }
                let leader = try cluster.leader()
                for node in cluster.nodes { try Self.expectKeys(on: node) }
                #expect(try Self.revision(leader) == before.revision + 1_000_000)
                #expect(try leader.status().term > before.term + 900)
                #expect(try leader.put("/after", "x").status == 201)
                try cluster.expectAgreement()
            }
        }
    }
}

extension [Node] {
    fileprivate func agreedLeaderEventually() throws {
        _ = try eventually("a leader") { try agreedLeader() }
    }
}
