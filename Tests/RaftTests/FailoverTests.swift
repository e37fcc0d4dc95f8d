import Testing

@testable import Raft

/// How long it takes, in virtual time, with the default settings and the delays of a good machine.
@Suite struct FailoverTests {
    /// A cluster whose leader is ready, and how long that took.
    static func start(voters: Int, seed: Int) -> (cluster: Cluster, milliseconds: Double) {
        let cluster = Cluster(voters: voters, seed: UInt64(seed))
        cluster.startAll()
        return (cluster, ready(cluster))
    }

    /// Milliseconds until a leader is ready; infinite when none is within ten seconds.
    static func ready(_ cluster: Cluster) -> Double {
        let start = cluster.now
        let isReady = cluster.run(for: .seconds(10)) {
            cluster.leader.flatMap { cluster.process($0)?.raft.isLeaderReady } ?? false
        }
        return isReady ? Double(cluster.now.nanoseconds - start.nanoseconds) / 1_000_000 : .infinity
    }

    @Test("cold start: a leader in under a second", arguments: [1, 2, 3, 4, 5, 7]) func coldStart(voters: Int) {
        for seed in 1...30 {
            let (cluster, milliseconds) = Self.start(voters: voters, seed: seed)
            #expect(milliseconds < 1000, "seed \(seed)")
            #expect(cluster.checks.failure == nil && cluster.checks.violations.isEmpty)
        }
    }

    @Test(
        "the leader's process dies: the next leader within 150 ms in the median, always within a second",
        arguments: [3, 5, 7])
    func connectionLoss(voters: Int) {
        var times: [Double] = []
        for seed in 1...60 {
            let (cluster, _) = Self.start(voters: voters, seed: seed)
            cluster.run(for: .seconds(3))
            guard let leader = cluster.leader else { continue }
            cluster.crash(leader, isNoticed: true)
            times.append(Self.ready(cluster))
            #expect(cluster.checks.failure == nil, "seed \(seed)")
        }
        times.sort()
        #expect(times.count == 60 && times[30] < 150 && times[59] < 1000, "median \(times[30]), worst \(times[59])")
    }

    @Test("the leader's machine dies and nobody is told: within the election timeout and its jitter")
    func silentDeath() {
        for seed in 1...25 {
            let (cluster, _) = Self.start(voters: 3, seed: seed)
            cluster.run(for: .seconds(3))
            guard let leader = cluster.leader else { continue }
            cluster.crash(leader, isNoticed: false)
            let milliseconds = Self.ready(cluster)
            #expect(milliseconds > 3000 && milliseconds < 8000, "seed \(seed)")
        }
    }

    @Test("a connection breaks, but the leader lives: it stays leader, in the same term", arguments: [2, 3, 5])
    func connectionBreaks(voters: Int) {
        for seed in 1...25 {
            let (cluster, _) = Self.start(voters: voters, seed: seed)
            cluster.run(for: .seconds(3))
            guard let leader = cluster.leader, let term = cluster.process(leader)?.raft.currentTerm else { continue }
            let follower = cluster.voters.first { $0 != leader }!
            cluster.step(follower, .disconnected(leader))
            cluster.run(for: .seconds(20))
            #expect(cluster.leader == leader && cluster.process(leader)?.raft.currentTerm == term, "seed \(seed)")
            #expect(cluster.process(follower)?.raft.leader == leader)
        }
    }

    @Test("a follower that hears all but the leader does not disturb, and comes back", arguments: [3, 5])
    func partialPartition(voters: Int) {
        for seed in 1...15 {
            let (cluster, _) = Self.start(voters: voters, seed: seed)
            cluster.run(for: .seconds(3))
            guard let leader = cluster.leader, let term = cluster.process(leader)?.raft.currentTerm else { continue }
            let follower = cluster.voters.first { $0 != leader }!
            cluster.network.block(leader, follower)
            if seed % 2 == 0 { cluster.network.block(follower, leader) }
            cluster.run(for: .seconds(30))
            #expect(cluster.leader == leader && cluster.process(leader)?.raft.currentTerm == term, "seed \(seed)")
            cluster.propose(3, at: leader)
            cluster.network.heal()
            cluster.run(for: .seconds(2))
            let last = cluster.process(leader)?.raft.log.last.index
            #expect(cluster.process(follower)?.raft.commitIndex == last, "seed \(seed)")
            #expect(cluster.leader == leader && cluster.process(leader)?.raft.currentTerm == term, "seed \(seed)")
        }
    }

    @Test("a node that was cut off from all comes back without an election") func isolation() {
        for seed in 1...15 {
            let (cluster, _) = Self.start(voters: 3, seed: seed)
            cluster.run(for: .seconds(3))
            guard let leader = cluster.leader, let term = cluster.process(leader)?.raft.currentTerm else { continue }
            let follower = cluster.voters.first { $0 != leader }!
            for other in cluster.voters where other != follower {
                cluster.network.block(other, follower)
                cluster.network.block(follower, other)
            }
            cluster.run(for: .seconds(60))
            cluster.network.heal()
            cluster.run(for: .seconds(3))
            #expect(cluster.process(follower)?.raft.leader == leader, "seed \(seed)")
            #expect(cluster.process(leader)?.raft.currentTerm == term, "seed \(seed)")
        }
    }

    @Test("two nodes: one alone does not lead; together they do within a second") func twoNodes() {
        for seed in 1...25 {
            let (cluster, _) = Self.start(voters: 2, seed: seed)
            cluster.run(for: .seconds(1))
            guard let leader = cluster.leader else { continue }
            cluster.crash(leader, isNoticed: true)
            cluster.run(for: .seconds(30))
            #expect(cluster.leader == nil)
            cluster.start(leader)
            let milliseconds = Self.ready(cluster)
            #expect(milliseconds < 1500, "seed \(seed): \(milliseconds)")
        }
    }

    @Test("a transfer takes a few round trips, and no proposal that was committed is lost") func transfer() {
        for seed in 1...25 {
            let (cluster, _) = Self.start(voters: 3, seed: seed)
            cluster.run(for: .seconds(2))
            guard let leader = cluster.leader else { continue }
            cluster.propose(10, at: leader)
            cluster.step(leader, .transferLeadership())
            let isDone = cluster.run(for: .milliseconds(20)) {
                cluster.leader.map { $0 != leader && cluster.process($0)!.raft.isLeaderReady } ?? false
            }
            #expect(isDone, "seed \(seed)")
            #expect(cluster.checks.failure == nil && cluster.checks.committed.count >= 11)
        }
    }
}
