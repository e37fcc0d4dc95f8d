import Metadata
import Raft
import Server
import Synchronization
import Testing

@testable import API

/// `POST /rehearsals`.
@Suite struct RehearsalRouteTests {
    private static let rehearsals = "/api/v1/metadata/rehearsals"
    private let client = Client()

    @Test func onlyTheLeaderSaysWhatIsSoNow() async {
        await client.prepareToStop()
        client.fail(.notLeader(leader: NodeID(3)))
        #expect(await client.post(Self.rehearsals, #"{"steps":[]}"#).status == 503)
        #expect(await client.post(Self.rehearsals + "?consistency=stale", #"{"steps":[]}"#).status == 200)
    }

    @Test func stepByStep() async {
        await client.prepareToStop()
        let digest = client.node.state.withLock { $0.metadata.digest }
        let answer = await client.post(
            Self.rehearsals,
            #"{"steps":[{"deleteTopic":{"topicName":"orders"}},{"lose":{"brokers":[101]}},{"lose":{"rack":"z"}}]}"#)
        #expect(answer.status == 200 && answer.header("ETag") == "\"4\"")
        let share = { (id: Int, state: String, leaders: Int, replicas: Int) in
            #"{"brokerId":\#(id),"state":"\#(state)","leaders":\#(leaders),"replicas":\#(replicas)}"#
        }
        let first = #"{"leader":101,"leaderEpoch":0,"assignment":[101,102],"isr":[101,102]}"#
        let second = #"{"leader":102,"leaderEpoch":0,"assignment":[102,101],"isr":[102,101]}"#
        let lost =
            #""counts":{"partitions":1,"leaderless":1,"underMinIsr":0,"underReplicated":0,"#
        #expect(
            answer.text
                == #"{"version":4,"limit":128,"before":{"counts":{"partitions":3,"leaderless":0,"underMinIsr":0,"#
                + #""underReplicated":0},"brokers":[\#(share(101, "ACTIVE", 2, 3)),\#(share(102, "ACTIVE", 1, 2))]},"#
                + #""steps":[{"step":"deleteTopic","refusal":null,"counts":{"partitions":1,"leaderless":0,"#
                + #""underMinIsr":0,"underReplicated":0,"moves":0,"changed":2},"#
                + #""brokers":[\#(share(101, "ACTIVE", 1, 1)),\#(share(102, "ACTIVE", 0, 0))],"changed":["#
                + #"{"topic":"orders","partition":0,"before":\#(first),"after":null},"#
                + #"{"topic":"orders","partition":1,"before":\#(second),"after":null}]},"#
                + #"{"step":"lose","refusal":null,\#(lost)"moves":1,"changed":1},"#
                + #""brokers":[\#(share(101, "FENCED", 0, 1)),\#(share(102, "ACTIVE", 0, 0))],"changed":["#
                + #"{"topic":"alone","partition":0,"before":{"leader":101,"leaderEpoch":0,"assignment":[101],"isr":[101]},"#
                + #""after":{"leader":null,"leaderEpoch":1,"assignment":[101],"isr":[101]}}]},"#
                + #"{"step":"lose","refusal":{"status":404,"title":"Not Found","detail":"no broker is in rack z","#
                + #""code":"unknown_broker"},\#(lost)"moves":0,"changed":0},"#
                + #""brokers":[\#(share(101, "FENCED", 0, 1)),\#(share(102, "ACTIVE", 0, 0))],"changed":[]}]}"#)
        client.node.state.withLock { #expect($0.submitted.isEmpty && $0.metadata.digest == digest) }
    }

    @Test(arguments: [
        (#"{"createTopic":{"topicName":"new","numPartitions":1,"replicationFactor":3}}"#, "not_enough_brokers"),
        (#"{"createTopic":{"topicName":"alone","numPartitions":2,"replicationFactor":1}}"#, "topic_exists"),
        (#"{"deleteTopic":{"topicName":"none"}}"#, "unknown_topic"),
        (#"{"return":{"brokers":[101,103]}}"#, "unknown_broker"),
    ])
    func aStepThatIsRefusedChangesNothing(step: String, code: String) async {
        await client.prepareToStop()
        let answer = await client.post(Self.rehearsals, #"{"steps":[\#(step),{"elect":"preferred"}]}"#)
        #expect(answer.status == 200 && answer.text.contains(#""code":"\#(code)""#), "\(answer.text)")
        #expect(answer.text.contains(#"{"step":"elect","refusal":null,"counts":{"partitions":3,"#))
    }

    @Test func electionsNeedTheirLevel() async {
        let answer = await client.post(
            Self.rehearsals,
            #"{"steps":[{"deleteTopic":{"topicName":"t","topicId":"\#(String(repeating: "0", count: 32))"}}]}"#)
        #expect(answer.text.contains(#""code":"feature_not_enabled""#), "\(answer.text)")
    }

    @Test(arguments: [
        ("{}", "missing_field"), (#"{"steps":{}}"#, "invalid_type"), (#"{"steps":[{}]}"#, "missing_field"),
        (#"{"steps":[{"lose":{}}]}"#, "missing_field"), (#"{"steps":[{"lose":{"brokers":[]}}]}"#, "out_of_range"),
        (#"{"steps":[{"lose":{"brokers":[0]}}]}"#, "out_of_range"), (#"{"steps":[{"lose":[101]}]}"#, "invalid_type"),
        (#"{"steps":[{"elect":"unclean"}]}"#, "out_of_range"),
        (#"{"steps":[{"lose":{"rack":"a"},"elect":"preferred"}]}"#, "out_of_range"),
        (#"{"steps":[{"createTopic":{"topicName":"t"}}]}"#, "missing_field"),
        (
            #"{"steps":[{"createTopic":{"topicName":"t","numPartitions":10000,"replicationFactor":11}}]}"#,
            "out_of_range"
        ),
        (#"{"steps":[{"deleteTopic":{"topicName":"/"}}]}"#, "out_of_range"),
    ])
    func malformed(body: String, code: String) async {
        let answer = await client.post(Self.rehearsals, body)
        #expect(answer.status == 400 && answer.code == code, "\(answer.text)")
    }

    @Test func aHundredStepsAtMost() async {
        let steps = { (count: Int) in
            #"{"steps":[\#(Array(repeating: #"{"elect":"preferred"}"#, count: count).joined(separator: ","))]}"#
        }
        #expect(await client.post(Self.rehearsals, steps(100)).status == 200)
        #expect(await client.post(Self.rehearsals, steps(101)).code == "out_of_range")
    }

    @Test func soManyBrokersInAllSteps() async {
        client.node.state.withLock { state in
            for id in 1...500 {
                _ = state.metadata.apply(
                    .registerBroker(RegisterBroker(id: BrokerID(id), host: "h", port: 1)), timestamp: 0)
            }
        }
        let steps = { (count: Int) in
            #"{"steps":[\#(Array(repeating: #"{"elect":"preferred"}"#, count: count).joined(separator: ","))]}"#
        }
        #expect(await client.post(Self.rehearsals, steps(99)).status == 200)
        let answer = await client.post(Self.rehearsals, steps(100))
        #expect(answer.status == 413 && answer.code == "too_many_changes")
    }
}
