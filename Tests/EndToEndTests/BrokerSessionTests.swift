import Foundation
import Testing

extension EndToEnd {
    /// The broker's and the operator's side of the contract, as raw requests and exact answers.
    @Suite(.serialized) struct BrokerSessionTests {
        /// Long enough for a few requests on busy cores, short enough to be waited for.
        static let settings = Cluster.quick.merging([
            "metadata.heartbeat.timeout-ms": "4000", "metadata.heartbeat.check-interval-ms": "200",
        ]) { $1 }
        /// Nobody goes OFFLINE unasked.
        static let patientWithBrokers = ["metadata.heartbeat.timeout-ms": "600000"]
        static let patient = Cluster.quick.merging(patientWithBrokers) { $1 }

        static func register(_ id: Int, port: Int, at leader: Node) throws -> Answer {
            try leader.post("/api/v1/metadata/brokers", #"{"brokerId":\#(id),"host":"localhost","port":\#(port)}"#)
        }

        static let orders = #"{"topicName":"orders","numPartitions":3,"replicationFactor":2}"#

        @Test func brokersAndTopicsAsInTheContract() throws {
            try Cluster.with(settings: Self.patient) { cluster in
                let leader = try cluster.leader()
                let first = try Self.expectRegistrations(at: leader)
                let created = try Self.expectTopicCreation(at: leader)
                try cluster.expectAgreement()
                for node in cluster.nodes {
                    #expect(try node.get("/api/v1/metadata/topics").text == #"["orders"]"#)
                    #expect(try node.get("/api/v1/metadata/topics/orders").text == created.text)
                    #expect(try node.get("/api/v1/metadata/brokers/101").text == first.text)
                    #expect(try node.get("/api/v1/metadata/brokers").json().array?.count == 2)
                    #expect(try node.get("/api/v1/metadata/brokers/103").status == 404)
                    #expect(try node.get("/api/v1/metadata/topics/none").status == 404)
                    try Self.expectClusterView(of: node, leader: leader, in: cluster)
                }

                try Self.expectProblem(
                    try leader.send("DELETE", "/api/v1/metadata/brokers/101"), 409, "broker_has_partitions")
                let deleted = try leader.send("DELETE", "/api/v1/metadata/topics/orders")
                #expect(deleted.status == 204)
                #expect(deleted.body.isEmpty)
                #expect(try leader.send("DELETE", "/api/v1/metadata/topics/orders").status == 404)
                #expect(try leader.send("DELETE", "/api/v1/metadata/brokers/101").status == 204)
                #expect(try leader.get("/api/v1/metadata/brokers?consistency=linearizable").json().array?.count == 1)
            }
        }

        /// Registers brokers 101 and 102 and returns the first answer.
        static func expectRegistrations(at leader: Node) throws -> Answer {
            let first = try Self.register(101, port: 8081, at: leader)
            #expect(first.status == 201)
            #expect(first.header("Content-Type")?.hasPrefix("application/json") == true)
            let registeredAt = try #require(try first.json()["registeredAt"]?.int)
            #expect(
                first.text
                    == #"{"brokerId":101,"id":101,"host":"localhost","port":8081,"address":"localhost:8081","#
                    + #""rack":null,"status":"ONLINE","registeredAt":\#(registeredAt)}"#)
            let again = try Self.register(101, port: 8081, at: leader)
            #expect(again.status == 200)
            #expect(again.text == first.text)
            let byID = try leader.post(
                "/api/v1/metadata/brokers", #"{"id":102,"host":"localhost","port":8082,"color":"blue"}"#)
            #expect(byID.status == 201)
            let elsewhere = try Self.register(101, port: 8099, at: leader)
            try Self.expectProblem(elsewhere, 409, "broker_id_in_use")
            return first
        }

        /// Creates the contract's topic and returns the answer.
        static func expectTopicCreation(at leader: Node) throws -> Answer {
            let created = try leader.post("/api/v1/metadata/topics", Self.orders)
            #expect(created.status == 201)
            let createdAt = try #require(try created.json()["createdAt"]?.int)
            let compact = created.text.filter { !$0.isWhitespace }
            #expect(
                compact.hasPrefix(
                    #"{"topicName":"orders","numPartitions":3,"replicationFactor":2,"createdAt":\#(createdAt),"config":{"#
                ), "\(compact)")
            #expect(
                compact.hasSuffix(
                    #""partitions":[{"id":0,"leader":101,"replicas":[102],"isr":[101,102],"leaderEpoch":0},"#
                        + #"{"id":1,"leader":102,"replicas":[101],"isr":[102,101],"leaderEpoch":0},"#
                        + #"{"id":2,"leader":101,"replicas":[102],"isr":[101,102],"leaderEpoch":0}]}"#),
                "\(compact)")
            #expect(
                try created.json()["config"]
                    == [
                        "retentionMs": 604_800_000, "retentionBytes": -1, "segmentBytes": 1_073_741_824,
                        "compressionType": "none", "minInsyncReplicas": 1,
                    ])
            let same = try leader.post("/api/v1/metadata/topics", Self.orders)
            #expect(same.status == 200)
            #expect(same.text == created.text)
            let alias = try leader.post(
                "/api/v1/metadata/topics", #"{"topicName":"orders","partitionCount":3,"replicationFactor":2}"#)
            #expect(alias.status == 200)
            try Self.expectProblem(
                try leader.post(
                    "/api/v1/metadata/topics", #"{"topicName":"orders","numPartitions":4,"replicationFactor":2}"#),
                409, "topic_exists")
            try Self.expectProblem(
                try leader.post(
                    "/api/v1/metadata/topics", #"{"topicName":"big","numPartitions":1,"replicationFactor":3}"#),
                400, "not_enough_brokers")
            return created
        }

        static func expectProblem(
            _ answer: Answer, _ status: Int, _ code: String, sourceLocation: SourceLocation = #_sourceLocation
        ) throws {
            #expect(answer.status == status, "\(answer)", sourceLocation: sourceLocation)
            #expect(
                answer.header("Content-Type")?.hasPrefix("application/problem+json") == true, "\(answer)",
                sourceLocation: sourceLocation)
            let problem = try answer.json()
            #expect(problem["status"]?.int == status, "\(answer)", sourceLocation: sourceLocation)
            #expect(problem["code"]?.string == code, "\(answer)", sourceLocation: sourceLocation)
            #expect(problem["title"]?.string?.isEmpty == false, "\(answer)", sourceLocation: sourceLocation)
            #expect(problem["detail"]?.string?.isEmpty == false, "\(answer)", sourceLocation: sourceLocation)
        }

        static func expectClusterView(of node: Node, leader: Node, in cluster: Cluster) throws {
            let view = try node.get("/api/v1/metadata/cluster").json()
            // Two registrations and a topic.
            #expect(view["version"] == 3)
            #expect(view["controllerLeaderId"]?.int == leader.id)
            #expect(view["controllerInfo"]?["controllerId"]?.int == leader.id)
            #expect(view["totalPartitions"] == 3)
            #expect(
                view["activeMetadataNodes"]?.array
                    == cluster.nodes.map {
                        [
                            "id": .number(Int64($0.id)), "url": .string("http://localhost:\($0.port)"),
                            "isLeader": .bool($0.id == leader.id),
                        ]
                    })
            #expect(view["brokers"]?.array?.map { $0["brokerId"] } == [101, 102])
            #expect(view["topics"]?[0]?["topicName"] == "orders")
            #expect(view["timestamp"]?.int ?? 0 > 1_700_000_000_000)
        }

        /// "Not executed": by every node that is not the leader, on every route that needs the leader.
        @Test func followersSendClientsToTheLeader() throws {
            try Cluster.with { cluster in
                let leader = try cluster.leader()
                let routes: [(String, String, String?)] = [
                    ("POST", "/api/v1/metadata/brokers", #"{"brokerId":1,"host":"h","port":1}"#),
                    ("DELETE", "/api/v1/metadata/brokers/1", nil),
                    ("POST", "/api/v1/metadata/topics", Self.orders),
                    ("DELETE", "/api/v1/metadata/topics/orders", nil),
                    ("POST", "/api/v1/metadata/heartbeat/1", ""),
                    ("POST", "/api/v1/metadata/isr/lag", #"{"brokerId":1,"timestamp":1,"partitions":[]}"#),
                    ("PUT", "/api/v1/kv/config/a", "v"),
                    ("GET", "/api/v1/kv/config/a", nil),
                    ("GET", "/api/v1/kv/config/", nil),
                    ("DELETE", "/api/v1/kv/config/a", nil),
                    ("DELETE", "/api/v1/kv/config/?recursive=true", nil),
                    ("GET", "/api/v1/metadata/brokers?consistency=linearizable", nil),
                    ("GET", "/api/v1/metadata/brokers/1?consistency=linearizable", nil),
                    ("GET", "/api/v1/metadata/topics?consistency=linearizable", nil),
                    ("GET", "/api/v1/metadata/topics/orders?consistency=linearizable", nil),
                    ("GET", "/api/v1/metadata/cluster?consistency=linearizable", nil),
                ]
                for follower in try cluster.followers() {
                    for (method, path, body) in routes {
                        let type = body?.hasPrefix("{") == true ? [("Content-Type", "application/json")] : []
                        let answer = try follower.send(method, path, body, headers: type)
                        #expect(answer.status == 503, "\(method) \(path): \(answer)")
                        #expect(answer.header("X-Controller-Leader") == "\(leader.id)", "\(method) \(path)")
                        #expect(
                            answer.header("X-Controller-Url") == "http://localhost:\(leader.port)",
                            "\(method) \(path): \(answer)")
                        #expect(answer.body.isEmpty, "\(method) \(path): \(answer)")
                        #expect(answer.header("Content-Length") == "0", "\(method) \(path): \(answer)")
                    }
                }
                #expect(try leader.entries(below: "/").isEmpty, "not executed means not executed")
                #expect(try leader.get("/api/v1/metadata/brokers").text == "[]")
            }
        }

        @Test func heartbeatsKeepABrokerOnline() throws {
            try Cluster.with(settings: Self.settings) { cluster in
                let leader = try cluster.leader()
                try Self.expectProblem(
                    try leader.send("POST", "/api/v1/metadata/heartbeat/7", ""), 404, "unknown_broker")
                #expect(try Self.register(101, port: 8081, at: leader).status == 201)
                // What real brokers send.
                let form = [("Content-Type", "application/x-www-form-urlencoded")]
                let answer = try leader.send("POST", "/api/v1/metadata/heartbeat/101", "", headers: form)
                #expect(answer.status == 200)
                let json = try answer.json()
                #expect(json["ack"] == true && json["success"] == true)
                #expect(json["currentVersion"] == 1 && json["metadataVersion"] == 1)
                #expect(json["controllerTerm"]?.int == (try leader.status().term))
                #expect(
                    json.names
                        == ["ack", "success", "currentVersion", "metadataVersion", "controllerTerm", "timestamp"])
                #expect(
                    try leader.post(
                        "/api/v1/metadata/heartbeat/101", #"{"brokerId":101,"timestamp":1,"metadataVersion":0}"#
                    ).status == 200)
                #expect(try leader.post("/api/v1/metadata/heartbeat/101", #"{"brokerId":102}"#).status == 400)
                #expect(try leader.send("POST", "/api/v1/metadata/heartbeat/101").status == 200, "without any length")

                let last = try leader.status().last
                for _ in 0..<20 { _ = try leader.send("POST", "/api/v1/metadata/heartbeat/101", "") }
                #expect(try leader.status().last == last, "a heartbeat is no log entry")

                func status(_ node: Node) throws -> String? {
                    try node.get("/api/v1/metadata/brokers/101").json()["status"]?.string
                }
                try eventually("the broker is OFFLINE") { try status(leader) == "OFFLINE" }
                #expect(leader.log.contains("⚠️"))
                // Committed before the 200.
                #expect(try leader.send("POST", "/api/v1/metadata/heartbeat/101", "").status == 200)
                #expect(try status(leader) == "ONLINE")
                try cluster.expectAgreement()
            }
        }

