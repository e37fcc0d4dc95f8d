import Foundation
import Glibc
import Testing

extension EndToEnd {
    /// The ways a node does not start, or ends, each with its code and a text that says what to do.
    @Suite(.serialized) struct ExitCodeTests {
        /// Writes over the middle of the file's pages.
        static func damage(_ path: String) throws {
            let file = try #require(FileHandle(forUpdatingAtPath: path))
            defer { try? file.close() }
            let size = try file.seekToEnd()
            var offset: UInt64 = 2048
            while offset < size {
                try file.seek(toOffset: offset)
                try file.write(contentsOf: Data(repeating: 0xA5, count: 512))
                offset += 4096
            }
        }

        /// A node with some data, stopped in good order, so that all of it stands in the one file.
        static func stoppedNode(_ body: (Node) throws -> Void) throws {
            try Cluster.with(size: 1) { cluster in
                let node = try cluster.leader()
                for number in 0..<200 { #expect(try node.put("/data/\(number)", "value \(number)").status == 201) }
                try eventually("the tables have followed the log") {
                    let count = try Finished.tool(
                        "sqlite3", "file:\(node.dataDirectory)/node.db?mode=ro", "SELECT count(*) FROM kv")
                    return count.output.hasPrefix("200")
                }
                #expect(try node.terminate() == .exited(0))
                try body(node)
            }
        }

        @Test func aSecondProcessOnTheSameDataIsRefused() throws {
            try Cluster.with { cluster in
                try cluster.leader()
                let node = cluster.nodes[0]
                let port = try Ports.unused(1)[0]
                let second = try Finished.run(Surroundings.binary, node.arguments + ["--server.port=\(port)"])
                #expect(second.end == .exited(75), "\(second)")
                #expect(second.errorOutput.contains(node.dataDirectory), "\(second)")
                #expect(try node.get("/healthz").status == 200)
            }
        }

        @Test func aPortInUseIsSaid() throws {
            try Cluster.with(start: false) { cluster in
                let broker = try FakeBroker()
                let node = cluster.nodes[0]
                let result = try Finished.run(
                    Surroundings.binary, node.arguments + ["--server.port=\(broker.port)"])
                #expect(result.end == .exited(69), "\(result)")
                #expect(result.errorOutput.contains("\(broker.port)"), "\(result)")
            }
        }

        @Test func damagedDataIsRefused() throws {
            try Self.stoppedNode { node in
                try Self.damage(node.dataDirectory + "/node.db")
                let before = try Data(contentsOf: URL(fileURLWithPath: node.dataDirectory + "/node.db"))
                let result = try Finished.run(Surroundings.binary, node.arguments)
                #expect(result.end == .exited(65), "\(result)")
                #expect(result.errorOutput.contains("node.db"), "\(result)")
                let after = try Data(contentsOf: URL(fileURLWithPath: node.dataDirectory + "/node.db"))
                #expect(before == after, "what can not be read is not touched")
                let verified = try Finished.dmq("verify", node.dataDirectory)
                #expect(verified.end == .exited(65), "\(verified)")
            }
        }

        /// SQLite's own check can not see this one: the row is as sound as any, only not what was written.
        @Test func aChangedEntryIsFound() throws {
            try Self.stoppedNode { node in
                #expect(try Finished.dmq("verify", node.dataDirectory).end == .exited(0))
                let changed = try Finished.tool(
                    "sqlite3", node.dataDirectory + "/node.db",
                    "UPDATE raft_log SET term = term + 1 WHERE log_index = (SELECT max(log_index) - 3 FROM raft_log)")
                #expect(changed.end == .exited(0), "\(changed)")
                let verified = try Finished.dmq("verify", node.dataDirectory)
                #expect(verified.end == .exited(65), "\(verified)")
                let result = try Finished.run(Surroundings.binary, node.arguments)
                #expect(result.end == .exited(65), "\(result)")
            }
        }

        @Test func aChangedRowIsFound() throws {
            try Self.stoppedNode { node in
                let changed = try Finished.tool(
                    "sqlite3", node.dataDirectory + "/node.db", "UPDATE kv SET value = 'forged' WHERE key = '/data/7'")
                #expect(changed.end == .exited(0), "\(changed)")
                #expect(try Finished.dmq("verify", node.dataDirectory).end == .exited(65))
                #expect(try Finished.run(Surroundings.binary, node.arguments).end == .exited(65))
            }
        }

        @Test func aMissingEntryIsFound() throws {
            try Self.stoppedNode { node in
                let changed = try Finished.tool(
                    "sqlite3", node.dataDirectory + "/node.db",
                    "DELETE FROM raft_log WHERE log_index = (SELECT max(log_index) - 3 FROM raft_log)")
                #expect(changed.end == .exited(0), "\(changed)")
                #expect(try Finished.dmq("verify", node.dataDirectory).end == .exited(65))
                #expect(try Finished.run(Surroundings.binary, node.arguments).end == .exited(65))
            }
        }

        @Test func anotherNodesDataIsRefused() throws {
            try Cluster.with { cluster in
                try cluster.leader()
                for node in cluster.nodes { #expect(try node.terminate() == .exited(0)) }
                let (first, second) = (cluster.nodes[0], cluster.nodes[1])
                let result = try Finished.run(
                    Surroundings.binary, first.arguments + ["--kraft.data-dir=\(second.dataDirectory)"])
                #expect(result.end == .exited(78) || result.end == .exited(64), "\(result)")
                first.dataDirectory = second.dataDirectory
                let refused = try Finished.run(Surroundings.binary, first.arguments)
                #expect(refused.end == .exited(78), "\(refused)")
                #expect(refused.errorOutput.contains(second.dataDirectory), "\(refused)")
            }
        }

        @Test(arguments: [
            (["serve", "--kraft.node-id=9"], 78, "kraft.node-id"),
            (["serve"], 78, "kraft.node-id"),
            (["serve", "--kraft.node-id=one"], 78, "one"),
            (["serve", "--kraft.node-id=1", "--server.port=70000"], 78, "70000"),
            (["serve", "--kraft.node-id=1", "--kraft.cluster-size=5"], 78, "kraft.cluster-size"),
            (["serve", "--kraft.node-id=1", "--kraft.raft.election-timeout-ms=-1"], 78, "election-timeout-ms"),
            (["serve", "--kraft.node-id=1", "--logging.level=loud"], 78, "loud"),
            (["serve", "--kraft.node-id=1", "--config=/nonexistent.yml"], 78, "/nonexistent.yml"),
            (["serve", "--kraft.node-id=1", "--kraft.services-file=/nonexistent.json"], 78, "/nonexistent.json"),
            (["serve", "--kraft.node-id=1", "--no-such-flag"], 64, "no-such-flag"),
            (["no-such-command"], 64, "no-such-command"),
            (["kv", "put", "/a"], 64, "value"),
            (["broker", "register", "x", "y"], 64, "x"),
        ])
        func wrongUsageAndConfiguration(arguments: [String], status: Int32, names: String) throws {
            try Cluster.with(start: false) { cluster in
                let result = try Finished.run(
                    Surroundings.binary, arguments,
                    environment: ["KRAFT_SERVICES_FILE": cluster.nodes[0].servicesFile],
                    directory: cluster.directory.path)
                #expect(result.end == .exited(status), "\(result)")
                #expect(result.errorOutput.contains(names), "\(result)")
            }
        }

        @Test func wrongEnvironmentIsNamed() throws {
            try Cluster.with(start: false) { cluster in
                let result = try Finished.run(
                    Surroundings.binary, cluster.nodes[0].arguments,
                    environment: ["METADATA_HEARTBEAT_TIMEOUT_MS": "soon"])
                #expect(result.end == .exited(78), "\(result)")
                #expect(result.errorOutput.contains("METADATA_HEARTBEAT_TIMEOUT_MS"), "\(result)")
                #expect(result.errorOutput.contains("soon"), "\(result)")
            }
        }

        @Test func verifyNamesADirectoryWithoutData() throws {
            let empty = try TemporaryDirectory()
            let result = try Finished.dmq("verify", empty.path)
            #expect(result.end != .exited(0), "\(result)")
            #expect(result.errorOutput.contains(empty.path), "\(result)")
        }

        /// A disk without space ends the node on it, and nothing else.
        @Test func aFullDisk() throws {
            let disk = try TemporaryDirectory()
            let mounted = try Finished.tool("mount", "-t", "tmpfs", "-o", "size=6m", "dmq-e2e", disk.path)
            guard mounted.end == .exited(0) else {
                try Surroundings.skip("no mount: \(mounted.errorOutput)")
                return
            }
            defer { _ = try? Finished.tool("umount", "-l", disk.path) }
            try Cluster.with(start: false) { cluster in
                let small = cluster.nodes[0]
                small.dataDirectory = disk.path + "/data"
                try cluster.start()
                try cluster.leader()
                let writer = ContinuousWriter(cluster.nodes)
                try writer.advance()
                let value = String(repeating: "x", count: 100_000)
                var number = 0
                let end = try eventually("the node with the small disk ends", within: .seconds(120)) { () -> Int32? in
                    if case .exited(let status) = small.process?.end { return status }
                    number += 1
                    let leader = try cluster.running.first { try $0.status().isLeader }
                    _ = try leader?.put("/big/\(number)", value)
                    return nil
                }
                #expect(end == 74)
                #expect(small.log.contains("❌"))
                #expect(small.log.contains("full"), "it says what is wrong")
                try writer.advance()
                let refused = try Finished.run(Surroundings.binary, small.arguments, within: .seconds(30))
                #expect(refused.end == .exited(74), "\(refused)")
                let grown = try Finished.tool("mount", "-o", "remount,size=300m", disk.path)
                #expect(grown.end == .exited(0), "\(grown)")
                try small.start()
                try small.waitUntilListening()
                try CrashTests.expectNothingLost(writer, in: cluster)
            }
        }
    }
}
