import Metadata
import Synchronization
import Testing

/// `/consumer-groups` (control-plane.md 2.15).
@Suite struct ConsumerGroupRouteTests {
    private static let path = "/api/v1/metadata/consumer-groups"
    private let client = Client()

    private func fill() async {
        client.node.submit(.raiseLevel(to: 5)) { _ in }
        await client.registerBrokers()
    }

    private func find(_ topic: String, _ appID: String) async -> Answer {
        await client.post(Self.path + "/find-or-create", #"{"topic":"\#(topic)","appId":"\#(appID)","more":1}"#)
    }

    private func group(_ appID: String, leader: Int) -> String {
        #"{"groupId":"G_orders_\#(appID)","topic":"orders","appId":"\#(appID)","groupLeaderBrokerId":\#(leader),"#
            + #""groupLeaderUrl":"http://localhost:\#(leader + 7980)","createdAt":1731345678000,"#
            + #""lastModifiedAt":1731345678000}"#
    }

    @Test func exactlyWhatBrokersExpect() async {
        await fill()
        let first = await find("orders", "billing")
        #expect(first.status == 200 && first.text == group("billing", leader: 101))
        let second = await find("orders", "audit")
        #expect(second.text == group("audit", leader: 102))
        #expect(await find("orders", "billing").text == first.text)
        let one = await client.get(Self.path + "/G_orders_billing")
        #expect(one.status == 200 && one.text == first.text)
        let all = await client.get(Self.path)
        #expect(all.text == "[\(second.text),\(first.text)]" && all.header("ETag") == "\"4\"")
        #expect(await client.get(Self.path + "?consistency=linearizable").text == all.text)
    }

    @Test func whatIsBlankOrMissing() async {
        await fill()
        for (topic, appID) in [("", "a"), (" ", "a"), ("orders", ""), ("orders", "  "), ("a/b", "a")] {
            let answer = await find(topic, appID)
            #expect(answer.status == 400 && answer.code == "out_of_range", "\(topic) \(appID)")
        }
        let answer = await client.post(Self.path + "/find-or-create", #"{"topic":"orders"}"#)
        #expect(answer.status == 400 && answer.code == "missing_field")
    }

    @Test func nobodyCanLead() async {
        client.node.submit(.raiseLevel(to: 5)) { _ in }
        let answer = await find("orders", "a")
        #expect(answer.status == 503 && answer.code == "unavailable" && answer.header("Retry-After") == "1")
        #expect(answer.header("X-Controller-Leader") == nil)
    }

    @Test func twoPairsWithOneID() async {
        await fill()
        _ = await find("a", "b_c")
        let answer = await find("a_b", "c")
        #expect(answer.status == 409 && answer.code == "group_id_collision")
    }

    @Test func unknownOnes() async {
        await fill()
        for id in ["G_orders_none", "none", "%ff", "G_%C3%BC", String(repeating: "a", count: 600)] {
            let answer = await client.get(Self.path + "/" + id)
            let code = id == "%ff" ? "invalid_parameter" : "unknown_group"
            #expect(answer.code == code, "\(id)")
        }
    }

    @Test func deleting() async {
        await fill()
        _ = await find("orders", "a b")
        let wrong = await client.send("DELETE", Self.path + "/G_orders_a%20b?brokerId=102")
        #expect(wrong.status == 403 && wrong.code == "not_group_leader")
        for _ in 0..<2 {
            let answer = await client.send("DELETE", Self.path + "/G_orders_a%20b?brokerId=101")
            #expect(answer.status == 200 && answer.text.isEmpty)
        }
        #expect(await client.get(Self.path).text == "[]")
        let answer = await client.send("DELETE", Self.path + "/G_orders_a")
        #expect(answer.status == 400 && answer.code == "invalid_parameter")
    }

    @Test func anotherLeader() async {
        await fill()
        _ = await find("orders", "a")
        let path = Self.path + "/G_orders_a/reassign-leader"
        let answer = await client.post(path + "?newLeaderBrokerId=102", "")
        #expect(answer.status == 200 && answer.text == group("a", leader: 102))
        for path in [
            path, path + "?newLeaderBrokerId=0", path + "?newLeaderBrokerId=103",
            Self.path + "/G_orders_b/reassign-leader?newLeaderBrokerId=101",
        ] {
            let answer = await client.post(path, "")
            #expect(answer.status == 400 && answer.code == "invalid_parameter", "\(path)")
        }
        client.node.submit(.updateBrokerStatus(UpdateBrokerStatus(id: 101, status: .offline, timestamp: 0))) { _ in }
        let offline = await client.post(path + "?newLeaderBrokerId=101", "")
        #expect(offline.status == 503 && offline.code == "unavailable")
    }

    @Test func aLeaderThatIsGoneHasNoURL() async {
        await fill()
        _ = await find("orders", "a")
        for id in [BrokerID(102), 101] {
            client.node.submit(.updateBrokerStatus(UpdateBrokerStatus(id: id, status: .offline, timestamp: 0))) { _ in }
        }
        client.node.submit(.unregisterBroker(101)) { _ in }
        #expect(
            await client.get(Self.path + "/G_orders_a").text.contains(
                #""groupLeaderBrokerId":101,"groupLeaderUrl":null"#))
    }

    @Test func followersAreToldOnlyIfThereIsSomething() async {
        await fill()
        let changes = "/api/v1/metadata/changes?since=2"
        #expect(await client.get(changes).text.hasSuffix(#""partitions":[]}"#))
        _ = await find("orders", "a:b")
        let row =
            #"{"groupId":"G_orders_a:b","topic":"orders","appId":"a:b","groupLeaderBrokerId":101,"#
            + #""createdAt":1731345678000,"lastModifiedAt":1731345678000}"#
        #expect(await client.get(changes).text.hasSuffix(#""partitions":[],"removedGroups":[],"groups":[\#(row)]}"#))
        #expect(await client.get(changes + "&after=3:group:G_orders_a:b").text.hasSuffix(#""groups":[\#(row)]}"#))
        _ = await client.send("DELETE", Self.path + "/G_orders_a:b?brokerId=101")
        #expect(
            await client.get(changes).text.hasSuffix(
                #""partitions":[],"removedGroups":["G_orders_a:b"],"groups":[]}"#))
    }
}
