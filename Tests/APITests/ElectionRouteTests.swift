import Metadata
import Testing

/// `POST /elections`.
@Suite struct ElectionRouteTests {
    private static let path = "/api/v1/metadata/elections"
    private let client = Client()
    private let id = TopicID(high: 1, low: 2)

    /// Broker 102 leads both partitions; 101, which is the first replica of partition 0, is in sync with it again.
    private func failOver() async {
        client.node.submit(.raiseLevel(to: 4)) { _ in }
        await client.registerBrokers()
        let topic = CreateTopic(name: "orders", partitionCount: 2, replicationFactor: 2, id: id)
        client.node.submit(.createTopic(topic)) { _ in }
        for status in [BrokerStatus.offline, .online] {
            client.node.submit(.updateBrokerStatus(UpdateBrokerStatus(id: 101, status: status, timestamp: 0))) { _ in }
        }
        let change = UpdateInSyncReplicas.Change(topic: "orders", partition: 0, isInSync: true)
        client.node.submit(.updateInSyncReplicas(UpdateInSyncReplicas(broker: 101, changes: [change]))) { _ in }
    }

    @Test func allThatAreNotPreferred() async {
        await failOver()
        let answer = await client.post(Self.path, #"{"type":"preferred"}"#)
        #expect(answer.status == 200 && answer.header("ETag") == "\"7\"")
        #expect(
            answer.text
                == #"{"version":7,"changed":1,"more":false,"results":[{"topic":"orders","topicId":"\#(id)","partition":0,"#
                + #""leader":101,"leaderEpoch":2,"partitionEpoch":3,"isr":[101,102]}]}"#)
    }

    @Test func thoseThatAreNamed() async {
        await failOver()
        let answer = await client.post(
            Self.path,
            #"{"type":"preferred","topics":[{"topic":"orders","partitions":[1,7]},{"topic":"none","partitions":[0]}]}"#)
        #expect(
            answer.text
                == #"{"version":6,"changed":0,"more":false,"results":[{"topic":"orders","topicId":"\#(id)","partition":1,"#
                + #""code":"election_not_needed","detail":"the first of its replicas leads it"},"#
                + #"{"topic":"orders","topicId":"\#(id)","partition":7,"code":"unknown_partition","detail":"the topic has no such partition"},"#
                + #"{"topic":"none","partition":0,"code":"unknown_topic","detail":"there is no such topic"}]}"#)
    }

    @Test(arguments: [
        ("{}", "missing_field"), (#"{"type":"unclean"}"#, "out_of_range"),
        (#"{"type":"preferred","topics":{}}"#, "invalid_type"),
        (#"{"type":"preferred","topics":[{"topic":"orders"}]}"#, "missing_field"),
        (#"{"type":"preferred","topics":[{"topic":"orders","partitions":[10000]}]}"#, "out_of_range"),
        (#"{"type":"preferred","topics":[{"topic":"/","partitions":[0]}]}"#, "out_of_range"),
    ])
    func malformed(body: String, code: String) async {
        let answer = await client.post(Self.path, body)
        #expect(answer.status == 400 && answer.code == code, "\(answer.text)")
    }
}
