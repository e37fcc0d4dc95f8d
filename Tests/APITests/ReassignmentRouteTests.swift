import Metadata
import Testing

/// `/reassignments`, and `POST /topics/{name}/partitions`.
@Suite struct ReassignmentRouteTests {
    private static let path = "/api/v1/metadata/reassignments"
    private let client = Client()
    private let id = TopicID(high: 1, low: 2)

    /// Both partitions on 101 and 102, in sync; the first leads.
    private func begin() async {
        client.node.submit(.raiseLevel(to: 5)) { _ in }
        await client.registerBrokers()
        client.node.submit(.registerBroker(RegisterBroker(id: 103, host: "localhost", port: 8083))) { _ in }
        let topic = CreateTopic(
            name: "orders", partitionCount: 2, replicationFactor: 2, id: id, assignments: [[101, 102], [102, 101]])
        client.node.submit(.createTopic(topic)) { _ in }
    }

    private func code(_ answer: Answer) -> String? { answer.code.map { "\(answer.status) \($0)" } }

    private func move(_ replicas: String, partition: Int = 0) async -> Answer {
        await client.post(
            Self.path, #"{"partitions":[{"topic":"orders","partition":\#(partition),"replicas":\#(replicas)}]}"#)
    }

    @Test func oneThatIsOnItsWay() async {
        await begin()
        let answer = await move("[103,102]")
        #expect(answer.status == 200 && answer.header("ETag") == "\"5\"")
        #expect(
            answer.text
                == #"{"version":5,"results":[{"topic":"orders","topicId":"\#(id)","partition":0,"assignment":[103,102,101],"#
                + #""adding":[103],"removing":[101],"leader":101,"leaderEpoch":0,"partitionEpoch":1,"isr":[101,102],"done":false}]}"#
        )
        let list = await client.get(Self.path)
        #expect(
            list.text
                == #"{"version":5,"reassignments":[{"topic":"orders","topicId":"\#(id)","partition":0,"leader":101,"#
                + #""assignment":[103,102,101],"adding":[103],"removing":[101],"isr":[101,102],"leaderEpoch":0,"#
                + #""partitionEpoch":1,"original":[101,102],"startedAt":1731345678000,"#
                + #""progress":{"103":{"lag":12000,"atMs":1000}},"stuck":null}],"total":1,"next":null}"#)
        #expect(await client.get(Self.path + "?broker=102&limit=1").text.contains(#""partition":0"#))
        #expect(
            await client.get(Self.path + "?topic=none").text
                == #"{"version":5,"reassignments":[],"total":0,"next":null}"#)
    }

    @Test func oneThatWaits() async {
        await begin()
        _ = await move("[103,102]")
        client.node.submit(.updateBrokerStatus(UpdateBrokerStatus(id: 103, status: .offline, timestamp: 0))) { _ in }
        #expect(await client.get(Self.path).text.contains(#""stuck":"target_fenced""#))
        for id in BrokerID(101)...102 {
            client.node.submit(.updateBrokerStatus(UpdateBrokerStatus(id: id, status: .offline, timestamp: 0))) { _ in }
        }
        #expect(await client.get(Self.path).text.contains(#""stuck":"leaderless""#))
    }

    @Test func nullTakesItBack() async {
        await begin()
        _ = await move("[103,102]")
        let answer = await move("null")
        #expect(answer.text.contains(#""assignment":[101,102],"adding":[],"removing":[],"leader":101,"leaderEpoch":1"#))
        #expect(answer.text.contains(#""done":true"#))
    }

    @Test func oneIsTakenBackByItsName() async {
        await begin()
        _ = await move("[103,102]")
        let answer = await client.send("DELETE", Self.path + "/orders/0")
        #expect(answer.status == 200 && answer.text.contains(#""assignment":[101,102]"#))
        #expect(code(await client.send("DELETE", Self.path + "/orders/0")) == "409 no_reassignment_in_progress")
        #expect(code(await client.send("DELETE", Self.path + "/orders/9")) == "404 unknown_partition")
        #expect(code(await client.send("DELETE", Self.path + "/none/0")) == "404 unknown_topic")
        for path in ["/orders", "/orders/x", "/or%20ders/0", "/"] {
            #expect(code(await client.send("DELETE", Self.path + path)) == "404 unknown_path", "\(path)")
        }
    }

    @Test func allAreTakenBack() async {
        await begin()
        for partition in 0...1 { _ = await move("[103]", partition: partition) }
        let answer = await client.send("DELETE", Self.path)
        #expect(answer.text == #"{"version":7,"cancelled":2,"refused":0,"more":false}"#)
        #expect(await client.send("DELETE", Self.path).text == #"{"version":7,"cancelled":0,"refused":0,"more":false}"#)
    }

