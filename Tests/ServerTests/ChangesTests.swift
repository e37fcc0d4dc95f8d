import Metadata
import Raft
import Testing

@testable import Server

/// What a node tells whoever follows the changes of brokers, topics and partitions.
@Suite struct ChangesTests {
    private func ask(_ test: NodeUnderTest, _ request: ChangesRequest) -> ChangesOutcome? {
        let answers = Answers<Result<ChangesOutcome, RequestFailure>>()
        test.process(.changes(request) { answers.add($0) })
        return try? answers.all.last?.get()
    }

    private func page(_ test: NodeUnderTest, _ request: ChangesRequest) -> SharedChangesPage? {
        if case .page(let page)? = ask(test, request) { page } else { nil }
    }

    private func ahead(_ outcome: ChangesOutcome?) -> UInt64? {
        if case .ahead(let present)? = outcome { present } else { nil }
    }

    @Test func aPageIsMadeOnceForAllWhoAreAsFar() throws {
        let test = NodeUnderTest(members: 1).elected()
        for broker in [101, 102] as [BrokerID] { test.register(broker) }
        let request = ChangesRequest(after: 0, limit: 10)
        let first = try #require(page(test, request))
        #expect(first.page.brokers.count == 2 && first.leader == NodeID(1))
        #expect(page(test, request) === first)
        var texts = 0
        for _ in 0..<2 {
            _ = first.text { _ in
                texts += 1
                return []
            }
        }
        #expect(texts == 1)
        #expect(page(test, ChangesRequest(after: 0, limit: 9)) !== first)
        test.register(103)
        #expect(page(test, request)?.page.brokers.count == 3)
    }

    @Test func aNodeThatIsBehindDoesNotGoOnWithPagesOfOthers() {
        let test = NodeUnderTest(members: 1).elected()
        for broker in [101, 102] as [BrokerID] { test.register(broker) }
        #expect(ahead(ask(test, ChangesRequest(after: 3, limit: 10))) == 2)
        let cursor = ChangesCursor(version: 3, place: .broker(102))
        #expect(ahead(ask(test, ChangesRequest(after: 1, from: cursor, limit: 10))) == 2)
    }

    @Test func aNodeThatKnowsNoLeaderForTooLongIsNotListenedTo() {
        let test = NodeUnderTest { $0.brokerTimeout = .milliseconds(3000) }
        test.append(from: 2, term: 1, behind: .zero)
        #expect(page(test, ChangesRequest(after: 0, limit: 10)) != nil)
        while test.node.raft.leader != nil {
            test.clock.advanceToAlarm()
            test.process(.timer)
        }
        #expect(page(test, ChangesRequest(after: 0, limit: 10)) != nil)
        let woken = Answers<Bool>()
        _ = test.node.watchMetadata { woken.add(true) }
        test.advance(milliseconds: 2900)
        #expect(woken.all.isEmpty)
        for _ in 0..<3 { test.advance(milliseconds: 101) }
        #expect(woken.all == [true], "who watches is to look elsewhere, and told once")
        guard case .notReady? = ask(test, ChangesRequest(after: 0, limit: 10)) else {
            Issue.record("what may be of long ago is told")
            return
        }
    }
}
