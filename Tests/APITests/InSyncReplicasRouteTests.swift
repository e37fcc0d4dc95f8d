import Metadata
import Synchronization
import Testing

/// `POST /isr`: the leader of partitions says who is in sync.
@Suite struct InSyncReplicasRouteTests {
    private static let path = "/api/v1/metadata/isr"
    private let client = Client()
    private let id = TopicID(high: 1, low: 2)

    /// Brokers 101 and 102 are ACTIVE; 101 leads partition 0 of `orders`.
    init() {
        client.node.state.withLock { state in
            let time: Int64 = 0
            _ = state.metadata.apply(.raiseLevel(to: 4), timestamp: time)
            for (number, broker) in [BrokerID(101), 102].enumerated() {
                let incarnation = RegisterBroker.Incarnation(id: String(repeating: "a", count: 32))
                let registration = RegisterBroker(
                    id: broker, host: "localhost", port: 8081, incarnation: incarnation)
                _ = state.metadata.apply(.registerBroker(registration), timestamp: time)
                let active = ChangeBrokerState(
                    id: broker, epoch: UInt64(1 + 2 * number), state: .active, timestamp: time)
                _ = state.metadata.apply(.changeBrokerState(active), timestamp: time)
            }
            let topic = CreateTopic(name: "orders", partitionCount: 1, replicationFactor: 2, id: id)
            _ = state.metadata.apply(.createTopic(topic), timestamp: time)
        }
    }

    private func alter(_ partitions: String, epoch: Int = 1) async -> Answer {
        await client.post(Self.path, #"{"brokerId":101,"brokerEpoch":\#(epoch),"partitions":[\#(partitions)]}"#)
    }

    @Test func thePartitionAsItIs() async {
        let answer = await alter(
            #"{"topicId":"\#(id)","topic":"passed-over","partition":0,"leaderEpoch":0,"partitionEpoch":0,"isr":[101]}"#)
        #expect(answer.status == 200 && answer.header("ETag") == "\"6\"")
        #expect(
            answer.text
                == #"{"version":6,"partitions":[{"topic":"orders","topicId":"\#(id)","partition":0,"leader":101,"#
                + #""leaderEpoch":0,"partitionEpoch":1,"isr":[101]}]}"#)
    }

    @Test func flawsAreOfTheirItems() async {
        let answer = await alter(
            #"{"topic":"none","partition":0,"leaderEpoch":0,"partitionEpoch":0,"isr":[101]},"#
                + #"{"topicId":"\#(String(repeating: "0", count: 32))","partition":0,"leaderEpoch":0,"partitionEpoch":0,"isr":[101]},"#
                + #"{"topic":"orders","partition":0,"leaderEpoch":0,"partitionEpoch":0,"isr":[{"id":101},{"id":102,"epoch":1}]}"#
        )
        #expect(
            answer.text
                == #"{"version":5,"partitions":[{"topic":"none","partition":0,"code":"unknown_topic","detail":"there is no such topic"},"#
                + #"{"topicId":"00000000000000000000000000000000","partition":0,"code":"unknown_topic","detail":"there is no such topic"},"#
                + #"{"topic":"orders","topicId":"\#(id)","partition":0,"code":"ineligible_replica","#
                + #""detail":"broker 102 was started again since, and has epoch 3"}]}"#)
    }

    @Test func ofTheWholeReport() async {
        let stale = await alter("", epoch: 2)
        #expect(stale.status == 409 && stale.code == "stale_broker_epoch")
        let unknown = await client.post(Self.path, #"{"brokerId":9,"brokerEpoch":1,"partitions":[]}"#)
        #expect(unknown.status == 404 && unknown.code == "unknown_broker")
        for (text, code) in [
            (#"{"brokerId":101,"partitions":[]}"#, "missing_field"),
            (#"{"brokerId":101,"brokerEpoch":1,"partitions":[{"topic":"orders","partition":0}]}"#, "missing_field"),
            (
                #"{"brokerId":101,"brokerEpoch":1,"partitions":[{"topic":"orders","partition":0,"leaderEpoch":0,"partitionEpoch":0,"isr":["x"]}]}"#,
                "invalid_type"
            ),
        ] {
            let answer = await client.post(Self.path, text)
            #expect(answer.status == 400 && answer.code == code, "\(answer.text)")
        }
        let recovering = await alter(
            #"{"topic":"orders","partition":0,"leaderEpoch":0,"partitionEpoch":0,"isr":[101],"recovery":"RECOVERING"}"#)
        #expect(recovering.status == 400 && recovering.code == "out_of_range")
        let many = Array(repeating: "{}", count: 10_001).joined(separator: ",")
        #expect(await alter(many).code == "out_of_range")
    }

    @Test func aTopicIsDeletedOnlyIfItIsStillThatOne() async {
        let path = "/api/v1/metadata/topics/orders?topicId="
        let other = await client.send("DELETE", path + String(repeating: "0", count: 32))
        #expect(other.status == 409 && other.code == "topic_id_mismatch")
        #expect(await client.send("DELETE", path + "x").code == "invalid_parameter")
        #expect(await client.send("DELETE", path + id.description).status == 204)
    }
}
