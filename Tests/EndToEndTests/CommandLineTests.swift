import Foundation
import Glibc
import Testing

extension EndToEnd {
    /// What a person types.
    @Suite(.serialized) struct CommandLineTests {
        @Test func helpAndVersion() throws {
            let version = try Finished.dmq("--version")
            #expect(version.end == .exited(0))
            #expect(version.output.contains("."))
            let help = try Finished.dmq("--help")
            #expect(help.end == .exited(0))
            let commands = ["serve", "cluster", "demo", "status", "broker", "topic", "kv", "verify", "members"]
            for command in commands {
                #expect(help.output.contains(command), "\(command)")
                let own = try Finished.dmq(command, "--help")
                #expect(own.end == .exited(0), "\(command): \(own)")
                #expect(own.output.contains("USAGE: dmq-metadata \(command)"), "\(command): \(own)")
                #expect(try Finished.dmq(command, "--version").end == .exited(0), "\(command)")
            }
        }

        @Test func demoShowsItsFiveSteps() throws {
            let directory = try TemporaryDirectory()
            let demo = try Finished.dmq("demo", directory: directory.path, within: .seconds(180))
            #expect(demo.end == .exited(0), "\(demo)")
            // In this order.
            var rest = demo.output[...]
            for mark in ["term", "/config/service/a", "v1", "/config/service/b", "v2", "/config/service/c", "v3"] {
                let found = rest.range(of: mark)
                #expect(found != nil, "no '\(mark)' where it belongs in\n\(demo.output)")
                if let found { rest = rest[found.upperBound...] }
            }
            #expect(rest.contains("/config/service/b"), "the last snapshots\n\(demo.output)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty, "nothing left behind")
        }

        @Test func demoKeepsItsDatabasesIfAsked() throws {
            let directory = try TemporaryDirectory()
            let kept = directory.path + "/kept"
            let demo = try Finished.dmq("demo", "--keep", kept, directory: directory.path, within: .seconds(180))
            #expect(demo.end == .exited(0), "\(demo)")
            let databases = SourceFiles.all(below: kept).filter { $0.hasSuffix("node.db") }
            #expect(databases.count == 3, "\(databases)")
            for database in databases {
                let folder = URL(fileURLWithPath: database).deletingLastPathComponent().path
                let verified = try Finished.dmq("verify", folder)
                #expect(verified.end == .exited(0), "\(verified)")
            }
        }

        enum SourceFiles {
            static func all(below folder: String) -> [String] {
                let names = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
                return names.map { "\(folder)/\($0)" }
            }
        }

