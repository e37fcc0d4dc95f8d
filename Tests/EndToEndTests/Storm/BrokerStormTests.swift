import Testing

extension EndToEnd {
    /// Most brokers of a cluster die at once: exactly they are OFFLINE, nobody else notices more than the news.
    @Suite(.serialized) struct BrokerStormTests {
        private static let brokers = 100
        private static let survivors = 40
        private static let settings = Storm.settings.merging([
            "metadata.heartbeat.timeout-ms": "5000", "metadata.heartbeat.check-interval-ms": "1000",
        ]) { $1 }

        @Test func mostBrokersDieAtOnce() throws {
            try Cluster.with(settings: Self.settings) { cluster in
                let leader = try cluster.leader()
                let term = try leader.status().term
                let crowd = try BrokerCrowd(Self.brokers, of: cluster)
                defer { crowd.stop() }
                let topic = #"{"topicName":"storm","numPartitions":2000,"replicationFactor":3}"#
                #expect(try leader.post("/api/v1/metadata/topics", topic).status == 201)
                try eventually("all are told") { try Self.isEverybodyTold(leader) }
                #expect(crowd.mistaken(about: try ClusterView(of: leader)).isEmpty)
                let witness = Witness(cluster)
                crowd.die(allBut: Self.survivors)
                try eventually("the dead are OFFLINE") {
                    try leader.get("/metrics").text.contains(
                        "\ndmq_brokers{status=\"OFFLINE\"} \(Self.brokers - Self.survivors)\n")
                }
                let report = try witness.report("60 of 100 brokers die", after: .seconds(1))
                try eventually("the others are told") { try Self.isEverybodyTold(leader) }
                let view = try ClusterView(of: leader)
                #expect(view.brokers.filter { !$0.value }.keys.sorted() == Array(Self.survivors + 1...Self.brokers))
                #expect(crowd.mistaken(about: view).isEmpty)
                #expect(report.longestPause < Storm.electionTimeout / 2)
                #expect(report.writes > 0)
                #expect(report.peakBytes < Storm.memory)
                #expect(try cluster.leader().status().term == term, "nobody stood for election")
                try cluster.expectAgreement()
            }
        }

        private static func isEverybodyTold(_ leader: Node) throws -> Bool {
            try leader.get("/metrics").text.contains("\ndmq_pushes_waiting 0\n")
        }
    }
}
