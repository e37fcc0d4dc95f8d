import Foundation
import Glibc
import Testing

@testable import Simulation

extension EndToEnd {
    /// Nodes in networks of their own, under faults and load, and what clients saw of it.
    @Suite(.serialized) struct HostileTests {
        /// Every kind of fault once, in the order of `DMQ_HOSTILE_SEED`. For `DMQ_HOSTILE_SECONDS` it goes on after that,
        /// now also with two faults at once. `DMQ_HOSTILE_NODES` are 3 to 7.
        @Test func historiesUnderFaults() throws {
            if let obstacle = try Laboratory.obstacle() { return try Surroundings.skip(obstacle) }
            let seed = Surroundings.number("DMQ_HOSTILE_SEED", default: Int(getpid()))
            let time = Duration.seconds(Surroundings.number("DMQ_HOSTILE_SECONDS", default: 0))
            let nodes = Surroundings.number("DMQ_HOSTILE_NODES", default: 3)
            try #require((3...7).contains(nodes))
            let run = try HostileRun(nodes: nodes, seed: seed)
            let issues = Issues.count.now
            var random = Randomness(seed: UInt64(seed))
            do {
                for fault in random.shuffled(Fault.allCases) { try run.round([fault]) }
                while run.age < time, Issues.count.now == issues {
                    let pair = [random.pick(Fault.ofProcesses), random.pick(Fault.ofRoads)]
                    try run.round(random.chance(500) ? pair.reversed() : [random.pick(Fault.allCases)])
                }
                for fault in Fault.allCases {
                    #expect(run.summary.count(fault) > 0, "\(fault.rawValue) did not happen")
                }
                #expect(run.summary.undecided == 0)
                try run.finish()
            } catch {
                run.showFailure()
                throw error
            }
            if Issues.count.now != issues { return run.showFailure() }
            print(run.report)
        }

        /// Also of processes that stand still, nothing is left when the tests are killed.
        @Test func aLaboratoryEndsWithItsMaker() throws {
            if let obstacle = try Laboratory.obstacle() { return try Surroundings.skip(obstacle) }
            let laboratory = try Laboratory()
            let roads = try Roads(laboratory, nodes: [1])
            let node = try LaboratoryNode.all(1, in: laboratory, settings: [:])[0]
            try node.start()
            try eventually("the node leads") { try node.status().isLeader }
            try node.send(.stop)
            try eventually("it stands still") { try node.isStopped() }
            let inside = try Self.namespace(of: laboratory.processID)
            #expect(try Self.processes(inside).count >= 3)
            laboratory.abandon()
            try eventually("nobody is left") { try Self.processes(inside).isEmpty }
            withExtendedLifetime(roads) {}
        }

        /// Of processes, that `process` is in.
        private static func namespace(of process: pid_t) throws -> String {
            try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/ns/pid")
        }

        /// Those in `namespace`.
        private static func processes(_ namespace: String) throws -> [pid_t] {
            try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { pid_t($0) }.filter {
                (try? Self.namespace(of: $0)) == namespace
            }
        }
    }
}