    /// 10,000 that can not go back must not hide the one that can.
    @Test func whatCanNotBeTakenBackHidesNothing() async {
        await begin()
        let all = 0..<10_000
        for (name, count) in [("a", all.count), ("b", 1)] {
            let lists = Array(repeating: [BrokerID(101)], count: count)
            client.node.submit(
                .createTopic(
                    CreateTopic(name: name, partitionCount: count, replicationFactor: 1, assignments: lists))
            ) { _ in }
        }
        let away = all.map { AlterReassignments.Move(topic: .name("a"), partition: $0, replicas: [103, 102]) }
        client.node.submit(.alterReassignments(AlterReassignments(away))) { _ in }
        let joined = all.map { UpdateInSyncReplicas.Change(topic: "a", partition: $0, isInSync: true) }
        client.node.submit(.updateInSyncReplicas(UpdateInSyncReplicas(broker: 103, changes: joined))) { _ in }
        client.node.submit(.updateBrokerStatus(UpdateBrokerStatus(id: 101, status: .offline, timestamp: 0))) { _ in }
        let move = AlterReassignments.Move(topic: .name("b"), partition: 0, replicas: [103])
        client.node.submit(.alterReassignments(AlterReassignments([move]))) { _ in }
        let answer = await client.send("DELETE", Self.path)
        #expect(answer.text.hasSuffix(#""cancelled":1,"refused":10000,"more":false}"#), "\(answer.text)")
    }

    @Test(arguments: [
        (#"{"topic":"orders","partition":0,"replicas":[101,101]}"#, "invalid_replica_assignment"),
        (#"{"topic":"orders","partition":0,"replicas":[104]}"#, "invalid_replica_assignment"),
        (#"{"topic":"orders","partition":0,"replicas":[]}"#, "invalid_replica_assignment"),
        (#"{"topic":"orders","partition":7,"replicas":[101]}"#, "unknown_partition"),
        (#"{"topicId":"00000000000000000000000000000009","partition":0,"replicas":[101]}"#, "unknown_topic"),
        (#"{"topic":"orders","partition":0,"replicas":null}"#, "no_reassignment_in_progress"),
        (#"{"topic":"orders","partition":0,"replicas":[101]}"#, "replication_factor_change"),
    ])
    func itemsThatCanNotBe(item: String, code: String) async {
        await begin()
        let answer = await client.post(
            Self.path, #"{"allowReplicationFactorChange":false,"partitions":[\#(item)]}"#)
        #expect(answer.status == 200 && answer.text.contains(#""code":"\#(code)""#), "\(answer.text)")
    }

    @Test(arguments: [
        ("{}", "400 missing_field"), (#"{"partitions":{}}"#, "400 invalid_type"),
        // What is left out must not take a move back.
        (#"{"partitions":[{"topic":"orders","partition":0}]}"#, "400 missing_field"),
        (#"{"partitions":[{"topic":"orders","partition":0,"replicas":[0]}]}"#, "400 out_of_range"),
        (#"{"partitions":[{"topic":"orders","partition":-1,"replicas":[1]}]}"#, "400 out_of_range"),
        (#"{"partitions":[],"throttle":{"bytesPerSecond":1}}"#, "400 out_of_range"),
    ])
    func requestsThatAreNone(body: String, problem: String) async {
        await begin()
        #expect(code(await client.post(Self.path, body)) == problem)
    }

    @Test func morePartitions() async {
        await begin()
        let path = "/api/v1/metadata/topics/orders/partitions"
        let answer = await client.post(path, #"{"numPartitions":3,"assignments":[[103,101]]}"#)
        #expect(answer.status == 200)
        #expect(answer.text.contains(#""numPartitions":3"#))
        #expect(answer.text.contains(#"{"id":2,"leader":103,"replicas":[101],"isr":[103,101],"leaderEpoch":0}"#))
        #expect(await client.post(path, #"{"numPartitions":3}"#).status == 200)
        #expect(code(await client.post(path, #"{"numPartitions":2}"#)) == "400 invalid_partitions")
        #expect(
            code(await client.post(path, #"{"numPartitions":4,"assignments":[[103]]}"#))
                == "400 invalid_replica_assignment")
        #expect(code(await client.post(path, #"{"numPartitions":4,"assignments":[103]}"#)) == "400 invalid_type")
        #expect(code(await client.post(path, #"{"numPartitions":10001}"#)) == "400 out_of_range")
        let none = "/api/v1/metadata/topics/none/partitions"
        #expect(code(await client.post(none, #"{"numPartitions":3}"#)) == "404 unknown_topic")
        #expect(code(await client.get(path)) == "405 method_not_allowed")
        #expect(code(await client.post("/api/v1/metadata/topics/a/b/partitions", "{}")) == "404 unknown_path")
    }

    @Test func aTopicWhereItIsWanted() async {
        await begin()
        let path = "/api/v1/metadata/topics"
        let answer = await client.post(path, #"{"topicName":"t","assignments":[[103,101],[102,103],[101,102]]}"#)
        #expect(answer.status == 201 && answer.text.contains(#""numPartitions":3,"replicationFactor":2"#))
        let again = #"{"topicName":"t","numPartitions":3,"replicationFactor":2}"#
        #expect(await client.post(path, again).status == 200, "the same")
        let wrong = #"{"topicName":"u","numPartitions":2,"assignments":[[103]]}"#
        #expect(code(await client.post(path, wrong)) == "400 invalid_replica_assignment")
        #expect(code(await client.post(path, #"{"topicName":"u","assignments":[]}"#)) == "400 out_of_range")
        _ = await client.post(path, #"{"topicName":"a.b","assignments":[[101]]}"#)
        #expect(
            code(await client.post(path, #"{"topicName":"a_b","assignments":[[101]]}"#))
                == "409 topic_name_collision")
    }
}