        @Test func aBrokerThatFallsSilentLosesItsPartitions() throws {
            try Cluster.with(settings: Self.settings) { cluster in
                let leader = try cluster.leader()
                func beat(_ id: Int) throws { _ = try leader.send("POST", "/api/v1/metadata/heartbeat/\(id)", "") }
                #expect(try Self.register(101, port: 8081, at: leader).status == 201)
                #expect(try Self.register(102, port: 8082, at: leader).status == 201)
                #expect(try leader.post("/api/v1/metadata/topics", Self.orders).status == 201)
                func partitions() throws -> [JSON] {
                    try #require(try leader.get("/api/v1/metadata/topics/orders").json()["partitions"]?.array)
                }

                // 101 falls silent: 102 leads all.
                try eventually("102 leads") {
                    try beat(102)
                    return try partitions().allSatisfy { $0["leader"] == 102 }
                }
                #expect(try partitions().map { $0["isr"] } == [[102], [102], [102]])
                #expect(try partitions().map { $0["leaderEpoch"] } == [1, 0, 1])
                // Then 102, too: nobody does, but it stays the one that knows.
                try eventually("nobody leads") { try partitions().allSatisfy { $0["leader"] == .null } }
                #expect(try partitions().map { $0["isr"] } == [[102], [102], [102]])
                // 101 returns: it was out of sync and may not lead.
                try beat(101)
                #expect(try partitions().allSatisfy { $0["leader"] == .null })
                try beat(102)
                #expect(try partitions().allSatisfy { $0["leader"] == 102 })
                // Keeps both alive while the lag reports are looked at.
                try beat(101)
                try Self.expectLagReports(
                    leader,
                    beat: {
                        try beat(101)
                        try beat(102)
                    }, partitions)
                try cluster.expectAgreement()
            }
        }

