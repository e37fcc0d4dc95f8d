import Foundation
import Testing

extension EndToEnd {
    /// What brokers are told without asking.
    @Suite(.serialized) struct PushTests {
        /// In an update, or in a snapshot of that moment: to a broker that did not take the first ones either may come.
        static func namesBoth(_ push: FakeBroker.Push) -> Bool { push.body["brokers"]?.array?.count == 2 }

        static func versions(_ broker: FakeBroker) -> [Int] { broker.pushes.compactMap { $0.body["version"]?.int } }

        @Test func brokersHearOfEveryChange() throws {
            try Cluster.with(settings: BrokerSessionTests.settings) { cluster in
                let leader = try cluster.leader()
                // As slow as a real one, and forgetful: its first pushes have to be sent again.
                let slow = try FakeBroker(delay: 5000)
                let broker = try FakeBroker(refusals: 2)
                defer {
                    slow.stop()
                    broker.stop()
                }
                func beat() throws {
                    for id in [101, 102] {
                        _ = try cluster.leader().send("POST", "/api/v1/metadata/heartbeat/\(id)", "")
                    }
                }
                #expect(try BrokerSessionTests.register(101, port: broker.port, at: leader).status == 201)
                try Self.expectSnapshot(to: broker, from: leader)

                #expect(try BrokerSessionTests.register(102, port: slow.port, at: leader).status == 201)
                try eventually("101 hears of 102") { broker.pushes.dropFirst(2).contains(where: Self.namesBoth) }
                // The slow one delays neither the client's answer nor the other broker.
                let before = ContinuousClock.now
                #expect(try leader.post("/api/v1/metadata/topics", BrokerSessionTests.orders).status == 201)
                #expect(ContinuousClock.now - before < .seconds(5))
                let created = try broker.waitFor("TOPIC_CREATED")
                #expect(
                    created["partitions"]?[1] == [
                        "topic": "orders", "partition": 1, "leaderId": 102, "followerIds": [101], "isrIds": [102, 101],
                        "leaderEpoch": 0,
                    ])
                #expect(created["partitions"]?.array?.count == 3)
                #expect(created["brokers"]?.array?.count == 2)

                #expect(
                    try leader.post(
                        "/api/v1/metadata/isr/lag",
                        #"{"brokerId":102,"partitions":[{"topic":"orders","partition":0,"offsetLag":9000,"timeSinceCaughtUp":0}]}"#
                    ).status == 200)
                let isr = try broker.waitFor("ISR_UPDATE")
                #expect(isr["partitions"]?.array?.map { $0["partition"] } == [0])
                #expect(isr["partitions"]?[0]?["isrIds"] == [101])

                try eventually("102 is OFFLINE") {
                    _ = try leader.send("POST", "/api/v1/metadata/heartbeat/101", "")
                    return try leader.get("/api/v1/metadata/brokers/102").json()["status"] == "OFFLINE"
                }
                let led = try broker.waitFor("LEADER_UPDATE")
                #expect(led["partitions"]?.array?.contains { $0["partition"] == 1 && $0["leaderId"] == 101 } == true)
                let offline = try broker.waitFor("BROKER_UPDATE") { $0["brokers"]?[1]?["alive"] == false }
                #expect(offline["brokers"]?[0]?["alive"] == true)

                let snapshots = slow.pushes("FULL_SNAPSHOT").count
                try beat()
                try eventually("a broker that comes back is told everything") {
                    try beat()
                    return slow.pushes("FULL_SNAPSHOT").count > snapshots
                }
                #expect(try leader.send("DELETE", "/api/v1/metadata/topics/orders").status == 204)
                let deleted = try broker.waitFor("TOPIC_DELETED")
                #expect(deleted["deletedTopics"] == ["orders"])

                leader.kill()
                let next = try cluster.leader()
                let changed = try broker.waitFor("CONTROLLER_CHANGED") { $0["controllerId"]?.int == next.id }
                #expect(changed["term"]?.int == (try next.status().term))
                let told = Self.versions(broker)
                #expect(told == told.sorted(), "in order of version: \(told)")
            }
        }

        static func expectSnapshot(to broker: FakeBroker, from leader: Node) throws {
            let snapshot = try broker.waitFor("FULL_SNAPSHOT")
            #expect(broker.pushes.allSatisfy { $0.path == "/api/v1/storage/metadata" })
            #expect(
                snapshot.names == [
                    "updateType", "version", "controllerId", "controllerUrl", "controllerTerm", "term",
                    "timestamp", "brokers", "partitions", "deletedTopics",
                ])
            #expect(snapshot["controllerId"]?.int == leader.id)
            #expect(snapshot["controllerUrl"]?.string == "http://localhost:\(leader.port)")
            #expect(
                snapshot["brokers"]
                    == [["id": 101, "host": "localhost", "port": .number(Int64(broker.port)), "alive": true]])
        }

        /// A broker that is not there costs nobody anything, and is told everything when it is.
        @Test func aBrokerThatIsNotThereYet() throws {
            try Cluster.with(settings: BrokerSessionTests.patient) { cluster in
                let leader = try cluster.leader()
                let port = try Ports.unused(1)[0]
                #expect(try BrokerSessionTests.register(101, port: port, at: leader).status == 201)
                #expect(try leader.send("POST", "/api/v1/metadata/heartbeat/101", "").status == 200)
                #expect(try leader.put("/a", "1").status == 201)
                let broker = try FakeBroker()
                defer { broker.stop() }
                // Moves are accepted once it is OFFLINE only: unregister and register.
                #expect(try leader.send("DELETE", "/api/v1/metadata/brokers/101").status == 204)
                #expect(try BrokerSessionTests.register(101, port: broker.port, at: leader).status == 201)
                _ = try broker.waitFor("FULL_SNAPSHOT")
            }
        }
    }
}
