import Foundation
import Testing

extension EndToEnd {
    /// What any careless client can do to a node, and what the others notice of it. Default settings: nobody may be deposed,
    /// no pause may come near to the election timeout, and no process may take more than its state and its budget.
    @Suite(.serialized) struct ConnectionStormTests {
        static let duration = Duration.seconds(Surroundings.number("DMQ_STORM_SECONDS", default: 8))
        static let electionTimeout = Duration.seconds(5)
        private static let value = [UInt8](repeating: 0xA7, count: 1_500_000)

        private func storm(
            _ name: String, before prepare: (Node) throws -> Void = { _ in }, _ behaviours: Flood.Behaviour...
        ) throws {
            try Cluster.with(settings: [:]) { cluster in
                let leader = try cluster.leader()
                try prepare(leader)
                let term = try leader.status().term
                let witness = Witness(cluster)
                let floods = behaviours.map { Flood(of: leader, $0) }
                let report = try witness.report(name, after: Self.duration)
                for flood in floods { flood.stop() }
                #expect(report.longestPause < Self.electionTimeout)
                #expect(report.writes > 0)
                #expect(report.peakBytes < Storm.memory)
                #expect(try cluster.leader().status().term == term, "nobody stood for election")
                try cluster.expectAgreement()
            }
        }

        @Test func requestsThatAreAnsweredAtOnce() throws {
            let requests = Array(repeating: Node.request("GET", "/healthz"), count: 60).flatMap { $0 }
            try storm("256 pipelining clients", .init(connections: 256, octets: requests, repeats: true, reads: true))
        }

        @Test func longTexts() throws {
            let text = Array(#"{"a":""#.utf8) + Array(repeating: Array(#"\u0041"#.utf8), count: 340_000).flatMap { $0 }
            let request = Node.request(
                "POST", "/api/v1/metadata/brokers", text + Array(#""}"#.utf8),
                headers: [("Content-Type", "application/json")])
            try storm("3 senders of 2 MB of JSON", .init(connections: 3, octets: request, repeats: true, reads: true))
        }

        @Test func largeValues() throws {
            let request = Node.request("PUT", "/api/v1/kv/large", Self.value)
            try storm("24 writers of 1.5 MB", .init(connections: 24, octets: request, repeats: true, reads: true))
        }

        @Test func clientsThatDoNotRead() throws {
            let requests = Array(repeating: Node.request("GET", "/api/v1/kv/large"), count: 64).flatMap { $0 }
            try storm(
                "100 clients that ask for 64 values of 1.5 MB and do not read",
                before: { node in
                    let connection = try Connection(port: node.port)
                    try connection.send(Node.request("PUT", "/api/v1/kv/large", Self.value))
                    #expect(try connection.receive().status == 201)
                },
                .init(connections: 100, octets: requests, receiveBuffer: 4096))
        }

        @Test func bodiesThatNeverEnd() throws {
            let body = [UInt8](repeating: 0x61, count: 2 * 1024 * 1024)
            try storm(
                "1000 bodies one byte short of 2 MiB",
                .init(connections: 1000, octets: Array(Node.request("PUT", "/api/v1/kv/short", body).dropLast())))
        }
    }
}
