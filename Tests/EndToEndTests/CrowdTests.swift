import Foundation
import Glibc
import Testing

extension EndToEnd {
    /// Many clients that do nothing, or too little, and the others' service meanwhile.
    @Suite(.serialized) struct CrowdTests {
        /// The figures by hand: `DMQ_IDLE_CONNECTIONS=2000 DMQ_SLOW_SENDERS=200`.
        static let idle = Surroundings.number("DMQ_IDLE_CONNECTIONS", default: 500)
        static let slow = Surroundings.number("DMQ_SLOW_SENDERS", default: 50)

        @Test func idleConnectionsAndSlowSendersCostNobodyAnything() throws {
            let descriptors = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
            var limit = rlimit()
            getrlimit(descriptors, &limit)
            limit.rlim_cur = limit.rlim_max
            setrlimit(descriptors, &limit)
            try Cluster.with(settings: BrokerSessionTests.patientWithBrokers) { cluster in
                let leader = try cluster.leader()
                #expect(try BrokerSessionTests.register(101, port: 8081, at: leader).status == 201)
                let term = try leader.status().term
                let idle = try (0..<Self.idle).map { number in
                    let connection = try Connection(port: leader.port)
                    if number % 2 == 0 {
                        try connection.send(Node.request("GET", "/healthz"))
                        _ = try connection.receive()
                    }
                    return connection
                }
                let slow = try (0..<Self.slow).map { _ in try Connection(port: leader.port) }
                let request = Node.request("PUT", "/api/v1/kv/slow", Array(repeating: 0x61, count: 400))
                var slowest = Duration.zero
                for step in 0..<200 {
                    for connection in slow { try connection.send([request[step]]) }
                    let start = ContinuousClock.now
                    let put = try leader.put("/crowd/\(step)", "x")
                    let beat = try leader.send("POST", "/api/v1/metadata/heartbeat/101", "")
                    #expect(put.status == 201 && beat.status == 200)
                    slowest = max(slowest, ContinuousClock.now - start)
                }
                print(
                    "crowd: \(Self.idle) idle connections, \(Self.slow) slow senders;",
                    "the others' slowest write and heartbeat together: \(slowest.milliseconds) ms")
                #expect(try leader.status().term == term, "nobody stood for election")
                // They may go on where they left off.
                for (number, connection) in idle.enumerated() where number % 50 == 0 {
                    try connection.send(Node.request("GET", "/healthz"))
                    #expect(try connection.receive().status == 200)
                }
                for connection in slow { try connection.send(Array(request[200...])) }
                for connection in slow { #expect(try connection.receive().status / 100 == 2) }
                withExtendedLifetime(idle) {}
                try cluster.expectAgreement()
            }
        }
    }
}
