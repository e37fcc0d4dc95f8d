import Foundation
import Glibc
import Testing

extension EndToEnd {
    /// An operator's ordinary mistakes: a list that grew, the wrong file, a directory that was emptied, copied or restored,
    /// an id given twice. No acknowledged key is lost, and each node says what is wrong.
    @Suite(.serialized) struct IdentityTests {
        private static let keys = 40

        /// Writes keys, all acknowledged.
        private static func fill(_ cluster: Cluster, _ folder: String = "/precious/") throws {
            let leader = try cluster.leader()
            for number in 0..<keys { #expect(try leader.put("\(folder)\(number)", "\(number)").status == 201) }
        }

        private static func expectKeys(
            _ folder: String = "/precious/", on node: Node, sourceLocation: SourceLocation = #_sourceLocation
        ) throws {
            let expected = Dictionary(uniqueKeysWithValues: (0..<keys).map { ("\(folder)\($0)", "\($0)") })
            try eventually("node \(node.id) has all of \(folder)") { try node.entries(below: folder) == expected }
        }

        private static func expectVoters(_ nodes: [Node]) throws {
            for node in nodes { try eventually("node \(node.id) has its vote") { try node.status().isVoter } }
        }

        /// Looks again and again for `span`, that nothing else comes to be.
        private static func stays(_ what: Comment, for span: Duration, _ look: () throws -> Bool) throws {
            let end = ContinuousClock.now + span
            repeat {
                try #require(try look(), what)
                pause(milliseconds: 50)
            } while ContinuousClock.now < end
        }

        /// None of these leads or takes a write; who led before has found out that it can not.
        private static func expectNoLeader(_ nodes: [Node], for span: Duration = .seconds(4)) throws {
            try eventually("none leads") { try nodes.allSatisfy { try !$0.status().isLeader } }
            try stays("there is no leader, and nothing is acknowledged", for: span) {
                try nodes.allSatisfy { node in
                    let status = try node.status()
                    return try !status.isLeader && (500...599).contains(node.put("/never", "x").status)
                }
            }
        }

        private static func move(_ from: String, to: String) throws {
            try FileManager.default.moveItem(atPath: from, toPath: to)
        }

        /// `cp -a`
        private static func copy(_ from: String, to: String) throws {
            let copied = try Finished.tool("cp", "-a", from, to)
            #expect(copied.end == .exited(0), "\(copied)")
        }

        /// Starts the process of a node that must not go on, and gives its last line.
        private static func refusal(of arguments: [String], within patience: Duration = .seconds(60)) throws -> String {
            let result = try Finished.run(Surroundings.binary, arguments, within: patience)
            let last = String(result.errorOutput.split(separator: "\n").last ?? "")
            #expect(result.end == .exited(78), "\(result)")
            return last
        }

        // MARK: The list of members

        /// One node with data becomes one of three, in any order of starts, with or without the list set before.
        @Test(arguments: [[1, 2, 3], [3, 2, 1], [2, 3, 1]], [false, true])
        func oneBecomesThree(order: [Int], isSetBefore: Bool) throws {
            try Cluster.with(start: false) { cluster in
                let first = cluster.nodes[0]
                let three = first.servicesFile
                first.servicesFile = try cluster.services(of: 1)
                try first.start()
                try first.waitUntilListening()
                try Self.fill(cluster)
                #expect(try first.terminate() == .exited(0))
                first.servicesFile = three
                if isSetBefore {
                    let set = try Finished.dmq("members", "set", three, first.dataDirectory)
                    #expect(set.end == .exited(0) && set.output == "node 1: members 1 → 1, 2, 3\n", "\(set)")
                    let none = try Finished.dmq("members", "set", three, cluster.nodes[1].dataDirectory)
                    #expect(none.end == .exited(0) && none.output.contains("nothing to change"), "\(none)")
                }
                for id in order { try cluster.node(id).start() }
                let leader = try cluster.leader()
                for node in cluster.nodes { try Self.expectKeys(on: node) }
                #expect(try leader.put("/new", "x").status == 201)
                try Self.expectVoters(cluster.nodes)
                try cluster.expectAgreement()
            }
        }

        @Test func theWrongFileStopsTheNode() throws {
            try Cluster.with { cluster in
                try Self.fill(cluster)
                let node = cluster.nodes[2]
                #expect(try node.terminate() == .exited(0))
                let right = node.servicesFile
                node.servicesFile = try cluster.services(of: 3)
                let words = try Self.refusal(of: node.arguments)
                #expect(words.contains("of nodes 1, 2, 3"), "\(words)")
                #expect(words.contains("lists node 3"), "\(words)")
                #expect(words.contains("members set"), "\(words)")
                node.servicesFile = right
                try node.start()
                try node.waitUntilListening()
                try Self.expectVoters([node])
                try Self.expectKeys(on: node)
            }
        }

        /// Three become two: on every node while all are stopped.
        @Test func theListIsChangedByMembersSet() throws {
            try Cluster.with { cluster in
                try Self.fill(cluster)
                for node in cluster.nodes { #expect(try node.terminate() == .exited(0)) }
                let two = try cluster.services(of: 1, 2)
                for node in cluster.nodes[..<2] {
                    let set = try Finished.dmq("members", "set", two, node.dataDirectory)
                    #expect(set.end == .exited(0), "\(set)")
                    #expect(set.output == "node \(node.id): members 1, 2, 3 → 1, 2\n")
                    node.servicesFile = two
                    try node.start()
                }
                let left = try Finished.dmq("members", "set", two, cluster.nodes[2].dataDirectory)
                #expect(left.end == .exited(78), "\(left)")
                let leader = try cluster.leader()
                for node in cluster.running { try Self.expectKeys(on: node) }
                #expect(try leader.put("/new", "x").status == 201)
            }
        }

        // MARK: Directories

        @Test func anEmptiedNodeHasNoVoteUntilItIsLetIn() throws {
            try Cluster.with { cluster in
                try Self.fill(cluster)
                let (first, second, emptied) = (cluster.nodes[0], cluster.nodes[1], cluster.nodes[2])
                emptied.kill()
                try Self.move(emptied.dataDirectory, to: emptied.dataDirectory + ".before")
                try emptied.start()
                try emptied.waitUntilListening()
                try Self.expectKeys(on: emptied)
                #expect(try !emptied.status().isVoter)
                try eventually("it says how it is let in") { emptied.log.contains("--kraft.rejoin=") }

                first.kill()
                try Self.expectNoLeader([second, emptied])
                try first.start()
                try first.waitUntilListening()
                try cluster.leader()
                for node in cluster.nodes { try Self.expectKeys(on: node) }

                try Self.letIn(emptied, in: cluster)
                first.kill()
                let leader = try cluster.leader()
                #expect(try leader.put("/after", "x").status == 201)
                for node in [second, emptied] { try Self.expectKeys(on: node) }
            }
        }

        /// The operator's procedure.
        private static func letIn(_ node: Node, in cluster: Cluster) throws {
            let directory = try node.status().directory
            #expect(node.log.contains("--kraft.rejoin=\(directory)"))
            #expect(try node.terminate() == .exited(0))
            let leader = try cluster.leader()
            #expect((200...201).contains(try leader.put("/repair/node\(node.id)", "x").status))
            try node.start("--kraft.rejoin=\(directory)")
            try node.waitUntilListening()
            try expectVoters([node])
            #expect(try node.status().directory == directory)
        }

        /// A stopped member, and a copy of its directory that was taken before the cluster's last keys.
        private static func stoppedWithOldBackup(in cluster: Cluster) throws -> (node: Node, backup: String) {
            try fill(cluster, "/early/")
            let node = cluster.nodes[2]
            let backup = node.dataDirectory + ".backup"
            #expect(try node.terminate() == .exited(0))
            try copy(node.dataDirectory, to: backup)
            try node.start()
            try node.waitUntilListening()
            try fill(cluster)
            #expect(try node.terminate() == .exited(0))
            return (node, backup)
        }

        @Test func anOldBackupIsRecognised() throws {
            try Cluster.with { cluster in
                let (node, backup) = try Self.stoppedWithOldBackup(in: cluster)
                try Self.move(node.dataDirectory, to: node.dataDirectory + ".latest")
                try Self.move(backup, to: node.dataDirectory)
                try node.start()
                try node.waitUntilListening()
                try eventually("it says what it is") { node.log.contains("these data are a copy or a restored backup") }
                for node in cluster.nodes {
                    try Self.expectKeys("/early/", on: node)
                    try Self.expectKeys(on: node)
                }
                #expect(try !node.status().isVoter)
                cluster.nodes[0].kill()
                try Self.expectNoLeader([cluster.nodes[1], node])
                try cluster.nodes[0].start()
                try cluster.nodes[0].waitUntilListening()
                try Self.letIn(node, in: cluster)
                for node in cluster.nodes { try Self.expectKeys(on: node) }
            }
        }

        @Test func twoOfThreeEmptiedStartNothing() throws {
            try Cluster.with { cluster in
                try Self.fill(cluster)
                for node in cluster.nodes { node.kill() }
                for node in cluster.nodes[1...] {
                    try Self.move(node.dataDirectory, to: node.dataDirectory + ".before")
                }
                for node in cluster.nodes.reversed() { try node.start() }
                for node in cluster.nodes { try node.waitUntilListening() }
                try Self.expectNoLeader(cluster.nodes, for: .seconds(7))
                for node in cluster.nodes[1...] {
                    #expect(node.log.contains("node \(node.id) was on directory"), "it says what it is")
                }
                // The one with data goes on by the operator's word, and so do the others, which have met each other.
                let first = cluster.nodes[0]
                #expect(try first.terminate() == .exited(0))
                try first.start("--bootstrap")
                try first.waitUntilListening()
                let leader = try cluster.leader()
                for node in cluster.nodes { try Self.expectKeys(on: node) }
                #expect(try leader.put("/after", "x").status == 201)
                try Self.expectVoters(cluster.nodes)
            }
        }

        /// The same, found out before the empty ones are started; the data come from a backup.
        @Test func oneBackupIsEnoughByTheOperatorsWord() throws {
            try Cluster.with { cluster in
                try Self.fill(cluster)
                let first = cluster.nodes[0]
                let backup = cluster.directory.path + "/copy.db"
                try Self.expectKeys(on: first)
                let made = try Finished.tool(
                    "sqlite3", "-readonly", first.dataDirectory + "/node.db", ".backup \(backup)")
                #expect(made.end == .exited(0), "\(made)")
                for node in cluster.nodes {
                    node.kill()
                    try Self.move(node.dataDirectory, to: node.dataDirectory + ".lost")
                }
                try FileManager.default.createDirectory(atPath: first.dataDirectory, withIntermediateDirectories: false)
                try Self.move(backup, to: first.dataDirectory + "/node.db")
                try first.start("--bootstrap")
                try first.waitUntilListening()
                for node in cluster.nodes[1...] { try node.start() }
                try cluster.leader()
                for node in cluster.nodes { try Self.expectKeys(on: node) }
                try Self.expectVoters(cluster.nodes)
                try cluster.expectAgreement()
            }
        }

        /// Put over the very same files, it has their numbers; only the others know that there was a later start.
        @Test func anOldBackupOverTheSameFilesIsRecognised() throws {
            try Cluster.with { cluster in
                let (node, backup) = try Self.stoppedWithOldBackup(in: cluster)
                let restored = try Finished.tool("cp", "-a", backup + "/.", node.dataDirectory)
                #expect(restored.end == .exited(0), "\(restored)")
                let words = try Self.refusal(of: node.arguments)
                #expect(words.contains("this is an older copy, or the directory runs elsewhere"), "\(words)")
                // The refused start has given the vote up: the next one, later than any that was heard, follows.
                try node.start()
                try node.waitUntilListening()
                try Self.expectKeys(on: node)
                #expect(try !node.status().isVoter)
            }
        }

        @Test func dataOfAnotherClusterAreNotJoined() throws {
            try Cluster.with { cluster in
                try Self.fill(cluster)
                try Cluster.with { other in
                    try Self.fill(other, "/other/")
                    let (node, stranger) = (cluster.nodes[2], other.nodes[2])
                    #expect(try node.terminate() == .exited(0))
                    #expect(try stranger.terminate() == .exited(0))
                    try Self.move(node.dataDirectory, to: node.dataDirectory + ".own")
                    try Self.move(stranger.dataDirectory, to: node.dataDirectory)
                    let words = try Self.refusal(of: node.arguments)
                    #expect(words.contains("Theirs is the older"), "\(words)")
                    let verified = try Finished.dmq("verify", node.dataDirectory)
                    #expect(verified.end == .exited(0), "\(verified)")
                    let entries = try cluster.leader().entries(below: "/")
                    #expect(!entries.keys.contains { $0.hasPrefix("/other/") })
                }
            }
        }

        // MARK: One id twice

        @Test(arguments: [false, true]) func ofTwoProcessesWithOneIDTheNewerStops(withData: Bool) throws {
            try Cluster.with { cluster in
                try Self.fill(cluster)
                let node = cluster.nodes[0]
                let second = cluster.directory.path + "/second"
                if withData {
                    #expect(try node.terminate() == .exited(0))
                    try Self.copy(node.dataDirectory, to: second)
                    try node.start()
                    try node.waitUntilListening()
                    try Self.expectVoters([node])
                }
                let port = try Ports.unused(1)[0]
                let arguments = node.arguments.map {
                    $0.hasPrefix("--kraft.data-dir=") ? "--kraft.data-dir=\(second)" : $0
                }
                let words = try Self.refusal(of: arguments + ["--server.port=\(port)"])
                #expect(words.contains(":\(port), process "), "its own place: \(words)")
                #expect(words.contains(":\(node.port), process \(node.process?.processID ?? 0)"), "\(words)")
                #expect(node.isRunning)
                #expect(try cluster.leader().put("/after", "x").status == 201)
                try cluster.expectAgreement()
                try Self.expectKeys(on: node)
                try eventually("the older says so") {
                    node.log.contains("another process says that it is node 1: at ")
                        && node.log.contains(":\(port), process ")
                }
            }
        }

        // MARK: The birth of a cluster

        @Test func aFreshClusterIsBornAtOnceAndTwoOfThreeAfterAWhile() throws {
            for (size, bound) in [(3, Duration.seconds(8)), (2, .seconds(20))] {
                try Cluster.with(settings: [:], start: false) { cluster in
                    let began = ContinuousClock.now
                    for node in cluster.nodes[..<size] { try node.start() }
                    let leader = try cluster.leader()
                    let took = ContinuousClock.now - began
                    #expect(took < bound, "\(size) of 3 took \(took)")
                    if size == 2 {
                        #expect(took >= .seconds(10), "the third may have data")
                        let words = cluster.nodes[..<2].map(\.log).joined()
                        #expect(words.contains("a new cluster is started in "), "it says what it waits for")
                        #expect(words.contains("not heard: node 3"), "and for whom")
                        try cluster.start()
                        try cluster.leader()
                    }
                    #expect(try leader.put("/first", "x").status == 201)
                    try Self.expectVoters(cluster.nodes)
                }
            }
        }

        @Test func emptyNodesWaitIfTheyMayNotStartACluster() throws {
            try Cluster.with(start: false) { cluster in
                for node in cluster.nodes { try node.start("--kraft.bootstrap=never") }
                for node in cluster.nodes { try node.waitUntilListening() }
                try Self.expectNoLeader(cluster.nodes, for: .seconds(4))
                for node in cluster.nodes {
                    #expect(node.log.contains("this node is empty and kraft.bootstrap is never"))
                    #expect(try node.get("/readyz").text.contains("kraft.bootstrap is never"))
                    #expect(try node.status().cluster == nil)
                }
                #expect(try cluster.nodes[0].terminate() == .exited(0))
                try cluster.nodes[0].start("--bootstrap")
                let leader = try cluster.leader()
                #expect(try leader.put("/first", "x").status == 201)
                try Self.expectVoters(cluster.nodes)
                try cluster.expectAgreement()
            }
        }
    }
}
