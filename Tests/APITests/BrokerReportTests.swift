import HTTP
import Raft
import Server
import Synchronization
import Testing

@testable import API

@Suite struct BrokerReportTests {
    private static let path = "/api/v1/metadata/heartbeat/101"

    private func client() async -> Client {
        let client = Client()
        await client.registerBrokers()
        client.node.state.withLock { $0.heartbeat = HeartbeatAnswer(version: 15, term: Term(3)) }
        return client
    }

    @Test(arguments: [
        ("", "application/x-www-form-urlencoded"), ("", nil), ("", "application/json"),
        (#"{"brokerId":101,"timestamp":1,"metadataVersion":12}"#, "application/json"), ("{}", nil),
        (#"{"brokerId":101}"#, "text/plain"), ("a=b", "application/x-www-form-urlencoded"),
        ("\u{01}", "application/octet-stream"), (#"{"brokerId":null,"timestamp":null}"#, "application/json"),
    ])
    func `any body or none is a heartbeat`(body: String, type: String?) async {
        let answer = await client().post(Self.path, body, type: type)
        #expect(answer.status == 200)
        #expect(
            answer.text
                == #"{"ack":true,"success":true,"currentVersion":15,"metadataVersion":15,"controllerTerm":3,"timestamp":1731345678000}"#
        )
    }

    @Test(arguments: [
        (#"{"brokerId":102}"#, "broker_id_mismatch", "application/json"),
        (#"{"brokerId":102}"#, "broker_id_mismatch", "application/x-www-form-urlencoded"),
        (#"{"brokerId":"101"}"#, "invalid_type", "application/json"),
        (#"{"timestamp":"now"}"#, "invalid_type", "application/json"),
        (#"{"metadataVersion":{}}"#, "invalid_type", "application/json"),
        (#"{"brokerId":101"#, "invalid_json", "application/json"), ("x", "invalid_json", nil),
    ])
    func `a body that contradicts or is no JSON is refused`(body: String, code: String, type: String?) async {
        let answer = await client().post(Self.path, body, type: type)
        #expect(answer.status == 400)
        #expect(answer.code == code)
    }

    @Test func `an unregistered broker is unknown`() async {
        let answer = await client().post("/api/v1/metadata/heartbeat/7", "")
        #expect(answer.status == 404)
        #expect(answer.code == "unknown_broker")
    }

    @Test func `the contract's lag report is passed on and answered with nothing`() async throws {
        let client = await client()
        let entry =
            #"{"topic":"orders","partition":0,"offsetLag":5,"timeSinceCaughtUp":6,"followerLEO":10,"leaderLEO":10,"isOutOfSync":true,"timeSinceLastFetch":0}"#
        let answer = await client.post(
            "/api/v1/metadata/isr/lag",
            #"{"brokerId":102,"timestamp":1,"partitions":[\#(entry),{"topic":"no such / topic","partition":-1,"offsetLag":0,"timeSinceCaughtUp":9223372036854775807}]}"#
        )
        #expect(answer.status == 200)
        #expect(answer.response.body.isEmpty)
        let report = try #require(client.node.state.withLock { $0.reports.first })
        #expect(report.broker == 102)
        #expect(report.partitions.map(\.topic) == ["orders", "no such / topic"])
        #expect(report.partitions.map(\.partition) == [0, -1])
        #expect(report.partitions.map(\.offsetLag) == [5, 0])
        #expect(report.partitions.map(\.timeSinceCaughtUp) == [6, .max])
        #expect(report.partitions.map(\.isOutOfSync) == [true, false])
    }

    @Test func `a lag report of an unregistered broker is refused`() async {
        let answer = await client().post("/api/v1/metadata/isr/lag", #"{"brokerId":7,"partitions":[]}"#)
        #expect(answer.status == 404)
        #expect(answer.code == "unknown_broker")
    }

    @Test(arguments: [(10_000, 200), (10_001, 400)])
    func `a lag report has so many partitions and no more`(count: Int, status: Int) async {
        let lag = #"{"topic":"orders","partition":0,"offsetLag":0,"timeSinceCaughtUp":0}"#
        let lags = Array(repeating: lag, count: count).joined(separator: ",")
        let answer = await client().post("/api/v1/metadata/isr/lag", #"{"brokerId":101,"partitions":[\#(lags)]}"#)
        #expect(answer.status == status)
        if status == 400 {
            #expect(answer.code == "out_of_range")
            #expect(answer.text.contains("at most 10000 elements"), "\(answer.text)")
        }
    }
}
