import Glibc
import Testing

@testable import Raft

/// Clusters under faults of every kind, each from one seed. `RAFT_SEEDS=10000 swift test --filter Randomized` runs more
/// of them, `RAFT_FIRST_SEED` says from where.
@Suite struct RandomizedTests {
    static func number(_ name: String, default value: Int) -> Int {
        getenv(name).flatMap { Int(String(cString: $0)) } ?? value
    }

    /// Seeds in a few batches, so that they run side by side.
    static let batches: [Range<Int>] = {
        let count = number("RAFT_SEEDS", default: 120)
        let first = number("RAFT_FIRST_SEED", default: 1)
        let size = max(1, count / 8)
        return stride(from: first, to: first + count, by: size).map { $0..<min($0 + size, first + count) }
    }()

    static func settings() -> Settings {
        var settings = Settings()
        settings.electionTimeout = .milliseconds(500)
        settings.electionJitter = .milliseconds(200)
        settings.heartbeatInterval = .milliseconds(100)
        settings.maximumAppendEntries = 8
        settings.maximumInflightMessages = 4
        return settings
    }

    @Test(arguments: batches) func safeUnderFaultsAndLiveAfterThem(seeds: Range<Int>) {
        for seed in seeds { Self.run(seed: seed) }
    }

    @Test(arguments: batches) func safeWhileMembersChange(seeds: Range<Int>) {
        for seed in seeds { Self.run(seed: seed, spares: 2) }
    }

    static func run(seed: Int, spares: Int = 0) {
        let voters = [1, 2, 3, 3, 3, 4, 5, 5, 7][seed % 9]
        let cluster = Cluster(voters: voters, spares: spares, seed: UInt64(seed), settings: settings())
        cluster.changesMembers = spares > 0
        cluster.startAll()
        cluster.startFaults()
        cluster.run(for: .seconds(6))
        cluster.endFaults()
        let isLed = cluster.run(for: .seconds(5)) {
            cluster.leader.flatMap { cluster.process($0)?.raft.isLeaderReady } ?? false
        }
        let committed = isLed && commitsOne(cluster)
        if let failure = cluster.checks.failure {
            Issue.record("seed \(seed), \(voters) voters, step \(cluster.steps): \(failure)")
        } else if !isLed || !committed {
            Issue.record("seed \(seed), \(voters) voters: \(isLed ? "nothing commits" : "no leader") after the faults")
        } else if !cluster.checks.violations.isEmpty {
            Issue.record("seed \(seed), \(voters) voters: honest nodes accuse: \(cluster.checks.violations[0])")
        }
    }

    /// Whether a proposal reaches every node in bounded time, and a read is confirmed.
    static func commitsOne(_ cluster: Cluster) -> Bool {
        cluster.run(for: .seconds(2))
        guard let leader = cluster.leader, let raft = cluster.process(leader)?.raft.configuration, !raft.isJoint else {
            return false
        }
        cluster.propose(1, at: leader)
        let reads = cluster.checks.confirmedReads
        cluster.read(at: leader)
        return cluster.run(for: .seconds(3)) {
            let last = cluster.process(leader)?.raft.log.last.index ?? .zero
            return cluster.checks.confirmedReads > reads
                && raft.ids.allSatisfy { cluster.process($0)?.raft.commitIndex == last }
        }
    }
}
