import Metadata
import Raft
import Server
import Synchronization
import Testing

@testable import API

/// `?validateOnly=true`
@Suite struct ValidateOnlyTests {
    struct Sample: Sendable {
        var route: String
        var method: String
        var target: String
        var body = ""
        /// The status of the change itself.
        var status: Int
    }

    /// One that succeeds for each route that can be validated.
    static let samples = [
        Sample(
            route: "/api/v1/metadata/topics", method: "POST", target: "/api/v1/metadata/topics",
            body: #"{"topicName":"new","numPartitions":3,"replicationFactor":2}"#, status: 201),
        Sample(
            route: "/api/v1/metadata/topics/{topicName}", method: "DELETE", target: "/api/v1/metadata/topics/orders",
            status: 204),
        Sample(
            route: "/api/v1/metadata/brokers/{brokerId}", method: "DELETE", target: "/api/v1/metadata/brokers/104",
            status: 204),
        Sample(
            route: "/api/v1/metadata/elections", method: "POST", target: "/api/v1/metadata/elections",
            body: #"{"type":"preferred"}"#, status: 200),
        Sample(
            route: "/api/v1/metadata/reassignments", method: "POST", target: "/api/v1/metadata/reassignments",
            body: #"{"partitions":[{"topic":"orders","partition":0,"replicas":[103]}]}"#, status: 200),
        Sample(
            route: "/api/v1/metadata/reassignments", method: "DELETE", target: "/api/v1/metadata/reassignments",
            status: 200),
        Sample(
            route: "/api/v1/metadata/reassignments/{partition...}", method: "DELETE",
            target: "/api/v1/metadata/reassignments/orders/1", status: 200),
        Sample(
            route: "/api/v1/metadata/topics/{topicName}/partitions", method: "POST",
            target: "/api/v1/metadata/topics/orders/partitions", body: #"{"numPartitions":3}"#, status: 200),
        Sample(
            route: "/api/v1/metadata/brokers/{brokerId}/cordon", method: "PUT",
            target: "/api/v1/metadata/brokers/101/cordon", status: 200),
        Sample(
            route: "/api/v1/metadata/brokers/{brokerId}/cordon", method: "DELETE",
            target: "/api/v1/metadata/brokers/102/cordon", status: 200),
        Sample(
            route: "/api/v1/metadata/brokers/{brokerId}/maintenance", method: "PUT",
            target: "/api/v1/metadata/brokers/101/maintenance", status: 200),
        Sample(
            route: "/api/v1/metadata/brokers/{brokerId}/maintenance", method: "DELETE",
            target: "/api/v1/metadata/brokers/102/maintenance", status: 200),
        Sample(
            route: "/api/v1/metadata/features", method: "POST", target: "/api/v1/metadata/features",
            body: #"{"feature":"kraft.version","level":1}"#, status: 200),
    ]

    private let client = Client()

    /// Topic `orders` on brokers 101 and 102, of which partition 0 is not led by the first of its replicas; 103 has nothing.
    private func prepare() async {
        client.node.submit(.raiseLevel(to: 5)) { _ in }
        await client.registerBrokers()
        let id = TopicID(high: 1, low: 2)
        client.node.submit(
            .createTopic(CreateTopic(name: "orders", partitionCount: 2, replicationFactor: 2, id: id))
        ) { _ in }
        for status in [BrokerStatus.offline, .online] {
            client.node.submit(.updateBrokerStatus(UpdateBrokerStatus(id: 101, status: status, timestamp: 0))) { _ in }
        }
        let change = UpdateInSyncReplicas.Change(topic: "orders", partition: 0, isInSync: true)
        client.node.submit(.updateInSyncReplicas(UpdateInSyncReplicas(broker: 101, changes: [change]))) { _ in }
        _ = await client.post("/api/v1/metadata/brokers", #"{"brokerId":103,"host":"h","port":1}"#)
        _ = await client.post("/api/v1/metadata/brokers", #"{"brokerId":104,"host":"h","port":2}"#)
        let move = AlterReassignments.Move(topic: .name("orders"), partition: 1, replicas: [103, 102])
        client.node.submit(.alterReassignments(AlterReassignments([move]))) { _ in }
        client.node.state.withLock { $0.submitted = [] }
    }

    private func send(_ sample: Sample, query: String = "") async -> Answer {
        let type = sample.body.isEmpty ? [] : [(name: "Content-Type", value: "application/json")]
        return await client.send(sample.method, sample.target + query, headers: type, body: Array(sample.body.utf8))
    }

    @Test func theSamplesAreOfAllRoutesThatCanBeValidated() {
        let routes = Routes.table.flatMap { route in
            route.operations.filter { $0.parameters.contains("validateOnly") }
                .map { "\($0.method.rawValue) \(route.template)" }
        }
        #expect(routes.sorted() == Self.samples.map { "\($0.method) \($0.route)" }.sorted())
        #expect(!routes.contains { $0.hasPrefix("GET") })
    }

    @Test(arguments: samples) func nothingIsDone(sample: Sample) async {
        await prepare()
        let digest = client.node.state.withLock { $0.metadata.digest }
        let answer = await send(sample, query: "?validateOnly=true")
        #expect(answer.status == 200 && answer.text.hasPrefix(#"{"validateOnly":true"#), "\(answer.text)")
        #expect(answer.header("Content-Type") == "application/json")
        client.node.state.withLock { state in
            #expect(state.submitted.isEmpty && state.metadata.digest == digest)
            #expect(state.changes.allSatisfy { $0.isDryRun })
        }
    }

    @Test(arguments: samples) func itComesToWhatWasSaid(sample: Sample) async {
        await prepare()
        let said = await send(sample, query: "?validateOnly=true")
        let done = await send(sample, query: "?validateOnly=false")
        #expect(done.status == sample.status)
        // The fake one raises no levels.
        guard sample.route != "/api/v1/metadata/features" else {
            return #expect(said.text.contains(#""features":[{"name":"kraft.version","level":1}]"#))
        }
        let mark = #"{"validateOnly":true"#
        #expect(said.text == (done.text.isEmpty ? mark + "}" : mark + "," + done.text.dropFirst()))
        #expect(said.header("ETag") == done.header("ETag"))
    }

    @Test(arguments: samples) func onlyTheLeaderKnows(sample: Sample) async {
        await prepare()
        client.fail(.notLeader(leader: NodeID(3)))
        let answer = await send(sample, query: "?validateOnly=true")
        #expect(answer.status == 503 && answer.text.isEmpty && answer.header("X-Controller-Leader") == "3")
    }

    @Test(arguments: [
        Sample(
            route: "", method: "POST", target: "/api/v1/metadata/topics",
            body: #"{"topicName":"orders","numPartitions":3,"replicationFactor":2}"#, status: 409),
        Sample(
            route: "", method: "POST", target: "/api/v1/metadata/topics",
            body: #"{"topicName":"new","numPartitions":3,"replicationFactor":5}"#, status: 400),
        Sample(route: "", method: "POST", target: "/api/v1/metadata/topics", body: "{}", status: 400),
        Sample(route: "", method: "DELETE", target: "/api/v1/metadata/topics/none", status: 404),
        Sample(route: "", method: "DELETE", target: "/api/v1/metadata/brokers/101", status: 409),
    ])
    func whatIsRefusedIsRefusedAlike(sample: Sample) async {
        await prepare()
        let said = await send(sample, query: "?validateOnly=true")
        #expect(said.status == sample.status)
        #expect(await send(sample).response == said.response)
    }

    @Test func levels() async {
        let answer = await client.post("/api/v1/metadata/elections?validateOnly=true", #"{"type":"preferred"}"#)
        #expect(answer.status == 409 && answer.code == "feature_not_enabled")
    }

    @Test func allOtherRoutesRefuseIt() async {
        for route in Routes.table {
            let path = route.template.replacing("{brokerId}", with: "1").replacing("{topicName}", with: "t")
                .replacing("{key...}", with: "a").replacing("{name}", with: "l").replacing("{id...}", with: "1")
                .replacing("{call...}", with: "/kv/put")
            for operation in route.operations where !operation.parameters.contains("validateOnly") {
                for query in ["validateOnly=true", "validateOnly", "validate%4fnly=true&recursive=true"] {
                    let answer = await client.send(operation.method.rawValue, "\(path)?\(query)")
                    #expect(answer.status == 400 && answer.code == "unknown_parameter", "\(path) \(answer.text)")
                }
            }
        }
        client.node.state.withLock { #expect($0.submitted.isEmpty && $0.changes.isEmpty) }
    }

    @Test func onlyTrueOrFalse() async {
        let answer = await client.send("DELETE", "/api/v1/metadata/topics/t?validateOnly=1")
        #expect(answer.status == 400 && answer.code == "invalid_parameter")
    }

    @Test func fewForksAreOnTheirWay() {
        let forks = ForkQueue(maximumCount: 3)
        for _ in 0..<3 { #expect(forks.begin()) }
        #expect(!forks.begin())
        forks.giveUp()
        #expect(forks.begin())
    }
}
