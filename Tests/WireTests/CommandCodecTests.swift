import Metadata
import Testing
import Wire

@Suite struct CommandCodecTests {
    private func text(_ command: Command) -> String {
        let (type, data) = CommandCodec.encode(command)
        return "\(type)|\(String(decoding: data, as: UTF8.self))"
    }

    private func decode(_ type: String, _ text: String) throws(WireError) -> Command {
        try CommandCodec.decode(type: type, data: Array(text.utf8))
    }

    private func key(_ text: String) -> Key { Key(validated: Array(text.utf8)) }

    @Test func `administration is JSON with the type inside`() {
        #expect(
            text(.registerBroker(RegisterBroker(id: 101, host: "localhost", port: 8081)))
                == #"RegisterBrokerCommand|{"commandType":"RegisterBrokerCommand","brokerId":101,"host":"localhost","port":8081}"#
        )
        #expect(
            text(.registerBroker(RegisterBroker(id: 1, host: "h", port: 1, rack: "r\"1")))
                == #"RegisterBrokerCommand|{"commandType":"RegisterBrokerCommand","brokerId":1,"host":"h","port":1,"rack":"r\"1"}"#
        )
        #expect(
            text(.unregisterBroker(7))
                == #"UnregisterBrokerCommand|{"commandType":"UnregisterBrokerCommand","brokerId":7}"#)
        #expect(
            text(.updateBrokerStatus(UpdateBrokerStatus(id: 7, status: .offline, timestamp: 1_731_345_678_000)))
                == #"UpdateBrokerStatusCommand|{"commandType":"UpdateBrokerStatusCommand","brokerId":7,"status":"OFFLINE","timestamp":1731345678000}"#
        )
        #expect(
            text(.createTopic(CreateTopic(name: "orders", partitionCount: 3, replicationFactor: 2)))
                == #"CreateTopicCommand|{"commandType":"CreateTopicCommand","topicName":"orders","numPartitions":3,"replicationFactor":2,"config":{"retentionMs":604800000,"retentionBytes":-1,"segmentBytes":1073741824,"compressionType":"none","minInsyncReplicas":1}}"#
        )
        #expect(
            text(.deleteTopic(DeleteTopic("orders")))
                == #"DeleteTopicCommand|{"commandType":"DeleteTopicCommand","topicName":"orders"}"#)
        #expect(
            text(.updateInSyncReplicas(.init(broker: 102, changes: [.init(topic: "t", partition: 0, isInSync: false)])))
                == #"UpdateInSyncReplicasCommand|{"commandType":"UpdateInSyncReplicasCommand","brokerId":102,"changes":[{"topic":"t","partition":0,"isInSync":false}]}"#
        )
    }

    @Test func `groups have the fields that brokers know`() throws {
        for (command, wanted) in [
            (
                GroupCommand.find(topic: "orders", appID: "a b"),
                #"RegisterConsumerGroupCommand|{"commandType":"RegisterConsumerGroupCommand","topic":"orders","appId":"a b"}"#
            ),
            (
                .move("G_orders_a", to: 7),
                #"UpdateConsumerGroupLeaderCommand|{"commandType":"UpdateConsumerGroupLeaderCommand","groupId":"G_orders_a","newLeaderBrokerId":7}"#
            ),
            (
                .delete("G_orders_a", by: 7),
                #"DeleteConsumerGroupCommand|{"commandType":"DeleteConsumerGroupCommand","groupId":"G_orders_a","brokerId":7}"#
            ),
        ] {
            #expect(text(.group(command)) == wanted)
            let (type, data) = CommandCodec.encode(.group(command))
            #expect(try CommandCodec.decode(type: type, data: data) == .group(command))
            #expect(CommandCodec.level(ofType: type, data: data) == 5)
        }
        for id in ["", "ü", String(repeating: "a", count: 508)] {
            #expect(throws: WireError.self) {
                try decode(
                    "DeleteConsumerGroupCommand",
                    #"{"commandType":"DeleteConsumerGroupCommand","groupId":"\#(id)","brokerId":7}"#)
            }
        }
    }

    @Test func `a block for producers`() throws {
        #expect(
            text(.allocateProducerIDs(AllocateProducerIDs(broker: 7, epoch: 63)))
                == #"AllocateProducerIdsCommand|{"commandType":"AllocateProducerIdsCommand","brokerId":7,"brokerEpoch":63,"count":1000}"#
        )
        let short = #"{"commandType":"AllocateProducerIdsCommand","brokerId":7,"count":1}"#
        #expect(
            try decode("AllocateProducerIdsCommand", short)
                == .allocateProducerIDs(AllocateProducerIDs(broker: 7, count: 1)))
        #expect(CommandCodec.level(ofType: "AllocateProducerIdsCommand", data: Array(short.utf8)) == 5)
    }

    @Test func `a level names its feature`() {
        #expect(
            text(.raiseLevel(to: 2))
                == #"FeatureLevelCommand|{"commandType":"FeatureLevelCommand","name":"metadata.version","featureLevel":2}"#
        )
        #expect(
            text(.raiseLevel(of: .placement, to: 2))
                == #"FeatureLevelCommand|{"commandType":"FeatureLevelCommand","name":"placement.version","featureLevel":2}"#
        )
        #expect(throws: WireError.self) {
            try decode(
                "FeatureLevelCommand",
                #"{"commandType":"FeatureLevelCommand","name":"other.version","featureLevel":2}"#)
        }
    }

    @Test func `members without epochs are as short as in the request`() {
        func change(_ members: [AlterPartitions.Member]) -> AlterPartitions.Change {
            AlterPartitions.Change(topic: .name("t"), partition: 0, leaderEpoch: 1, partitionEpoch: 2, inSync: members)
        }
        let changes = [
            change([AlterPartitions.Member(1), AlterPartitions.Member(2)]),
            change([AlterPartitions.Member(1, epoch: 7), AlterPartitions.Member(2)]),
        ]
        #expect(
            text(.alterPartitions(AlterPartitions(broker: 1, epoch: 3, changes: changes)))
                == #"AlterPartitionsCommand|{"commandType":"AlterPartitionsCommand","brokerId":1,"brokerEpoch":3,"partitions":["#
                + #"{"topic":"t","partition":0,"leaderEpoch":1,"partitionEpoch":2,"isr":[1,2]},"#
                + #"{"topic":"t","partition":0,"leaderEpoch":1,"partitionEpoch":2,"isr":[{"id":1,"epoch":7},{"id":2}]}]}"#
        )
    }

    @Test func `the entry that opens a term is empty or names the cluster`() {
        #expect(text(.noop(clusterID: nil)) == "NOOP|")
        #expect(text(.noop(clusterID: Samples.clusterID)) == #"NOOP|{"clusterId":"0123456789abcdef0123456789abcdef"}"#)
    }

    @Test func `key-values are lines`() {
        #expect(
            text(.put(Put(key: key("/config/service/a"), value: Array("v1".utf8)))) == "PUT|PUT\n/config/service/a\nv1")
        #expect(text(.put(Put(key: key("/a"), value: []))) == "PUT|PUT\n/a\n")
        #expect(text(.put(Put(key: key("/a"), value: Array("x\ny\n".utf8)))) == "PUT|PUT\n/a\nx\ny\n")
        #expect(
            text(.put(Put(key: key("/a"), value: [], precondition: .modRevision(12))))
                == "PUT|PUT if-mod-revision=12\n/a\n")
        #expect(text(.put(Put(key: key("/a"), value: [], precondition: .absent))) == "PUT|PUT if-absent\n/a\n")
        #expect(text(.put(Put(key: key("/a\nb"), value: [UInt8(ascii: "v")]))) == "PUT|PUT key-bytes=4\n/a\nb\nv")
        #expect(text(.delete(Delete(key: key("/a")))) == "DEL|DEL\n/a")
        #expect(text(.delete(Delete(key: key("/"), isRecursive: true))) == "DEL|DEL recursive\n/")
        #expect(
            text(.delete(Delete(key: key("/a\n"), isRecursive: true, precondition: .modRevision(.max))))
                == "DEL|DEL recursive if-mod-revision=18446744073709551615 key-bytes=3\n/a\n")
    }

    @Test func `every command survives the way to the log and back`() throws {
        var samples = Samples(seed: 1)
        for _ in 0..<5_000 {
            let command = samples.command()
            let (type, data) = CommandCodec.encode(command)
            #expect(try CommandCodec.decode(type: type, data: data) == command)
        }
    }

    @Test func `foreign JSON of the contract is taken`() throws {
        #expect(
            try decode(
                "CreateTopicCommand",
                #"{ "commandType":"CreateTopicCommand", "topicName":"orders","numPartitions":3,"replicationFactor":2,"new":[]}"#
            )
                == .createTopic(CreateTopic(name: "orders", partitionCount: 3, replicationFactor: 2)))
        let partial =
            #"{"commandType":"CreateTopicCommand","topicName":"t","numPartitions":1,"replicationFactor":1,"config":{"retentionMs":-1}}"#
        #expect(
            try decode("CreateTopicCommand", partial)
                == .createTopic(
                    CreateTopic(
                        name: "t", partitionCount: 1, replicationFactor: 1, configuration: .init(retentionMs: -1))))
    }

    @Test(arguments: [
        ("RegisterBrokerCommand", #"{"commandType":"RegisterBrokerCommand","brokerId":0,"host":"h","port":1}"#),
        (
            "RegisterBrokerCommand",
            #"{"commandType":"RegisterBrokerCommand","brokerId":9007199254740992,"host":"h","port":1}"#
        ),
        ("RegisterBrokerCommand", #"{"commandType":"RegisterBrokerCommand","brokerId":1,"host":"","port":1}"#),
        ("RegisterBrokerCommand", #"{"commandType":"RegisterBrokerCommand","brokerId":1,"host":"a b","port":1}"#),
        ("RegisterBrokerCommand", #"{"commandType":"RegisterBrokerCommand","brokerId":1,"host":"h","port":65536}"#),
        ("RegisterBrokerCommand", #"{"commandType":"RegisterBrokerCommand","brokerId":1,"host":"h","port":0}"#),
        ("RegisterBrokerCommand", #"{"commandType":"CreateTopicCommand","brokerId":1,"host":"h","port":1}"#),
        ("RegisterBrokerCommand", #"{"brokerId":1,"host":"h","port":1}"#),
        ("RegisterBrokerCommand", ""),
        (
            "UpdateBrokerStatusCommand",
            #"{"commandType":"UpdateBrokerStatusCommand","brokerId":1,"status":"UP","timestamp":1}"#
        ),
        (
            "UpdateBrokerStatusCommand",
            #"{"commandType":"UpdateBrokerStatusCommand","brokerId":1,"status":"ONLINE","timestamp":-1}"#
        ),
        (
            "CreateTopicCommand",
            #"{"commandType":"CreateTopicCommand","topicName":"..","numPartitions":1,"replicationFactor":1}"#
        ),
        (
            "CreateTopicCommand",
            #"{"commandType":"CreateTopicCommand","topicName":"a/b","numPartitions":1,"replicationFactor":1}"#
        ),
        (
            "CreateTopicCommand",
            #"{"commandType":"CreateTopicCommand","topicName":"a","numPartitions":10001,"replicationFactor":1}"#
        ),
        (
            "CreateTopicCommand",
            #"{"commandType":"CreateTopicCommand","topicName":"a","numPartitions":1,"replicationFactor":1001}"#
        ),
        (
            "CreateTopicCommand",
            #"{"commandType":"CreateTopicCommand","topicName":"a","numPartitions":1,"replicationFactor":1,"config":{"segmentBytes":0}}"#
        ),
        (
            "UpdateInSyncReplicasCommand",
            #"{"commandType":"UpdateInSyncReplicasCommand","brokerId":1,"changes":[{"topic":"t","partition":-1,"isInSync":true}]}"#
        ),
        ("NOOP", "{}"), ("NOOP", #"{"clusterId":"0123456789ABCDEF0123456789abcdef"}"#), ("NOOP", "x"),
        ("Unknown", "{}"), ("", ""),
        ("PUT", ""), ("PUT", "PUT"), ("PUT", "PUT\n"), ("PUT", "PUT\n/a"), ("PUT", "DEL\n/a\n"), ("PUT", "PUT \n/a\n"),
        ("PUT", "PUT\na\n"), ("PUT", "PUT\n/\n"), ("PUT", "PUT\n/a/\n"), ("PUT", "PUT\n//a\n"), ("PUT", "PUT\n/./a\n"),
        ("PUT", "PUT\n/a/..\n"), ("PUT", "PUT recursive\n/a\n"), ("PUT", "PUT if-absent if-absent\n/a\n"),
        ("PUT", "PUT if-absent if-mod-revision=1\n/a\n"), ("PUT", "PUT if-mod-revision=01\n/a\n"),
        ("PUT", "PUT if-mod-revision=+1\n/a\n"), ("PUT", "PUT if-mod-revision=18446744073709551616\n/a\n"),
        ("PUT", "PUT key-bytes=2\n/a\n"), ("PUT", "PUT key-bytes=4\n/a\nb"), ("PUT", "PUT key-bytes=99\n/a\nb\n"),
        ("PUT", "PUT  if-absent\n/a\n"), ("PUT", "PUT if-absent"),
        ("DEL", "DEL\n/"), ("DEL", "DEL\n/a\nb"), ("DEL", "DEL key-bytes=3\n/a\nb"), ("DEL", "DEL recursive\n/a/"),
    ])
    func `payloads out of form or range are errors`(type: String, text: String) {
        #expect(throws: WireError.self) { try decode(type, text) }
    }

    @Test func `keys and values are bounded`() throws {
        let longest = [UInt8](repeating: UInt8(ascii: "k"), count: 4095)
        func put(_ key: [UInt8], _ value: Int) -> [UInt8] {
            Array("PUT\n/".utf8) + key + [UInt8(ascii: "\n")] + [UInt8](repeating: 0, count: value)
        }
        _ = try CommandCodec.decode(type: "PUT", data: put(longest, 1_572_864))
        #expect(throws: WireError.self) { try CommandCodec.decode(type: "PUT", data: put(longest + [107], 0)) }
        #expect(throws: WireError.self) { try CommandCodec.decode(type: "PUT", data: put(longest, 1_572_865)) }
        #expect(throws: WireError.self) { try CommandCodec.decode(type: "PUT", data: put([0xFF], 0)) }
    }
}
