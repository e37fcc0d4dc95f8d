import Foundation
import Testing

@testable import Simulation

/// A cluster in a laboratory, round after round of faults under load, and what is checked after each.
final class HostileRun {
    /// Short enough for a test, long enough for busy cores and slow roads.
    static let settings = [
        "kraft.raft.election-timeout-ms": "800", "kraft.raft.election-timeout-jitter-ms": "600",
        "kraft.raft.heartbeat-interval-ms": "150",
        "metadata.heartbeat.timeout-ms": "\(BrokerLoad.timeout.milliseconds)",
        "metadata.heartbeat.check-interval-ms": "200",
    ]

    let nodes: [LaboratoryNode]
    private let laboratory: Laboratory
    private let roads: Roads
    private let nemesis: Nemesis
    private let tally = Tally()
    private let log = CommittedLog()
    private let terms = Rising("term")
    private let versions = Rising("version")
    private var random: Randomness
    private let start = ContinuousClock.now
    private(set) var summary: HostileSummary

    init(nodes count: Int, seed: Int) throws {
        laboratory = try Laboratory()
        roads = try Roads(laboratory, nodes: Array(1...count))
        nodes = try LaboratoryNode.all(count, in: laboratory, settings: Self.settings)
        summary = HostileSummary(nodes: count, seed: seed)
        random = Randomness(seed: UInt64(seed))
        nemesis = Nemesis(nodes, roads, tally, random.fork())
        for node in nodes { try node.start() }
        try waitUntilWhole()
    }

    /// How long it has been going on.
    var age: Duration { .now - start }

    // MARK: Rounds

    /// Does `faults` at once to a cluster under load, ends them, waits until the cluster is whole, and checks everything.
    func round(_ faults: [Fault]) throws {
        summary.rounds += 1
        summary.last = faults
        let targets = nodes.map { ($0.id, $0.address) }
        let keys = KeyValueLoad(targets, folder: "/hostile/\(summary.rounds)/", tally: tally)
        let brokers = BrokerLoad(targets, round: summary.rounds, tally: tally, terms: terms, versions: versions)
        let workers = keys.start(random.fork()) + [brokers.start(random.fork())]
        do {
            defer { for worker in workers { worker.stop() } }
            try advance("before")
            _ = tally.takeLongestPause()
            try suffer(faults)
        }
        try nodes.expectAgreement()
        try keys.readEverything()
        try expectTruth(keys, brokers)
        try keys.removeEverything()
    }

    private func suffer(_ faults: [Fault]) throws {
        var deeds: [Nemesis.Deed] = []
        for fault in faults {
            let deed = try nemesis.begin(fault)
            try eventually("\(fault.rawValue) takes effect", that: deed.hasHappened)
            summary.happened(fault)
            deeds.append(deed)
        }
        if faults.count == 1, faults[0].leavesService {
            try advance("in spite of \(faults[0].rawValue)")
        }
        // Some faults end before the next election, some after it, and a few after requests were given up.
        try endure(.milliseconds(random.within(random.chance(50) ? 6000...7000 : 200...2500)))
        for deed in deeds { try deed.check() }
        let healing = ContinuousClock.now
        for deed in deeds { try deed.end() }
        try waitUntilWhole()
        try advance("after \(faults.map(\.rawValue))")
        summary.ended(faults, recovery: .now - healing, longestPause: tally.takeLongestPause())
    }

    /// Meanwhile what the nodes commit is written down, before they forget it.
    private func endure(_ time: Duration) throws {
        let end = ContinuousClock.now + time
        repeat {
            pause(milliseconds: 50)
            try follow(random.pick(nodes))
        } while ContinuousClock.now < end
    }

    private func follow(_ node: LaboratoryNode) throws {
        do {
            try log.follow(node)
        } catch is TransportError {}
    }

    /// Waits for writes to be acknowledged.
    private func advance(_ when: String) throws {
        let goal = tally.acknowledged + 40
        try eventually("acknowledged writes \(when)") { tally.acknowledged >= goal }
    }

    private func waitUntilWhole() throws {
        try eventually("one leader that all nodes know") { try nodes.agreedLeader() }
    }

    // MARK: Checks

    private func expectTruth(_ keys: KeyValueLoad, _ brokers: BrokerLoad) throws {
        // Brokers that have fallen silent still make entries.
        let statuses = try eventually("the log of all that is applied") { () -> [NodeStatus]? in
            for node in nodes { try log.follow(node) }
            let statuses = try nodes.map { try $0.status() }
            return statuses.allSatisfy { $0.applied == log.count } ? statuses : nil
        }
        for status in statuses {
            #expect(status.digest == log.digest, "node \(status.node) is not what the log comes to")
        }
        let check = keys.check(against: log)
        summary.add(check)
        if let violation = check.violation ?? brokers.brokenPromise(in: log) ?? tally.violations.first {
            throw Failure(violation)
        }
    }

    /// Ends all nodes and looks at what they left.
    func finish() throws {
        for node in nodes { try node.end() }
        for node in nodes {
            let result = try node.verify()
            #expect(result.status == 0, "verify of node \(node.id): \(result.output)")
            // Killed, stopped in good order, out of space; nothing else may end a node.
            let strange = try node.ends().filter { ![137, 0, 74].contains($0) }
            #expect(strange.isEmpty, "node \(node.id) ended with \(strange)")
        }
        summary.isFinished = true
    }

    /// What happened so far.
    var report: String {
        summary.text(age: age, operations: tally.counts, entries: log.count)
    }

    func showFailure() {
        NodeLogs.show(nodes.map { ($0.id, $0.logPath) })
        print(report)
        print(
            "the same faults again: DMQ_HOSTILE_SEED=\(summary.seed) DMQ_HOSTILE_NODES=\(summary.nodes)",
            terminator: " ")
        print("DMQ_HOSTILE_SECONDS=\(age.milliseconds / 1000) swift test --filter HostileTests")
    }
}
