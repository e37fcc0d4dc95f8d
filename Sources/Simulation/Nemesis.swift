import Metadata
import Raft
import Server
import Storage

/// Does the faults, one after the other and also at the same time, until they end.
final class Nemesis {
    private let cluster: SimulatedCluster
    private var random: Randomness
    private var end = VirtualTime.zero
    private(set) var isHealed = false
    private(set) var hasFlippedBits = false
    private var snapshotReadFailures = 0

    init(cluster: SimulatedCluster, random: Randomness) {
        self.cluster = cluster
        self.random = random
    }

    func start(until end: VirtualTime) {
        self.end = end
        let faults = cluster.faults
        cluster.network.conditions = faults.networkConditions(places: cluster.places)
        if faults.includes(.messageDelay) { cluster.counts.count(.messageDelay) }
        if faults.includes(.clockDrift) { cluster.counts.count(.clockDrift) }
        // Some clusters are not even born in one piece.
        let cuts: [FaultKind] = [.oneWayCut, .isolation, .split, .bridge].filter(faults.includes)
        if random.chance(300), !cuts.isEmpty { cutNetwork(random.pick(cuts), random.pick(cluster.nodes)) }
        next()
    }

    private func flipBitInMemory(_ node: SimulatedNode) {
        (cluster.nodes.first { $0.isOdd } ?? node).flipBitInMemory(random.below(8))
    }

    private func next() {
        cluster.timeline.schedule(after: random.time(milliseconds: cluster.faults.pause)) { [self] in
            guard cluster.timeline.now < end else { return }
            if !cluster.faults.kinds.isEmpty, !cluster.mistakes.mustBeHeard, !cluster.rushHour.isOn {
                strike(random.pick(cluster.faults.kinds))
            }
            next()
        }
    }

    private func count(_ kind: FaultKind, _ node: SimulatedNode? = nil) {
        cluster.counts.count(kind)
        cluster.trace.record(.fault, node: node?.id, 0, kind.rawValue)
    }

    /// Carries `action` out later, unless the faults are over.
    private func later(_ milliseconds: ClosedRange<Int>, _ action: @escaping () -> Void) {
        cluster.timeline.schedule(after: random.time(milliseconds: milliseconds)) { [self] in
            if !isHealed { action() }
        }
    }

    private func strike(_ kind: FaultKind) {
        let node = random.pick(cluster.nodes)
        switch kind {
        case .messageLoss, .messageDelay, .duplication, .reordering, .clockDrift, .crashDuringWrite, .clientMessageLoss,
            .clientRetry, .oneBecomesSeveral, .listChange, .membersInLog, .memberChange, .rushHour:
            break
        case .wrongServicesFile, .emptiedDirectory, .oldBackup, .copiedDirectory, .sameIDTwice, .majorityEmptied:
            cluster.mistakes.make(kind, node)
        case .oneWayCut, .isolation, .leaderIsolation, .severedLeader, .split, .bridge: cutNetwork(kind, node)
        case .slowLink: slowDownLink(of: node)
        case .brokerCrowd:
            count(kind)
            cluster.brokers.killMost(backAfter: 500...6000)
        case .connectionBreak:
            let other = random.pick(cluster.nodes)
            guard other !== node else { return }
            count(kind, node)
            cluster.network.breakConnection(from: node, to: other, lane: random.below(Lane.allCases.count))
        case .pause, .crash, .leaderCrash, .crashOfAll, .gracefulStop: disturbProcess(kind, node)
        case .slowDisk, .stalledDisk, .failingWrite, .fullDisk: disturbDisk(kind, node)
        case .snapshotReadFailure: snapshotReadFailures = random.within(1...2)
        case .tornBatch: cluster.disks.tearNext(of: node)
        case .bitFlip: flipBit(node)
        case .memoryBitFlip:
            flipBitInMemory(random.chance(400) ? cluster.leader ?? node : node)
        case .clockJump:
            count(kind, node)
            node.wallClockSkew += Int64(random.within(-100_000...100_000))
        case .brokerDeath, .brokerMove, .brokerRestart, .brokerZombie, .brokerStop, .brokerDoubleRegistration,
            .brokerRefusesPushes, .brokerSlow:
            disturbBroker(kind)
        }
    }

