import Foundation
import Glibc
import Testing

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
        private static func run(
            _ cluster: Cluster, _ arguments: String..., expecting code: Int32 = 0
        ) throws -> String {
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

        @Test func growExchangeAndShrinkUnderLoad() throws {
            try Self.with { cluster in
                let writer = ContinuousWriter(cluster.nodes)
                try writer.advance()
                try Self.upgrade(cluster)
                for node in cluster.nodes.suffix(2) {
                    try node.start()
                    try node.waitUntilListening()
                    try Self.run(cluster, "member", "add", "\(node.id)", Self.address(node))
                }
                #expect(try Self.voters(cluster) == "1,2,3,4,5")
                try writer.advance()

                let leader = try cluster.leader()
                try Self.run(cluster, "member", "remove", "\(leader.id)")
                #expect(try leader.waitForEnd() == .exited(78))
                #expect(leader.log.contains("was removed from cluster"))
                try writer.advance()

                // One dies; the one that was removed comes in its place, as if it were new.
                let dead = try cluster.followers()[0]
                dead.kill()
                try FileManager.default.removeItem(atPath: leader.dataDirectory)
                leader.servicesFile = cluster.directory.path + "/services.json"
                try leader.start()
                try leader.waitUntilListening()
                try Self.run(cluster, "member", "replace", "\(dead.id)", "\(leader.id)", Self.address(leader))
                try writer.advance()

                let last = try cluster.leader()
                try Self.run(cluster, "member", "set", "\(last.id)")
                #expect(try Self.voters(cluster) == "\(last.id)")
                try writer.advance()
                writer.stop()
                #expect(try writer.brokenPromises(on: last) == [])
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
