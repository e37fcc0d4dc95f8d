import Metadata
import Testing

/// What operators look at: conditions of partitions, health, full views.
@Suite struct OperatorRouteTests {
    let client = Client()

    /// Broker 102 has failed: it led partition 1, and partition 0 of `alone`.
    private func fail() async {
        await client.registerBrokers()
        client.node.submit(.raiseLevel(to: 4)) { _ in }
        for (name, factor) in [("orders", 2), ("alone", 1)] {
            let body = #"{"topicName":"\#(name)","numPartitions":2,"replicationFactor":\#(factor)}"#
            #expect(await client.post("/api/v1/metadata/topics", body).status == 201)
        }
        client.node.submit(.updateBrokerStatus(UpdateBrokerStatus(id: 102, status: .offline, timestamp: 0))) { _ in }
    }

    /// Ids are drawn.
    private func blank(_ text: String) -> String {
        text.replacing(#/"topicId":"[0-9a-f]{32}"/#, with: #""topicId":"""#)
    }

    @Test func partitionsInACondition() async {
        await fail()
        let offline = await client.get("/api/v1/metadata/partitions?state=offline")
        #expect(offline.header("ETag") == "\"5\"")
        #expect(
            blank(offline.text)
                == #"{"version":5,"partitions":[{"topic":"alone","topicId":"","partition":1,"leader":null,"assignment":[102],"adding":[],"removing":[],"isr":[102],"#
                + #""leaderEpoch":1,"partitionEpoch":1,"effectiveMinIsr":1,"states":["offline","atMinIsr","notPreferred"]}],"total":1,"next":null}"#
        )
        let moved = await client.get(
            "/api/v1/metadata/partitions?state=underReplicated&leader=101&topic=orders&limit=1")
        #expect(moved.text.hasSuffix(#""states":["underReplicated","atMinIsr"]}],"total":null,"next":"orders/0"}"#))
        let next = await client.get("/api/v1/metadata/partitions?state=underReplicated&limit=1&after=orders/0")
        #expect(
            blank(next.text)
                == #"{"version":5,"partitions":[{"topic":"orders","topicId":"","partition":1,"leader":101,"assignment":[102,101],"adding":[],"removing":[],"isr":[101],"#
                + #""leaderEpoch":1,"partitionEpoch":1,"effectiveMinIsr":1,"states":["underReplicated","atMinIsr","notPreferred"]}],"total":2,"#
                + #""next":null}"#)
        #expect(await client.get("/api/v1/metadata/partitions?broker=102").text.hasSuffix(#""total":3,"next":null}"#))
    }

    @Test func health() async {
        let empty = await client.get("/api/v1/metadata/health/cluster")
        #expect(
            empty.text
                == #"{"status":"ok","version":0,"brokersOnline":0,"brokersOffline":0,"topics":0,"partitions":0,"offline":0,"#
                + #""underReplicated":0,"underMinIsr":0,"atMinIsr":0,"notPreferred":0,"reassigning":0,"reasons":[]}"#)
        await fail()
        let critical = await client.get("/api/v1/metadata/health/cluster")
        #expect(
            critical.text
                == #"{"status":"critical","version":5,"brokersOnline":1,"brokersOffline":1,"topics":2,"partitions":4,"#
                + #""offline":1,"underReplicated":2,"underMinIsr":0,"atMinIsr":4,"notPreferred":2,"reassigning":0,"reasons":["#
                + #""1 partition is offline","2 partitions are under-replicated","1 broker with replicas is OFFLINE"]}"#
        )
        _ = await client.send("DELETE", "/api/v1/metadata/topics/alone")
        #expect(await client.get("/api/v1/metadata/health/cluster").text.hasPrefix(#"{"status":"degraded","#))
    }

    @Test func fullViews() async {
        await fail()
        let brokers = await client.get("/api/v1/metadata/brokers?view=full")
        #expect(
            brokers.text.contains(
                #""status":"OFFLINE","registeredAt":1731345678000,"legacy":true,"state":"FENCED","cordoned":false,"maintenance":false,"replicas":3,"leaders":0,"lastHeartbeatMs":1250}]"#
            ), "\(brokers.text)")
        let topics = await client.get("/api/v1/metadata/topics?view=full&limit=1")
        #expect(
            blank(topics.text)
                == #"{"topics":[{"topicName":"alone","topicId":"","numPartitions":2,"replicationFactor":1,"offline":1,"underReplicated":0}],"#
                + #""next":"alone"}"#)
        let next = await client.get("/api/v1/metadata/topics?view=full&after=alone&prefix=o")
        #expect(next.text.hasPrefix(#"{"topics":[{"topicName":"orders","#) && next.text.hasSuffix(#""next":null}"#))
        #expect(await client.get("/api/v1/metadata/topics?view=full&prefix=x").text == #"{"topics":[],"next":null}"#)
        let topic = await client.get("/api/v1/metadata/topics/orders?view=full&from=0&limit=1")
        #expect(
            blank(topic.text).contains(
                #""partitions":[{"topic":"orders","topicId":"","partition":0,"leader":101,"assignment":[101,102],"#))
        #expect(topic.text.hasSuffix(#""next":1}"#), "\(topic.text)")
        #expect(
            await client.get("/api/v1/metadata/topics/orders?view=full&from=2").text.contains(
                #""partitions":[],"next":null"#))
    }

    @Test(arguments: [
        "partitions?state=lost", "partitions?limit=0", "partitions?limit=10001", "partitions?after=orders",
        "partitions?after=orders/x", "partitions?broker=-1", "brokers?view=short", "topics?limit=3",
        "topics/orders?from=1",
    ])
    func whatIsWrong(target: String) async {
        #expect(await client.get("/api/v1/metadata/\(target)").code == "invalid_parameter")
    }
}
