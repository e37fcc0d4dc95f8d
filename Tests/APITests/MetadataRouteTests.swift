import HTTP
import Metadata
import Raft
import Server
import Synchronization
import Testing
import Wire

@testable import API

@Suite struct MetadataRouteTests {
    let client = Client()

    static let broker =
        #"{"brokerId":101,"id":101,"host":"localhost","port":8081,"address":"localhost:8081","rack":null,"status":"ONLINE","registeredAt":1731345678000}"#
    static let otherBroker =
        #"{"brokerId":102,"id":102,"host":"localhost","port":8082,"address":"localhost:8082","rack":null,"status":"ONLINE","registeredAt":1731345678000}"#
    static let topic =
        #"{"topicName":"orders","numPartitions":3,"replicationFactor":2,"createdAt":1731345678000,"#
        + #""config":{"retentionMs":604800000,"retentionBytes":-1,"segmentBytes":1073741824,"compressionType":"none","minInsyncReplicas":1},"#
        + #""partitions":[{"id":0,"leader":101,"replicas":[102],"isr":[101,102],"leaderEpoch":0},"#
        + #"{"id":1,"leader":102,"replicas":[101],"isr":[102,101],"leaderEpoch":0},"#
        + #"{"id":2,"leader":101,"replicas":[102],"isr":[101,102],"leaderEpoch":0}]}"#
    static let controller =
        #"{"controllerId":2,"url":"http://localhost:9092","controllerUrl":"http://localhost:9092","term":3,"controllerTerm":3,"state":"LEADER","timestamp":1731345678000}"#

    // MARK: Controller and cluster