        static func expectLagReports(_ leader: Node, beat: () throws -> Void, _ partitions: () throws -> [JSON]) throws
        {
            func report(_ partition: Int, lag: Int, since: Int, topic: String = "orders", outOfSync: Bool = false)
                throws -> Answer
            {
                try beat()
                return try leader.post(
                    "/api/v1/metadata/isr/lag",
                    #"{"brokerId":101,"timestamp":1,"partitions":[{"topic":"gone","partition":0,"offsetLag":0,"#
                        + #""timeSinceCaughtUp":0},{"topic":"\#(topic)","partition":\#(partition),"offsetLag":\#(lag),"#
                        + #""timeSinceCaughtUp":\#(since),"followerLEO":10,"leaderLEO":10,"isOutOfSync":\#(outOfSync),"#
                        + #""timeSinceLastFetch":0}]}"#)
            }
            func members() throws -> JSON? { try partitions()[0]["isr"] }

            let caughtUp = try report(0, lag: 99, since: 999)
            #expect(caughtUp.status == 200)
            #expect(caughtUp.body.isEmpty)
            #expect(try members() == [102, 101], "in again; the leader stands first")
            let before = try leader.status().last
            #expect(try report(0, lag: 4000, since: 10_000).status == 200)
            #expect(try members() == [102, 101], "at the limits, but not beyond")
            #expect(try leader.status().last == before, "no entry for a report that changes nothing")
            #expect(try report(0, lag: 4001, since: 0).status == 200)
            #expect(try members() == [102])
            #expect(try report(0, lag: 100, since: 0).status == 200)
            #expect(try members() == [102], "not caught up enough")
            #expect(try report(0, lag: 0, since: 0).status == 200)
            #expect(try members() == [102, 101])
            #expect(try report(0, lag: 0, since: 10_001).status == 200)
            #expect(try members() == [102])
            _ = try report(0, lag: 0, since: 0)
            #expect(try report(0, lag: 0, since: 0, outOfSync: true).status == 200)
            #expect(try members() == [102])
        }
    }
}
