import Metadata
import Synchronization
import Testing

/// `POST /producer-ids` (control-plane.md 2.14).
@Suite struct ProducerIDRouteTests {
    private let client = Client()

    private func allocate(_ body: String) async -> Answer {
        await client.post("/api/v1/metadata/producer-ids", body)
    }

    @Test func blocksOneBehindTheOther() async {
        client.node.submit(.raiseLevel(to: 5)) { _ in }
        await client.registerBrokers()
        #expect(await allocate(#"{"brokerId":101}"#).text == #"{"firstProducerId":0,"count":1000}"#)
        #expect(await allocate(#"{"brokerId":102,"count":7,"more":1}"#).text == #"{"firstProducerId":1000,"count":7}"#)
        #expect(await allocate(#"{"brokerId":101,"count":null}"#).text == #"{"firstProducerId":1007,"count":1000}"#)
        for (body, status, code) in [
            (#"{"brokerId":103}"#, 404, "unknown_broker"),
            (#"{"brokerId":101,"brokerEpoch":5}"#, 409, "stale_broker_epoch"),
            (#"{"brokerId":101,"count":0}"#, 400, "out_of_range"),
            (#"{"brokerId":101,"count":100001}"#, 400, "out_of_range"), ("{}", 400, "missing_field"),
        ] {
            let answer = await allocate(body)
            #expect(answer.status == status && answer.code == code, "\(body)")
        }
    }

    @Test func noneAreLeft() async {
        client.node.state.withLock { state in
            var counters = Counters()
            (counters.level, counters.nextProducerID) = (5, AllocateProducerIDs.end)
            state.metadata = MetadataStateMachine(counters: counters)
        }
        await client.registerBrokers()
        let answer = await allocate(#"{"brokerId":101}"#)
        #expect(answer.status == 409 && answer.code == "producer_ids_exhausted")
    }
}