        @Test func clusterRunsAllNodesUntilItIsStopped() throws {
            try Cluster.with(start: false) { cluster in
                let output = cluster.directory.path + "/cluster.out"
                let process = try ChildProcess(
                    Surroundings.binary,
                    ["cluster", "--kraft.services-file=\(cluster.nodes[0].servicesFile)"],
                    directory: cluster.directory.path, output: output)
                func text() throws -> String { try String(contentsOfFile: output, encoding: .utf8) }
                let shown = try eventually("the curl lines") { () -> String? in
                    let text = try text()
                    return text.contains("curl http://") ? text : nil
                }
                for id in 1...3 { #expect(shown.contains("node\(id) | ")) }
                let children = try Self.children(of: process.processID)
                #expect(children.count == 3)
                let line = try #require(shown.split(separator: "\n").first { $0.contains("/metadata/controller") })
                let url = try #require(line.split(separator: " ").last.map(String.init))
                let answer = try Finished.tool("curl", "-s", url)
                #expect(answer.output.contains("controllerId"), "\(answer)")
                for id in 1...3 {
                    #expect(FileManager.default.fileExists(atPath: cluster.directory.path + "/data/node\(id)/node.db"))
                }
                process.send(SIGINT)
                #expect(try process.wait() == .exited(0))
                for child in children {
                    #expect(kill(child, 0) != 0, "process \(child) is left")
                }
                // Killed in the hardest way, it still leaves nobody behind.
                let again = try ChildProcess(
                    Surroundings.binary,
                    ["cluster", "--kraft.services-file=\(cluster.nodes[0].servicesFile)"],
                    directory: cluster.directory.path, output: output)
                let orphans = try eventually("three children") { () -> [pid_t]? in
                    let children = try Self.children(of: again.processID)
                    return children.count == 3 ? children : nil
                }
                again.send(SIGKILL)
                _ = try again.wait()
                try eventually("the children have ended") { orphans.allSatisfy { !Self.isAlive($0) } }
            }
        }

        private static func children(of parent: pid_t) throws -> [pid_t] {
            var children: [pid_t] = []
            for task in try FileManager.default.contentsOfDirectory(atPath: "/proc/\(parent)/task") {
                let path = "/proc/\(parent)/task/\(task)/children"
                let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
                children += text.split(separator: " ").compactMap { pid_t($0) }
            }
            return children
        }

        /// A zombie whose parent does not wait for it has ended, too.
        private static func isAlive(_ process: pid_t) -> Bool {
            guard let stat = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else { return false }
            return !stat.contains(") Z ")
        }

        @Test func clientCommandsFindTheLeader() throws {
            try Cluster.with(settings: BrokerSessionTests.patient) { cluster in
                let leader = try cluster.leader()
                let follower = try #require(try cluster.followers().first)
                func run(_ arguments: String..., status: Int32 = 0) throws -> String {
                    let result = try Finished.run(
                        Surroundings.binary, arguments + ["--endpoint", "http://localhost:\(follower.port)"])
                    #expect(result.end == .exited(status), "\(arguments): \(result)")
                    return result.output + (status == 0 ? "" : result.errorOutput)
                }
                let status = try run("status")
                for node in cluster.nodes { #expect(status.contains("\(node.port)"), "\(status)") }
                #expect(try JSON(text: try run("status", "--json")).names.isEmpty == false)
                #expect(try run("broker", "register", "101", "localhost:8081").contains("ONLINE"))
                #expect(try run("broker", "register", "102", "localhost:8082").contains("102"))
                #expect(try JSON(text: try run("broker", "list", "--json")).array?.count == 2)
                #expect(
                    try run("broker", "list", "--full").contains(
                        "101     localhost:8081  ACTIVE  -      0         0        "))
                #expect(try run("broker", "show", "101").contains("localhost:8081"))
                #expect(try run("broker", "heartbeat", "101").contains("101"))
                let help = try Finished.dmq("topic", "create", "--help").output
                #expect(help.contains("--partitions"), "\(help)")
                #expect(
                    try run("topic", "create", "orders", "--partitions", "3", "--replication-factor", "2")
                        .contains("orders"))
                #expect(try run("topic", "list").contains("orders"))
                #expect(try run("health") == "ok\n")
                #expect(try run("partition", "list", "--leader", "101").contains("orders  0"))
                #expect(try run("partition", "list", "--offline").split(separator: "\n").count == 1)
                #expect(try run("kv", "put", "/config/a", "v1").contains("revision 2"))
                #expect(try run("kv", "get", "/config/a") == "v1")
                #expect(try run("kv", "list", "/config").contains("/config/a"))
                #expect(try run("kv", "put", "/config/a", "v2", "--if-absent", status: 1).contains("revision"))
                #expect(try run("kv", "delete", "/config/a").contains("deleted 1"))
                #expect(try run("kv", "get", "/config/a", status: 1).isEmpty == false)
                // The one that is asked may be away as long as another is named.
                leader.kill()
                let next = try cluster.leader()
                #expect(try run("kv", "put", "/config/b", "x").contains("/config/b"))
                #expect(try next.get("/api/v1/kv/config/b").text == "x")
            }
        }

        @Test func clientCommandsSayWhenNobodyAnswers() throws {
            let port = try Ports.unused(1)[0]
            let result = try Finished.dmq("status", "--endpoint", "http://localhost:\(port)")
            #expect(result.end != .exited(0))
            #expect(result.errorOutput.contains("\(port)"), "\(result)")
        }

        /// The tables as `sqlite3` shows them, while the node works.
        @Test func anybodyCanReadTheDatabase() throws {
            try Cluster.with(settings: BrokerSessionTests.patient) { cluster in
                let leader = try cluster.leader()
                for id in [101, 102] {
                    #expect(try BrokerSessionTests.register(id, port: 8000 + id, at: leader).status == 201)
                }
                #expect(try leader.post("/api/v1/metadata/topics", BrokerSessionTests.orders).status == 201)
                let writer = ContinuousWriter(cluster.nodes)
                try writer.advance()
                for node in cluster.nodes {
                    func query(_ sql: String) throws -> String {
                        let result = try Finished.tool("sqlite3", "file:\(node.dataDirectory)/node.db?mode=ro", sql)
                        #expect(result.end == .exited(0), "\(sql): \(result)")
                        return result.output
                    }
                    try eventually("the tables follow the log on node \(node.id)") {
                        try query("SELECT * FROM broker").split(separator: "\n").count == 2
                            && query("SELECT * FROM topic").contains("orders")
                            && query("SELECT * FROM partition").split(separator: "\n").count == 3
                            && query("SELECT * FROM kv").contains("/load/")
                    }
                    let log = try query(
                        "SELECT log_index, term, command_type, command_data, timestamp FROM raft_log ORDER BY log_index"
                    )
                    #expect(log.contains("RegisterBrokerCommand"))
                    #expect(log.contains("CreateTopicCommand"))
                    #expect(log.contains(#""topicName":"orders""#))
                    #expect(log.contains("PUT\n/load/"))
                    #expect(try query("SELECT current_term FROM raft_state").trimmingCharacters(in: .newlines) != "")
                    #expect(try query("PRAGMA integrity_check").contains("ok"))
                }
                try writer.advance()
                try CrashTests.expectNothingLost(writer, in: cluster)
            }
        }
    }
}

extension JSON {
    init(text: String) throws {
        do {
            self = try JSONDecoder().decode(JSON.self, from: Data(text.utf8))
        } catch {
            throw Failure("no JSON: \(text)")
        }
    }
}
