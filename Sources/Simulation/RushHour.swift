import Metadata
import Raft
import Server
import Wire

/// Liveness under load: in the middle of some stories the faults pause, and when the cluster is whole much is asked of it for a
/// while: large values, thousands of bytes on slow links, subtrees that go at once, brokers that die together, a follower that
/// was away. Writes must go on, under the same leader, and who was away must catch up.
final class RushHour {
    enum Load: CaseIterable { case largeValues, sweeps, brokerDeaths, slowLinks, awayFollower }

    private let cluster: SimulatedCluster
    private var random: Randomness
    private(set) var isOn = false
    static let largestValue = 4000
    private static let length = VirtualTime.milliseconds(3500)
    private var storyEnd = VirtualTime.zero
    private var loads: [Load] = []
    private var leader: SimulatedNode?
    private var term = Term.zero
    /// The end of the hour.
    private var end = VirtualTime.zero
    private var lastAcknowledged = VirtualTime.zero
    private var writes = 0
    /// The follower that was taken away, and what was committed when it came back.
    private var away: (node: SimulatedNode, since: VirtualTime?, goal: LogIndex)?

    init(cluster: SimulatedCluster, random: Randomness) {
        self.cluster = cluster
        self.random = random
    }

    func plan(until storyEnd: VirtualTime) {
        let start = random.time(milliseconds: 500...max(600, cluster.configuration.seconds * 400))
        self.storyEnd = storyEnd
        guard cluster.faults.includes(.rushHour) else { return }
        cluster.timeline.schedule(at: start) { [self] in
            guard !cluster.mistakes.mustBeHeard else { return }
            isOn = true
            cluster.trace.record(.phase, 2, "the faults pause")
            cluster.nemesis.calmDown()
            cluster.nemesis.setNetwork(isHealthy: true)
            // What was lost or stalled before has its time to be noticed.
            later(2600...2600) { [self] in awaitWholeness(until: start + .seconds(5)) }
        }
    }

    private func later(_ milliseconds: ClosedRange<Int>, _ action: @escaping () -> Void) {
        cluster.timeline.schedule(after: random.time(milliseconds: milliseconds)) { [self] in if isOn { action() } }
    }

    /// The hour begins when all is well; where that takes too long it does not.
    private func awaitWholeness(until limit: VirtualTime) {
        guard cluster.timeline.now < limit else { return finish() }
        // One that has no vote yet could not take the place of the follower that goes.
        guard !isDisturbed,
            cluster.listed.allSatisfy({ $0.process.map { $0.status.notReady == nil && $0.status.isVoter } ?? false }),
            let first = cluster.leader,
            cluster.listed.allSatisfy({ $0.process?.raft.leader == first.id })
        else { return later(100...100) { [self] in awaitWholeness(until: limit) } }
        begin(first)
    }

    private func begin(_ first: SimulatedNode) {
        guard let process = first.process, cluster.timeline.now + Self.length < storyEnd else { return finish() }
        (leader, term) = (first, process.raft.currentTerm)
        end = cluster.timeline.now + Self.length
        lastAcknowledged = cluster.timeline.now
        loads = Load.allCases.filter { _ in random.chance(500) }
        cluster.counts.count(.rushHour)
        cluster.trace.record(.fault, node: first.id, 3, "\(FaultKind.rushHour.rawValue): \(loads)")
        for load in loads { begin(load, first) }
        look()
    }

    private func begin(_ load: Load, _ first: SimulatedNode) {
        switch load {
        case .largeValues: for _ in 0..<2 { writeLargeValue() }
        case .sweeps: fillAndSweep(left: 200)
        case .brokerDeaths:
            cluster.brokers.killMost(backAfter: 2500...6000)
        case .slowLinks:
            for node in cluster.listed where node !== first {
                cluster.network.conditions.slowDown(first.position, node.position, bytesPerSecond: 60_000)
                cluster.network.conditions.slowDown(node.position, first.position, bytesPerSecond: 60_000)
            }
        case .awayFollower: takeFollowerAway(first)
        }
    }

    // Loads

    private func write(_ key: String, _ value: [UInt8], then acknowledged: @escaping () -> Void = {}) {
        submit(.put(Put(key: Key(validated: Array(key.utf8)), value: value)), then: acknowledged)
    }

    private func submit(_ command: Command, then acknowledged: @escaping () -> Void = {}) {
        let done = Confined(acknowledged)
        leader?.post(.submit(Proposal(command)) { if case .success = $0 { done.value() } })
    }

    /// The next one when this one is there.
    private func writeLargeValue() {
        write("/large/\(random.below(20))", Array(repeating: 8, count: random.within(500...Self.largestValue))) {
            [self] in
            later(1...10) { [self] in writeLargeValue() }
        }
    }

    private func fillAndSweep(left: Int) {
        guard left > 0 else {
            return submit(.delete(Delete(key: Key(validated: Array("/bulk".utf8)), isRecursive: true)))
        }
        for number in 0..<20 { write("/bulk/\(left)/\(number)", [9]) }
        later(20...40) { [self] in fillAndSweep(left: left - 20) }
    }

    private func takeFollowerAway(_ first: SimulatedNode) {
        let others = cluster.listed.filter { $0 !== first && $0.isUp }
        guard cluster.listed.count > 2, !others.isEmpty else { return }
        let node = random.pick(others)
        away = (node, nil, .zero)
        node.isHeld = true
        node.crash()
        later(500...1200) { [self] in
            node.isHeld = false
            node.start()
            away = (node, cluster.timeline.now, cluster.ledger.last)
        }
    }

    // Rules

    private var patience: VirtualTime {
        VirtualTime(nanoseconds: UInt64(cluster.settings.raft.electionTimeout.wholeNanoseconds) * 2)
    }

    /// Something else is going on that stops a node: then nothing can be asked of the others.
    private var isDisturbed: Bool {
        cluster.mistakes.current != nil
            || cluster.nodes.contains { node in
                let isOut = !node.isUp || node.isStopping || node.isHeld
                return isOut && node !== away?.node && cluster.isListed(node)
                    || node.isOdd || node.isDamaged || node.isPaused
            }
    }

    private func look() {
        guard !isDisturbed, cluster.timeline.now < end else { return finish() }
        if let text = finding() { return cluster.violated("Writes go on under load", "\(loads): \(text)") }
        writes += 1
        write("/rush/\(writes % 5)", [10]) { [self] in lastAcknowledged = cluster.timeline.now }
        later(50...50) { [self] in look() }
    }

    private func finding() -> String? {
        let now = cluster.timeline.now
        if lastAcknowledged + patience < now { return "no write is acknowledged since \(lastAcknowledged)" }
        if let process = leader?.process, process.raft.role != .leader || process.raft.currentTerm != term {
            return
                "node \(leader?.id.number ?? 0) leads no more, it is \(process.raft.role) in term \(process.raft.currentTerm)"
        }
        guard let (node, back, goal) = away, let since = back, since + .milliseconds(2500) < now,
            let process = node.process,
            process.lastApplied < goal
        else { return nil }
        return "node \(node.id) is back since \(since) and applied \(process.lastApplied), committed was \(goal) then"
    }

    private func finish() {
        isOn = false
        if let away, away.node.isHeld, !away.node.isUp, away.since == nil, !away.node.isOdd {
            away.node.isHeld = false
            cluster.nemesis.restartLater(away.node)
        }
        away = nil
        cluster.trace.record(.phase, 3, "the faults go on")
        cluster.nemesis.setNetwork(isHealthy: false)
    }
}
