import Metadata
import Raft
import Server
import Synchronization
import Testing

@testable import API

/// What brokers that name their process ask for, and are told (contract §3, §4).
@Suite struct IncarnationRouteTests {
    private static let path = "/api/v1/metadata/brokers"
    private static let first = String(repeating: "a", count: 32)
    private static let second = String(repeating: "b", count: 32)

    private let client = Client()

    init() {
        client.node.state.withLock { state in
            _ = state.metadata.apply(.raiseLevel(to: 3), timestamp: 0)
            state.heartbeat = HeartbeatAnswer(version: 15, term: Term(3))
        }
    }

    private func register(_ fields: String) async -> Answer {
        await client.post(Self.path, #"{"brokerId":101,"host":"localhost","port":8081,\#(fields)}"#)
    }

    @Test func registration() async {
        let created = await register(#""incarnationId":"\#(Self.first)","previousBrokerEpoch":57"#)
        #expect(created.status == 201)
        let shape =
            #"{"brokerId":101,"id":101,"host":"localhost","port":8081,"address":"localhost:8081","rack":null,"status":"OFFLINE","registeredAt":1731345678000,"#
            + #""state":"FENCED","brokerEpoch":1,"incarnationId":"\#(Self.first)","sessionTimeoutMs":30000,"heartbeatIntervalMs":5000}"#
        #expect(created.text == shape)
        let repeated = await register(#""incarnationId":"\#(Self.first)""#)
        #expect(repeated.status == 200 && repeated.text == shape)
        // Others see what they always saw.
        let plain = await client.get(Self.path + "/101")
        #expect(!plain.text.contains("state"))
        let full = await client.get(Self.path + "?view=full")
        #expect(
            full.text.contains(
                #""legacy":false,"state":"FENCED","brokerEpoch":1,"incarnationId":"\#(Self.first)","delivery":"push","cordoned":false,"maintenance":false,"replicas":0"#
            ),
            "\(full.text)")
    }

    @Test func aDuplicateIsToldWhenToComeAgain() async {
        _ = await register(#""incarnationId":"\#(Self.first)""#)
        let epoch = ChangeBrokerState(id: 101, epoch: 1, state: .active, timestamp: 0)
        client.node.state.withLock { _ = $0.metadata.apply(.changeBrokerState(epoch), timestamp: 0) }
        let refused = await register(#""incarnationId":"\#(Self.second)""#)
        #expect(refused.status == 409 && refused.code == "duplicate_broker_registration")
        #expect(refused.header("Retry-After") == "9")
        let successor = await register(
            #""incarnationId":"\#(Self.second)","replacesIncarnationId":"\#(Self.first)""#)
        #expect(successor.status == 201)
    }

    @Test(arguments: ["clusterId", "incarnationId", "replacesIncarnationId"])
    func aMalformedIdIsNamed(field: String) async {
        for value in [#""x""#, #""\#(String(repeating: "A", count: 32))""#, #""""#] {
            let answer = await register(#""\#(field)":\#(value)"#)
            #expect(answer.status == 400 && answer.code == "out_of_range", "\(value)")
        }
        #expect(await register(#""\#(field)":7"#).code == "invalid_type")
        #expect(await client.get(Self.path).text == "[]")
    }

    @Test func anotherClusterIsNamed() async {
        let answer = await register(#""clusterId":"\#(Self.first)""#)
        #expect(answer.status == 409 && answer.code == "cluster_id_mismatch")
        #expect(answer.text.contains(FakeNode.clusterID))
    }

    @Test func heartbeats() async {
        _ = await register(#""incarnationId":"\#(Self.first)""#)
        let path = "/api/v1/metadata/heartbeat/101"
        let answer = await client.post(
            path, #"{"brokerEpoch":1,"metadataVersion":1,"wantFence":true,"wantShutDown":true}"#)
        #expect(
            answer.text
                == #"{"ack":true,"success":true,"currentVersion":15,"metadataVersion":15,"controllerTerm":3,"timestamp":1731345678000,"#
                + #""brokerEpoch":1,"state":"FENCED","isCaughtUp":true,"isFenced":true,"isInControlledShutdown":false,"shouldShutDown":true}"#
        )
        let sent = client.node.state.withLock { $0.heartbeats.last }
        #expect(
            sent == Heartbeat(broker: 101, epoch: 1, metadataVersion: 1, wantsFence: true, wantsShutdown: true))
        for body in ["", #"{"brokerEpoch":2}"#] {
            let stale = await client.post(path, body)
            #expect(stale.status == 409 && stale.code == "stale_broker_epoch", "\(body)")
        }
        for body in [#"{"brokerEpoch":-1}"#, #"{"brokerEpoch":9007199254740992}"#] {
            #expect(await client.post(path, body).code == "out_of_range")
        }
        #expect(await client.post(path, #"{"wantShutDown":1}"#).code == "invalid_type")
    }

    @Test func aLagReportMayNameItsEpoch() async {
        await client.registerBrokers()
        _ = await client.post("/api/v1/metadata/isr/lag", #"{"brokerId":102,"brokerEpoch":7,"partitions":[]}"#)
        #expect(client.node.state.withLock { $0.reports.last?.epoch } == 7)
    }
}
