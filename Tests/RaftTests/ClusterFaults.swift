@testable import Raft

/// Delays and losses between nodes.
struct Network {
    /// Milliseconds that a message takes.
    var delay: ClosedRange<Double> = 0.1...0.3
    var loss = 0.0
    var duplication = 0.0
    var abandonment = 0.0
    /// Messages of one connection keep their order; the two connections of a pair do not keep each other's.
    var isOrdered = true
    /// Milliseconds until a sender learns that a request was lost.
    var failureNotice: ClosedRange<Double> = 0.2...1
    private var blocked: [(from: NodeID, to: NodeID)] = []
    private var lastArrival: [Lane: Instant] = [:]

    private struct Lane: Hashable {
        var from: NodeID
        var to: NodeID
        var isBulk: Bool
    }

    func isBlocked(_ from: NodeID, _ to: NodeID) -> Bool { blocked.contains { $0.from == from && $0.to == to } }
    mutating func block(_ from: NodeID, _ to: NodeID) { blocked.append((from, to)) }
    mutating func heal() { blocked.removeAll() }

    func loses(_ from: NodeID, _ to: NodeID, _ random: inout SeededGenerator) -> Bool {
        isBlocked(from, to) || (loss > 0 && Double.random(in: 0..<1, using: &random) < loss)
    }

    mutating func arrival(
        _ from: NodeID, _ to: NodeID, _ isBulk: Bool, _ now: Instant, _ random: inout SeededGenerator
    ) -> Instant {
        let milliseconds = Double.random(in: delay, using: &random)
        let time = now.advanced(by: .nanoseconds(Int64(milliseconds * 1_000_000)))
        guard isOrdered else { return time }
        let lane = Lane(from: from, to: to, isBulk: isBulk)
        let ordered = max(time, lastArrival[lane] ?? time)
        lastArrival[lane] = ordered
        return ordered
    }
}

extension Cluster {
    /// Draws how bad the world is, and lets it be so from now on.
    func startFaults() {
        network.delay = pick([0.1...0.3, 0.1...5, 0.1...80])!
        network.loss = pick([0, 0.01, 0.05, 0.2])!
        network.duplication = pick([0, 0, 0.05])!
        network.abandonment = 0.3
        network.isOrdered = chance(0.6)
        network.failureNotice = pick([0.2...1, 1...500])!
        diskDelay = pick([0.1...1, 1...20, 1...400])!
        agenda.add(.fault, at: later(1...50))
        hasFaults = true
    }

    /// Everything works from now on, and all nodes are up.
    func endFaults() {
        hasFaults = false
        let healthy = Network()
        network.heal()
        network.loss = 0
        network.duplication = 0
        network.abandonment = 0
        network.delay = healthy.delay
        network.failureNotice = healthy.failureNotice
        diskDelay = 0.5...1.5
        startAll()
    }

    func injectFault() {
        guard hasFaults else { return }
        agenda.add(.fault, at: later(1...60))
        guard let id = pick(voters), let other = pick(voters) else { return }
        if changesMembers, chance(0.1) {
            if chance(0.85) { changeMembers() } else { loseDisk() }
        }
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<55: propose(Int.random(in: 1...5, using: &random), at: chance(0.8) ? leader ?? id : id)
        case 55..<65: read(at: chance(0.8) ? leader ?? id : id)
        case 65..<73: checkpoint(id)
        case 73..<79:
            crash(chance(0.4) ? leader ?? id : id, isNoticed: chance(0.7))
            agenda.add(.restart(id), at: later(1...3000))
        case 79..<85: for down in members where down.process == nil && chance(0.5) { start(down.id) }
        case 85..<89: partition()
        case 89..<93: network.heal()
        case 93..<95: if id != other { network.block(id, other) }
        case 95..<97: step(id, .disconnected(other))
        case 97..<98: step(id, .unreachable(other))
        default: step(leader ?? id, .transferLeadership())
        }
    }

    private func partition() {
        let side = voters.filter { _ in chance(0.5) }
        for inside in side {
            for outside in voters where !side.contains(outside) {
                network.block(inside, outside)
                network.block(outside, inside)
            }
        }
    }
}
