import Foundation
import Testing

extension EndToEnd {
    /// Brokers that name their process: what one is told, while nodes die and start again.
    @Suite(.serialized) struct BrokerProcessTests {
        private static let first = String(repeating: "a", count: 32)
        private static let second = String(repeating: "b", count: 32)

        private static func register(
            _ id: Int, _ process: String, at leader: Node, _ more: String = ""
        ) throws -> Answer {
            try leader.post(
                "/api/v1/metadata/brokers",
                #"{"brokerId":\#(id),"host":"localhost","port":\#(8000 + id),"incarnationId":"\#(process)"\#(more)}"#)
        }

        /// Of the registration with `epoch`, which has heard of `version`, at least of itself.
        private static func beat(
            _ id: Int, _ epoch: Int, knows version: Int = 0, at leader: Node, _ more: String = ""
        ) throws -> Answer {
            try leader.post(
                "/api/v1/metadata/heartbeat/\(id)",
                #"{"brokerEpoch":\#(epoch),"metadataVersion":\#(max(version, epoch))\#(more)}"#)
        }

        /// Registered and ACTIVE; returns the epoch.
        private static func enroll(_ id: Int, _ process: String, at leader: Node) throws -> Int {
            let answer = try register(id, process, at: leader)
            #expect(answer.status == 201, "\(answer)")
            let epoch = try #require(try answer.json()["brokerEpoch"]?.int)
            #expect(try beat(id, epoch, at: leader).json()["state"] == "ACTIVE")
            return epoch
        }

        @Test func aReplacedProcessIsRefusedByEveryLeader() throws {
            try Cluster.with(settings: BrokerSessionTests.patient) { cluster in
                let leader = try cluster.leader()
                let old = try Self.enroll(101, Self.first, at: leader)
                let duplicate = try Self.register(101, Self.second, at: leader)
                try BrokerSessionTests.expectProblem(duplicate, 409, "duplicate_broker_registration")
                #expect(duplicate.header("Retry-After").flatMap { Int($0) } ?? 0 > 500)

                // It stops at once and loses nothing, and its successor takes its place.
                leader.kill()
                let next = try cluster.leader()
                let successor = try Self.register(
                    101, Self.second, at: next, #","replacesIncarnationId":"\#(Self.first)""#)
                #expect(successor.status == 201, "\(successor)")
                let epoch = try #require(try successor.json()["brokerEpoch"]?.int)
                #expect(epoch > old)
                try BrokerSessionTests.expectProblem(try Self.beat(101, old, at: next), 409, "stale_broker_epoch")
                #expect(try Self.beat(101, epoch, at: next).json()["state"] == "ACTIVE")

                // All nodes hold the same, and what a start finds is that.
                try leader.start()
                try cluster.expectAgreement()
                for node in cluster.nodes {
                    let broker = try node.get("/api/v1/metadata/brokers?view=full").json()[0]
                    #expect(broker?["brokerEpoch"]?.int == epoch && broker?["state"] == "ACTIVE")
                    #expect(try node.get("/api/v1/metadata/brokers/101").json().names.contains("state") == false)
                }
            }
        }

        @Test func aBrokerStopsInOrder() throws {
            try Cluster.with(settings: BrokerSessionTests.patient) { cluster in
                let leader = try cluster.leader()
                let epochs = try (101...103).map { try Self.enroll($0, Self.first, at: leader) }
                #expect(
                    try leader.post(
                        "/api/v1/metadata/topics", #"{"topicName":"t","numPartitions":6,"replicationFactor":3}"#
                    ).status == 201)
                let asked = try Self.beat(101, epochs[0], at: leader, #","wantShutDown":true"#).json()
                #expect(asked["state"] == "CONTROLLED_SHUTDOWN" && asked["shouldShutDown"] == false)
                let led = try leader.get("/api/v1/metadata/partitions?leader=101").json()["total"]
                #expect(led == 0, "it is waited for with its leaderships gone")
                let counts = try [102, 103].map {
                    try leader.get("/api/v1/metadata/partitions?leader=\($0)").json()["total"]
                }
                #expect(counts == [3, 3], "one half each")
                // One that has not heard of it is waited for.
                let version = try #require(asked["currentVersion"]?.int)
                _ = try Self.beat(102, epochs[1], knows: version - 1, at: leader)
                _ = try Self.beat(103, epochs[2], knows: version, at: leader)
                #expect(
                    try Self.beat(101, epochs[0], at: leader, #","wantShutDown":true"#).json()["state"]
                        == "CONTROLLED_SHUTDOWN")
                _ = try Self.beat(102, epochs[1], knows: version, at: leader)
                let done = try Self.beat(101, epochs[0], at: leader, #","wantShutDown":true"#).json()
                #expect(done["state"] == "SHUTDOWN" && done["shouldShutDown"] == true)
                // Nobody has to wait for its return.
                #expect(try Self.register(101, Self.second, at: leader).status == 201)
            }
        }
    }
}
