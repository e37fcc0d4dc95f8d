import Metadata
import Server
import Synchronization
import Testing

@testable import API

/// `GET /changes` and `GET /snapshot` (control-plane.md 2.17).
@Suite struct ChangesRouteTests {
    private static let path = "/api/v1/metadata/changes"
    private let client = Client()
    private let id = TopicID(high: 1, low: 2)

    /// Brokers 101 and 102, then a topic with two partitions: version 3.
    private func fill() async {
        client.node.submit(.raiseLevel(to: 4)) { _ in }
        await client.registerBrokers()
        client.node.submit(
            .createTopic(CreateTopic(name: "orders", partitionCount: 2, replicationFactor: 1, id: id))
        ) { _ in }
    }

    @Test func allThatThereIs() async {
        await fill()
        let answer = await client.get(Self.path + "?since=0")
        #expect(answer.header("ETag") == "\"3\"")
        let broker =
            #"{"brokerId":101,"id":101,"host":"localhost","port":8081,"address":"localhost:8081","rack":null,"#
            + #""status":"ONLINE","registeredAt":1731345678000,"state":"ACTIVE"}"#
        #expect(
            answer.text.hasPrefix(
                #"{"since":0,"to":3,"version":3,"complete":true,"next":null,"#
                    + #""controller":{"controllerId":2,"controllerUrl":"http://localhost:9092","controllerTerm":3},"#
                    + #""removedBrokers":[],"removedTopics":[],"brokers":[\#(broker),"#), "\(answer.text)")
        #expect(answer.text.contains(#""topics":[{"topicName":"orders","numPartitions":2,"#))
        #expect(
            answer.text.hasSuffix(
                #""topicId":"\#(id)"}],"partitions":["#
                    + #"{"topic":"orders","topicId":"\#(id)","partition":0,"leader":101,"assignment":[101],"adding":[],"removing":[],"isr":[101],"leaderEpoch":0,"partitionEpoch":0},"#
                    + #"{"topic":"orders","topicId":"\#(id)","partition":1,"leader":102,"assignment":[102],"adding":[],"removing":[],"isr":[102],"leaderEpoch":0,"partitionEpoch":0}]}"#
            ), "\(answer.text)")
    }

    @Test func whatWentAndWhatChanged() async {
        await fill()
        _ = await client.send("DELETE", "/api/v1/metadata/topics/orders")
        _ = await client.send("DELETE", "/api/v1/metadata/brokers/102")
        let answer = await client.get(Self.path + "?since=3")
        #expect(answer.text.hasPrefix(#"{"since":3,"to":5,"version":5,"complete":true,"next":null,"#))
        #expect(
            answer.text.hasSuffix(
                #""removedBrokers":[102],"removedTopics":[{"name":"orders","topicId":"\#(id)"}],"#
                    + #""brokers":[],"topics":[],"partitions":[]}"#), "\(answer.text)")
    }

    @Test(arguments: [path + "?since=0", "/api/v1/metadata/snapshot?"])
    func pagesSayWhatTheFirstWasOf(path: String) async {
        await fill()
        let first = await client.get(path + "&limit=1")
        #expect(first.text.hasPrefix(#"{"since":0,"to":3,"version":3,"complete":false,"next":"3:broker:102","#))
        let second = await client.get(path + "&limit=2&after=3:broker:102")
        #expect(second.text.hasPrefix(#"{"since":0,"to":3,"version":3,"complete":false,"next":"3:topic:orders:0","#))
        _ = await client.send("DELETE", "/api/v1/metadata/topics/orders")
        let last = await client.get(path + "&after=3:topic:orders:0")
        #expect(last.text.hasPrefix(#"{"since":0,"to":3,"version":4,"complete":true,"next":null,"#))
    }

    @Test func aPlaceInATopicThatHasFewerPartitionsNow() async {
        await fill()
        let answer = await client.get(Self.path + "?since=0&after=3:topic:orders:17")
        #expect(answer.text.hasSuffix(#""topics":[],"partitions":[]}"#))
    }

    @Test func whatCanNotBeFollowed() async {
        await fill()
        let ahead = await client.get(Self.path + "?since=4")
        #expect(ahead.status == 409 && ahead.code == "version_ahead" && ahead.text.contains(#""version":3"#))
        client.node.state.withLock { $0.oldestVersion = 2 }
        let old = await client.get(Self.path + "?since=1")
        #expect(old.status == 410 && old.code == "version_too_old" && old.text.contains(#""oldestVersion":2"#))
        for query in [
            "since=-1", "since=x", "limit=0", "limit=10001", "wait=30001", "after=3", "after=3:broker:0",
            "after=3:topic:orders", "after=3:topic:orders:-2", "after=x:removed:1", "after=3:other:1",
            "watch=true&wait=1", "watch=true&after=3:broker:1",
        ] {
            let answer = await client.get(Self.path + "?" + query)
            #expect(answer.status == 400 && answer.code == "invalid_parameter", "\(query)")
        }
    }

    @Test func whatCanNotBeFollowedIsNoStream() async {
        await fill()
        let ahead = await client.get(Self.path + "?since=4&watch=true")
        #expect(ahead.status == 409 && ahead.code == "version_ahead")
        let last = [(name: "Last-Event-ID", value: "9")]
        #expect(await client.get(Self.path + "?watch=true", headers: last).status == 409)
        let odd = [(name: "Last-Event-ID", value: "x")]
        #expect(await client.get(Self.path + "?watch=true", headers: odd).code == "invalid_parameter")
        // Only for streams, and behind what is said.
        #expect(await client.get(Self.path + "?since=3", headers: last).status == 200)
    }

    @Test func aLongPollIsAnsweredWhenSomethingChanges() async {
        await fill()
        async let answer = client.get(Self.path + "?since=3&wait=30000")
        while client.node.state.withLock({ $0.metadataWakers.isEmpty }) { await Task.yield() }
        client.node.submit(.updateBrokerStatus(UpdateBrokerStatus(id: 102, status: .offline, timestamp: 0))) { _ in }
        let text = await answer.text
        #expect(text.hasPrefix(#"{"since":3,"to":4,"#) && text.contains(#""partition":1,"leader":null"#), "\(text)")
        #expect(client.node.state.withLock { $0.metadataWakers.isEmpty })
    }

    @Test func aLongPollEndsWithNothing() async {
        await fill()
        let answer = await client.get(Self.path + "?since=3&wait=1")
        #expect(
            answer.text.hasPrefix(#"{"since":3,"to":3,"version":3,"complete":true,"#)
                && answer.text.hasSuffix(#""partitions":[]}"#))
        #expect(client.node.state.withLock { $0.metadataWakers.isEmpty })
    }

    @Test func aLongPollEndsWithTheNode() async {
        await fill()
        async let answer = client.get(Self.path + "?since=3&wait=30000")
        while client.node.state.withLock({ $0.metadataWakers.isEmpty }) { await Task.yield() }
        client.node.state.withLock { $0.staleFailure = .unavailable("it ends") }
        for wake in client.node.state.withLock({ Array($0.metadataWakers.values) }) { wake() }
        #expect(await answer.code == "unavailable")
    }
}