    // The network

    private func cutNetwork(_ kind: FaultKind, _ node: SimulatedNode) {
        guard cluster.nodes.count > 1 else { return }
        let all = cluster.nodes.indices
        let victim = kind == .leaderIsolation || kind == .severedLeader ? cluster.leader ?? node : node
        count(kind, victim)
        func separate(_ from: Int, _ to: Int) { cluster.network.conditions.cut(from, to) }
        func isolate(_ position: Int) {
            for other in all where other != position {
                separate(position, other)
                separate(other, position)
            }
        }
        switch kind {
        case .oneWayCut:
            let other = random.pick(cluster.nodes.filter { $0 !== node })
            separate(node.position, other.position)
        case .split:
            let sides = all.map { _ in random.chance(500) }
            for from in all { for to in all where sides[from] != sides[to] { separate(from, to) } }
        case .bridge:
            // Two halves that only see each other through one node.
            for from in all {
                for to in all where from != victim.position && to != victim.position && from % 2 != to % 2 {
                    separate(from, to)
                }
            }
        case .severedLeader:
            // The others learn at once, and elect while it still believes that it leads.
            cluster.network.resetConnections(of: victim)
            later(1...5) { [self] in if !cluster.mistakes.mustBeHeard { isolate(victim.position) } }
        default: isolate(victim.position)
        }
        later(100...4000) { [self] in cluster.network.conditions.mendAllCuts() }
    }

    private func slowDownLink(of node: SimulatedNode) {
        let other = random.pick(cluster.nodes)
        guard other !== node else { return }
        count(.slowLink, node)
        let rate = random.pick([20_000, 60_000, 200_000])
        cluster.network.conditions.slowDown(node.position, other.position, bytesPerSecond: rate)
        cluster.network.conditions.slowDown(other.position, node.position, bytesPerSecond: rate)
        later(500...4000) { [self] in cluster.network.conditions.mendAllCuts() }
    }

    // Processes

    private func disturbProcess(_ kind: FaultKind, _ node: SimulatedNode) {
        switch kind {
        case .pause:
            guard node.isUp else { return }
            count(kind, node)
            node.pause(until: cluster.timeline.now + random.time(milliseconds: 10...2500))
        case .crashOfAll:
            count(kind)
            for node in cluster.nodes { crash(node) }
        case .gracefulStop:
            guard node.isUp, !node.isStopping else { return }
            count(kind, node)
            node.stop()
            restartLater(node)
        default:
            let victim = kind == .leaderCrash ? cluster.leader ?? node : node
            guard victim.isUp else { return }
            count(kind, victim)
            crash(victim)
        }
    }

    private func crash(_ node: SimulatedNode) {
        guard node.isUp else { return }
        node.crash()
        restartLater(node)
    }

    /// The power of one, or of all at once.
    func crash(inWriteOf node: SimulatedNode) {
        for victim in random.chance(250) ? cluster.nodes : [node] { crash(victim) }
    }

    /// As systemd does, or somebody who comes in the morning.
    func restartLater(_ node: SimulatedNode) {
        let wait = isHealed ? 10...100 : random.pick([10...100, 200...3000])
        cluster.timeline.schedule(after: random.time(milliseconds: wait)) { [self] in
            guard !node.isUp else {
                // It is still handing over.
                if node.isStopping { restartLater(node) }
                return
            }
            guard !node.isHeld else { return }
            cluster.counts.restarts += 1
            node.start()
        }
    }

    // Disks

