import Foundation
import Glibc
import Testing

@testable import Simulation

extension EndToEnd {
    /// Members come and go while clients write: none of their acknowledged writes is lost, whatever is done to the members.
    @Suite(.serialized) struct MembershipTests {
        /// Five machines, of which the first three are the cluster.
        private static func with(_ body: (Cluster) throws -> Void) throws {
            try Cluster.with(size: 5, start: false) { cluster in
                let three = try cluster.services(of: 1, 2, 3)
                for node in cluster.nodes.prefix(3) {
                    node.servicesFile = three
                    try node.start()
                }
                for node in cluster.nodes.prefix(3) { try node.waitUntilListening() }
                try cluster.leader()
                for node in cluster.nodes.prefix(3) {
                    try eventually("node \(node.id) has its vote") { try node.status().isVoter }
                }
                try body(cluster)
            }
        }

        @discardableResult
        private static func run(_ cluster: Cluster, _ arguments: String..., expecting code: Int32 = 0) throws -> String
        {
            try run(cluster, arguments, expecting: code)
        }

        @discardableResult
        private static func run(_ cluster: Cluster, _ arguments: [String], expecting code: Int32 = 0) throws -> String {
            let endpoints = cluster.nodes.flatMap { ["--endpoint", "http://localhost:\($0.port)"] }
            let result = try Finished.run(
                Surroundings.binary, arguments + endpoints, within: .seconds(60))
            #expect(result.end == .exited(code), "\(arguments): \(result)")
            return result.output + result.errorOutput
        }

        private static func upgrade(_ cluster: Cluster) throws {
            try run(cluster, "feature", "upgrade", "kraft.version=1")
        }

        private static func address(_ node: Node) -> String { "localhost:\(node.port)" }

        private static func voters(_ cluster: Cluster) throws -> String {
            try run(cluster, "member", "list").split(separator: "\n").dropFirst(2)
                .map { String($0.prefix { $0 != " " }) }.joined(separator: ",")
        }

        /// 3→5→3→1, and one exchanged for another in between: whatever clients saw meanwhile has an order that explains it.
        @Test func growExchangeAndShrinkUnderLoad() throws {
            try Self.with { cluster in
                let (tally, log) = (Tally(), CommittedLog())
                let keys = KeyValueLoad(
                    cluster.nodes.map { ($0.id, $0.address) }, folder: "/history/", tally: tally)
                let clients = keys.start(Randomness(seed: 9))
                defer { for workers in clients { workers.stop() } }
                func advance() throws {
                    let goal = tally.acknowledged + 40
                    try eventually("more acknowledged writes") { tally.acknowledged >= goal }
                    try log.follow(cluster.leader())
                }
                try advance()
                try Self.upgrade(cluster)
                for node in cluster.nodes.suffix(2) {
                    try node.start()
                    try node.waitUntilListening()
                    try Self.run(cluster, "member", "add", "\(node.id)", Self.address(node))
                    try advance()
                }
                #expect(try Self.voters(cluster) == "1,2,3,4,5")

                let leader = try cluster.leader()
                try Self.run(cluster, "member", "remove", "\(leader.id)")
                #expect(try leader.waitForEnd() == .exited(78))
                #expect(leader.log.contains("was removed from cluster"))
                try advance()

                // One dies; the one that was removed comes in its place, as if it were new.
                let dead = try cluster.followers()[0]
                dead.kill()
                try FileManager.default.removeItem(atPath: leader.dataDirectory)
                leader.servicesFile = cluster.directory.path + "/services.json"
                try leader.start()
                try leader.waitUntilListening()
                try Self.run(cluster, "member", "replace", "\(dead.id)", "\(leader.id)", Self.address(leader))
                try advance()

                let last = try cluster.leader()
                let three = try [last.id] + cluster.followers().prefix(2).map(\.id)
                try Self.run(cluster, ["member", "set"] + three.map { "\($0)" })
                #expect(try Self.voters(cluster) == three.sorted().map { "\($0)" }.joined(separator: ","))
                try advance()
                let survivor = try cluster.leader()
                try Self.run(cluster, "member", "set", "\(survivor.id)")
                #expect(try Self.voters(cluster) == "\(survivor.id)")
                try advance()

                for workers in clients { workers.stop() }
                try keys.readEverything()
                let status = try survivor.status()
                try log.follow(survivor)
                #expect(log.count == status.applied && log.digest == status.digest)
                let check = keys.check(against: log)
                #expect(check.violation == nil && check.undecided == 0 && tally.violations == [])
                print(
                    "members changed under load: \(check.histories) histories of keys, \(check.operations) operations,",
                    "longest pause \(tally.takeLongestPause().milliseconds) ms")
            }
        }

