import Metadata
import Raft
import Server
import Synchronization
import Testing

@testable import API

/// `GET /stop-check`.
@Suite struct StopCheckRouteTests {
    private static let stopCheck = "/api/v1/metadata/stop-check"
    private let client = Client()

    @Test func whatWouldHappen() async {
        await client.prepareToStop()
        let belowMin = #"[{"topic":"orders","partition":0},{"topic":"orders","partition":1}]"#
        let answer = await client.get(Self.stopCheck + "?brokers=101")
        #expect(answer.status == 200 && answer.header("ETag") == "\"4\"")
        #expect(
            answer.text
                == #"{"safe":false,"leaderless":[{"topic":"alone","partition":0}],"belowMinIsr":\#(belowMin),"#
                + #""counts":{"leaderless":1,"belowMinIsr":2,"moves":2},"before":{"leaderless":0,"belowMinIsr":0},"#
                + #""limit":128,"version":4}"#)
        #expect(await client.get(Self.stopCheck + "?rack=a").text == answer.text)
        let both = await client.get(Self.stopCheck + "?brokers=102,101,102&consistency=stale")
        #expect(both.text.contains(#""counts":{"leaderless":3,"belowMinIsr":2,"moves":3}"#))
        client.node.state.withLock { #expect($0.submitted.isEmpty && $0.metadata.counters.version == 4) }
    }

    @Test func nothingHappensToWhoHasNothing() async {
        await client.registerBrokers()
        let answer = await client.get(Self.stopCheck + "?brokers=101,102")
        #expect(
            answer.text
                == #"{"safe":true,"leaderless":[],"belowMinIsr":[],"counts":{"leaderless":0,"belowMinIsr":0,"moves":0},"#
                + #""before":{"leaderless":0,"belowMinIsr":0},"limit":128,"version":2}"#)
    }

    @Test(arguments: [
        ("", 400, "invalid_parameter"), ("?brokers=101&rack=a", 400, "invalid_parameter"),
        ("?brokers=", 400, "invalid_parameter"), ("?brokers=101,", 400, "invalid_parameter"),
        ("?brokers=0", 400, "invalid_parameter"), ("?brokers=x", 400, "invalid_parameter"),
        ("?rack=", 400, "invalid_parameter"), ("?brokers=101&consistency=x", 400, "invalid_parameter"),
        ("?brokers=101,103", 404, "unknown_broker"), ("?rack=c", 404, "unknown_broker"),
    ])
    func stopChecksThatAreRefused(query: String, status: Int, code: String) async {
        await client.prepareToStop()
        let answer = await client.get(Self.stopCheck + query)
        #expect(answer.status == status && answer.code == code, "\(answer.text)")
    }

    @Test func aThousandBrokersAtMost() async {
        let ids = { (count: Int) in (1...count).map(String.init).joined(separator: ",") }
        #expect(await client.get(Self.stopCheck + "?brokers=" + ids(1000)).code == "unknown_broker")
        #expect(await client.get(Self.stopCheck + "?brokers=" + ids(1001)).code == "invalid_parameter")
    }

    @Test func onlyTheLeaderSaysWhatIsSoNow() async {
        await client.prepareToStop()
        client.fail(.notLeader(leader: NodeID(3)))
        #expect(await client.get(Self.stopCheck + "?brokers=101").status == 503)
        #expect(await client.get(Self.stopCheck + "?brokers=101&consistency=stale").status == 200)
    }
}

extension Client {
    /// Topic `orders` on both brokers, with two in-sync replicas as the minimum, and `alone` on 101.
    func prepareToStop() async {
        node.submit(.raiseLevel(to: 4)) { _ in }
        for (id, rack) in [(101, "a"), (102, "b")] {
            _ = await post(
                "/api/v1/metadata/brokers", #"{"brokerId":\#(id),"host":"h","port":\#(id),"rack":"\#(rack)"}"#)
        }
        _ = await post(
            "/api/v1/metadata/topics",
            #"{"topicName":"orders","numPartitions":2,"replicationFactor":2,"config":{"minInsyncReplicas":2}}"#)
        _ = await post(
            "/api/v1/metadata/topics", #"{"topicName":"alone","numPartitions":1,"replicationFactor":1}"#)
        node.state.withLock { $0.submitted = [] }
    }
}
