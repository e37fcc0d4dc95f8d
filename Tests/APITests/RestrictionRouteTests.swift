import Metadata
import Testing

/// `/brokers/{id}/cordon` and `/brokers/{id}/maintenance`.
@Suite struct RestrictionRouteTests {
    private static let path = "/api/v1/metadata/brokers"
    private let client = Client()

    private func begin() async {
        client.node.submit(.raiseLevel(to: 5)) { _ in }
        await client.registerBrokers()
        let topic = CreateTopic(
            name: "orders", partitionCount: 3, replicationFactor: 2,
            assignments: [[101, 102], [102, 101], [101, 102]])
        client.node.submit(.createTopic(topic)) { _ in }
        client.node.submit(
            .createTopic(CreateTopic(name: "alone", partitionCount: 1, replicationFactor: 1, assignments: [[101]]))
        ) { _ in }
        let change = UpdateInSyncReplicas.Change(topic: "orders", partition: 2, isInSync: false)
        client.node.submit(.updateInSyncReplicas(UpdateInSyncReplicas(broker: 102, changes: [change]))) { _ in }
    }

    @Test func cordon() async {
        await begin()
        let answer = await client.send("PUT", Self.path + "/101/cordon")
        #expect(answer.status == 200 && answer.text == #"{"brokerId":101,"cordoned":true,"maintenance":false}"#)
        #expect(await client.get(Self.path + "?view=full").text.contains(#""cordoned":true,"maintenance":false"#))
        let none = await client.post(
            "/api/v1/metadata/topics", #"{"topicName":"t","numPartitions":1,"replicationFactor":2}"#)
        #expect(none.status == 400 && none.code == "not_enough_brokers")
        let back = await client.send("DELETE", Self.path + "/101/cordon")
        #expect(back.text == #"{"brokerId":101,"cordoned":false,"maintenance":false}"#)
    }

    @Test func maintenance() async {
        await begin()
        #expect(
            await client.get(Self.path + "/101/maintenance").text
                == #"{"maintenance":false,"finished":false,"leaderships":3,"stuck":[],"stuckTotal":0}"#)
        let answer = await client.send("PUT", Self.path + "/101/maintenance")
        #expect(answer.text == #"{"brokerId":101,"cordoned":false,"maintenance":true}"#)
        #expect(
            await client.get(Self.path + "/101/maintenance").text
                == #"{"maintenance":true,"finished":false,"leaderships":2,"stuck":[{"topic":"alone","partition":0,"why":"only_replica"},"#
                + #"{"topic":"orders","partition":2,"why":"no_other_in_sync"}],"stuckTotal":2}"#)
        let second = await client.send("PUT", Self.path + "/102/maintenance")
        #expect(second.status == 409 && second.code == "maintenance_in_progress")
        #expect(await client.send("PUT", Self.path + "/102/maintenance?force=true").status == 200)
        #expect(await client.send("DELETE", Self.path + "/101/maintenance").status == 200)
    }

    @Test func requestsThatAreNone() async {
        await begin()
        for path in ["/103/cordon", "/103/maintenance"] {
            #expect(await client.send("PUT", Self.path + path).code == "unknown_broker")
        }
        #expect(await client.get(Self.path + "/103/maintenance").code == "unknown_broker")
        #expect(await client.send("PUT", Self.path + "/x/cordon").code == "invalid_parameter")
        #expect(await client.send("PUT", Self.path + "/101/cordon?force=true").code == "unknown_parameter")
        #expect(await client.get(Self.path + "/101/cordon").code == "method_not_allowed")
    }
}