    private func disturbDisk(_ kind: FaultKind, _ node: SimulatedNode) {
        let end = cluster.timeline.now + random.time(milliseconds: 200...3000)
        switch kind {
        case .slowDisk: cluster.disks.slowDown(node, milliseconds: 5...150, until: end)
        case .stalledDisk: cluster.disks.slowDown(node, milliseconds: 300...2500, until: end)
        case .fullDisk: cluster.disks.failNext(of: node, .full("simulated: no space left on device"))
        default: cluster.disks.failNext(of: node, .failed("simulated: input/output error"))
        }
        count(kind, node)
    }

    /// On the platter of a node that is down, or that goes down now; or of the leader, which only finds out when it sends
    /// a snapshot or starts again.
    private func flipBit(_ node: SimulatedNode) {
        guard cluster.operator.canRepair else { return }
        let isUnderway = random.chance(300)
        let victim = isUnderway ? cluster.leader ?? node : node
        guard !victim.isStopping else { return }
        if !isUnderway { crash(victim) }
        guard let place = victim.damage(&random) else { return }
        hasFlippedBits = true
        cluster.counts.count(.bitFlip)
        cluster.trace.record(.fault, node: victim.id, 0, "\(FaultKind.bitFlip.rawValue): \(place)")
    }

    func takeSnapshotReadFailure() -> Bool {
        guard snapshotReadFailures > 0 else { return false }
        snapshotReadFailures -= 1
        cluster.counts.count(.snapshotReadFailure)
        return true
    }

    // Brokers

    private func disturbBroker(_ kind: FaultKind) {
        guard !cluster.brokers.all.isEmpty else { return }
        let index = random.below(cluster.brokers.all.count)
        let end = cluster.timeline.now + random.time(milliseconds: 500...6000)
        count(kind)
        switch kind {
        case .brokerDoubleRegistration: cluster.brokers.registerImpostor(index)
        case .brokerRefusesPushes: cluster.brokers.change(index) { $0.refusesUntil = end }
        case .brokerSlow: cluster.brokers.change(index) { $0.slowUntil = end }
        case .brokerRestart: cluster.brokers.change(index) { $0.restart() }
        case .brokerZombie: cluster.brokers.replace(index)
        case .brokerStop: cluster.brokers.change(index) { $0.process?.wantsToStop = true }
        default:
            cluster.brokers.change(index) { $0.isAlive = false }
            let isNewProcess = random.chance(500)
            later(500...6000) { [self] in
                if kind == .brokerMove { return cluster.brokers.move(index) }
                cluster.brokers.change(index) {
                    $0.isAlive = true
                    if isNewProcess { $0.restart() }
                }
            }
        }
    }

    // The end

    /// Everybody can be heard for a while, but for what is always so in this story.
    func calmDown() {
        cluster.network.conditions.mendAllCuts()
        cluster.disks.heal()
        for node in cluster.nodes { node.resume() }
    }

    /// What lasts for the whole story is away, or there again.
    func setNetwork(isHealthy: Bool) {
        cluster.network.conditions =
            isHealthy || isHealed
            ? NetworkConditions(places: cluster.places) : cluster.faults.networkConditions(places: cluster.places)
    }

    /// One fault more when all is well, in the leader's memory: nothing but the cluster itself can settle it.
    func flipAtLast(_ key: Key) {
        guard cluster.faults.includes(.memoryBitFlip), let leader = cluster.leader else { return }
        leader.flipBitInMemory(random.below(8), of: key)
    }

    func healAll() {
        isHealed = true
        snapshotReadFailures = 0
        cluster.network.conditions = NetworkConditions(places: cluster.places)
        cluster.disks.heal()
        // Brokers that are dead now stay so for a while: the cluster must notice.
        for index in cluster.brokers.all.indices {
            cluster.brokers.change(index) {
                $0.refusesUntil = .zero
                $0.slowUntil = .zero
            }
        }
        for node in cluster.nodes {
            node.resume()
            if node.isUp, node.isDamaged { cluster.operator.inspect(node) }
            if !node.isUp, !node.isHeld, cluster.isListed(node) { restartLater(node) }
        }
        cluster.operator.settleDisputes()
    }
}