    @Test func `the controller is named as the contract says`() async {
        let answer = await client.get("/api/v1/metadata/controller")
        #expect(answer.status == 200)
        #expect(answer.header("Content-Type") == "application/json")
        #expect(answer.text == Self.controller)
        client.node.state.withLock { $0.status.leader = NodeID(1) }
        #expect(
            await client.get("/api/v1/metadata/controller").text.contains(
                #""controllerId":1,"url":"http://localhost:9091""#))
    }

    @Test func `without a known leader there is no controller`() async {
        client.node.state.withLock { $0.status.leader = nil }
        let answer = await client.get("/api/v1/metadata/controller")
        #expect(answer.status == 503)
        #expect(answer.response.body.isEmpty)
        #expect(answer.header("X-Controller-Leader") == "")
        #expect(answer.header("Retry-After") == "1")
    }

    @Test func `the cluster is shown whole`() async {
        await client.registerBrokers()
        _ = await createOrders()
        let nodes =
            #"[{"id":1,"url":"http://localhost:9091","isLeader":false},{"id":2,"url":"http://localhost:9092","isLeader":true},{"id":3,"url":"http://localhost:9093","isLeader":false}]"#
        let rest =
            #""totalPartitions":3,"activeMetadataNodes":\#(nodes),"brokers":[\#(Self.broker),\#(Self.otherBroker)],"topics":[\#(Self.topic)]}"#
        #expect(
            await client.get("/api/v1/metadata/cluster").text
                == #"{"version":3,"timestamp":1731345678000,"controllerLeaderId":2,"controllerInfo":\#(Self.controller),"#
                + rest)
        client.node.state.withLock { $0.status.leader = nil }
        let leaderless = rest.replacing("true", with: "false")
        #expect(
            await client.get("/api/v1/metadata/cluster").text
                == #"{"version":3,"timestamp":1731345678000,"controllerLeaderId":null,"controllerInfo":null,"#
                + leaderless)
    }

    // MARK: Brokers

    @Test func `brokers register, repeat, show and leave`() async {
        let body = #"{"brokerId":101,"host":"localhost","port":8081}"#
        let created = await client.post("/api/v1/metadata/brokers", body)
        #expect(created.status == 201)
        #expect(created.header("Content-Type") == "application/json")
        #expect(created.text == Self.broker)
        let repeated = await client.post("/api/v1/metadata/brokers", body)
        #expect(repeated.status == 200)
        #expect(repeated.text == Self.broker)
        #expect(await client.get("/api/v1/metadata/brokers/101").text == Self.broker)
        #expect(await client.get("/api/v1/metadata/brokers").text == "[\(Self.broker)]")
        #expect(await client.get("/api/v1/metadata/brokers?consistency=linearizable").text == "[\(Self.broker)]")

        let moved = await client.post("/api/v1/metadata/brokers", #"{"brokerId":101,"host":"other","port":8081}"#)
        #expect(moved.status == 409)
        #expect(moved.code == "broker_id_in_use")

        let left = await client.send("DELETE", "/api/v1/metadata/brokers/101")
        #expect(left.status == 204)
        #expect(left.response.body.isEmpty)
        #expect(await client.send("DELETE", "/api/v1/metadata/brokers/101").code == "unknown_broker")
        let missing = await client.get("/api/v1/metadata/brokers/101")
        #expect(missing.status == 404)
        #expect(missing.code == "unknown_broker")
        #expect(await client.get("/api/v1/metadata/brokers").text == "[]")
    }

    @Test func `id stands for brokerId, racks are kept, unknown fields ignored`() async {
        let body = #"{"id":7,"host":"::1","port":65535,"rack":"r1","tags":["x"]}"#
        let answer = await client.post("/api/v1/metadata/brokers", body)
        #expect(
            answer.text
                == #"{"brokerId":7,"id":7,"host":"::1","port":65535,"address":"[::1]:65535","rack":"r1","status":"ONLINE","registeredAt":1731345678000}"#
        )
    }

    @Test func `a broker with partitions stays`() async {
        await client.registerBrokers()
        _ = await createOrders()
        let answer = await client.send("DELETE", "/api/v1/metadata/brokers/101")
        #expect(answer.status == 409)
        #expect(answer.code == "broker_has_partitions")
    }

    @Test(arguments: ["0", "-1", "x", "1.5", "9007199254740992", "99999999999999999999", "%zz", "%FF", "+1", "01"])
    func `a path without a broker's id is refused`(id: String) async {
        for (method, path) in [("GET", "brokers"), ("DELETE", "brokers"), ("POST", "heartbeat")] {
            let answer = await client.send(method, "/api/v1/metadata/\(path)/\(id)")
            #expect(answer.status == 400)
            #expect(answer.code == "invalid_parameter")
        }
    }

    // MARK: Topics

    private func createOrders() async -> Answer {
        await client.post(
            "/api/v1/metadata/topics", #"{"topicName":"orders","numPartitions":3,"replicationFactor":2}"#)
    }

    @Test func `topics are created, repeated, shown and deleted`() async {
        await client.registerBrokers()
        let created = await createOrders()
        #expect(created.status == 201)
        #expect(created.text == Self.topic)
        let repeated = await createOrders()
        #expect(repeated.status == 200)
        #expect(repeated.text == Self.topic)
        #expect(await client.get("/api/v1/metadata/topics").text == #"["orders"]"#)
        #expect(await client.get("/api/v1/metadata/topics/orders").text == Self.topic)
        #expect(await client.get("/api/v1/metadata/topics/%6Frders").text == Self.topic)

        let other = #"{"topicName":"orders","partitionCount":4,"replicationFactor":2}"#
        let conflict = await client.post("/api/v1/metadata/topics", other)
        #expect(conflict.status == 409)
        #expect(conflict.code == "topic_exists")

        #expect(await client.send("DELETE", "/api/v1/metadata/topics/orders").status == 204)
        #expect(await client.send("DELETE", "/api/v1/metadata/topics/orders").code == "unknown_topic")
        let missing = await client.get("/api/v1/metadata/topics/orders")
        #expect(missing.status == 404)
        #expect(missing.code == "unknown_topic")
    }

    @Test func `the configuration is taken over its defaults`() async {
        await client.registerBrokers()
        let answer = await client.post(
            "/api/v1/metadata/topics",
            #"{"topicName":"t","numPartitions":1,"replicationFactor":1,"config":{"retentionMs":-1,"compressionType":"lz4"}}"#
        )
        #expect(
            answer.text.contains(
                #""config":{"retentionMs":-1,"retentionBytes":-1,"segmentBytes":1073741824,"compressionType":"lz4","minInsyncReplicas":1}"#
            ))
    }

    @Test func `too few brokers are a client's error`() async {
        let answer = await createOrders()
        #expect(answer.status == 400)
        #expect(answer.code == "not_enough_brokers")
    }

    @Test func `a name that no topic can have is unknown`() async {
        #expect(await client.get("/api/v1/metadata/topics/..").code == "unknown_topic")
        #expect(await client.get("/api/v1/metadata/topics/a%20b").code == "unknown_topic")
        #expect(await client.send("DELETE", "/api/v1/metadata/topics/a%20b").status == 404)
        #expect(await client.get("/api/v1/metadata/topics/%zz").code == "invalid_parameter")
    }

    @Test func `partitions without a leader show it as null and all replicas`() {
        // As after the loss of every in-sync replica.
        let partition = Partition(id: 0, leader: nil, replicas: [101, 102], inSyncReplicas: [101], leaderEpoch: 4)
        let topic = Topic(
            name: "t", partitionCount: 1, replicationFactor: 2, createdAt: 1, configuration: TopicConfiguration())
        let body = HTTPResponse(status: 200, stream: JSONStream.body(JSONStream.topics([(topic, [partition])])))
        #expect(
            String(decoding: body.collectBody(), as: UTF8.self).hasSuffix(
                #""partitions":[{"id":0,"leader":null,"replicas":[101,102],"isr":[101],"leaderEpoch":4}]}"#))
    }
}