        /// The leader is killed while the newcomer catches up: the command line goes on with whoever leads then.
        @Test func replaceWhileMegabytesAreWrittenAndTheLeaderDies() throws {
            try Self.with { cluster in
                try Self.upgrade(cluster)
                let writer = LargeWriter(cluster.nodes)
                defer { writer.stop() }
                try writer.advance(by: 400)

                let (old, newcomer) = (try cluster.followers()[0], cluster.nodes[3])
                try newcomer.start()
                try newcomer.waitUntilListening()
                let output = cluster.directory.path + "/replace.txt"
                let endpoints = cluster.nodes.flatMap { ["--endpoint", "http://localhost:\($0.port)"] }
                let verb = try ChildProcess(
                    Surroundings.binary,
                    ["member", "replace", "\(old.id)", "\(newcomer.id)", Self.address(newcomer)] + endpoints,
                    output: output)
                try eventually("node \(newcomer.id) is being fed") {
                    let members = try cluster.leader().get("/api/v1/raft/members").json()["members"]?.array ?? []
                    return members.contains { $0["id"]?.int == newcomer.id }
                }
                let leader = try cluster.leader()
                leader.kill()
                #expect(
                    try verb.wait() == .exited(0), "\((try? String(contentsOfFile: output, encoding: .utf8)) ?? "")")
                try writer.advance(by: 100)
                try leader.start()
                try leader.waitUntilListening()
                let ids = [1, 2, 3, newcomer.id].filter { $0 != old.id }.map { "\($0)" }.joined(separator: ",")
                // Who was away has it from its own log, or from those that know more.
                try eventually("the voters are \(ids)") { try Self.voters(cluster) == ids }
                try writer.advance(by: 100)
                writer.stop()
                print("replaced under \(writer.megabytesPerSecond) MB/s of acknowledged writes")
                for node in cluster.nodes.prefix(4) where node.id != old.id {
                    try eventually("node \(node.id) has everything") { try writer.brokenPromises(on: node) == [] }
                }
            }
        }

        /// A member whose directory was emptied is let in by the protocol, without an operator's word.
        @Test func emptiedMemberIsLetInAgain() throws {
            try Self.with { cluster in
                try Self.upgrade(cluster)
                let writer = ContinuousWriter(Array(cluster.nodes.prefix(3)))
                try writer.advance()
                for node in cluster.nodes.prefix(3) {
                    node.kill()
                    try FileManager.default.removeItem(atPath: node.dataDirectory)
                    try node.start()
                    try node.waitUntilListening()
                    try eventually("node \(node.id) has its vote again") { try node.status().isVoter }
                    try writer.advance()
                }
                writer.stop()
                for node in cluster.nodes.prefix(3) {
                    try eventually("node \(node.id) has everything") { try writer.brokenPromises(on: node) == [] }
                }
            }
        }

        /// What can not be done is refused in words, and changes nothing.
        @Test func refusals() throws {
            try Self.with { cluster in
                let (fourth, fifth) = (cluster.nodes[3], cluster.nodes[4])
                #expect(
                    try Self.run(cluster, "member", "add", "4", Self.address(fourth), expecting: 1)
                        .contains("feature_not_enabled"))
                try Self.upgrade(cluster)
                #expect(
                    try Self.run(cluster, "member", "add", "4", Self.address(fourth), expecting: 1)
                        .contains("unreachable"))
                #expect(
                    try Self.run(cluster, "member", "remove", "4").contains("one voter may fail"), "it is none already")
                #expect(
                    try Self.run(cluster, "member", "promote", "4", expecting: 1).contains("unknown_member"))

                // A cluster of its own is none that can be a member.
                fifth.servicesFile = try cluster.services(of: 5)
                try fifth.start()
                try eventually("node 5 leads itself") { try fifth.isListening() && fifth.status().isLeader }
                #expect(
                    try Self.run(cluster, "member", "add", "5", Self.address(fifth), expecting: 1)
                        .contains("foreign_cluster"))
                fifth.kill()

                // Two of three: the one that answers must not be left without the other.
                let followers = try cluster.followers()
                followers[0].kill()
                let alive = try cluster.leader().id
                try eventually("the loss of node \(followers[0].id) is noticed") {
                    try Finished.dmq(
                        "member", "set", "\(alive)", "\(followers[0].id)", "--dry-run", "--endpoint",
                        "http://localhost:\(cluster.leader().port)"
                    ).errorOutput.contains("would_lose_quorum")
                }
                try Self.run(cluster, "member", "remove", "\(followers[0].id)")
                #expect(try cluster.leader().put("/still", "works").status == 201)
            }
        }
    }
}
