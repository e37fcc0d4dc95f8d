import Testing

@testable import Simulation

/// Does faults to the cluster, one after another or two at once, and makes sure that each truly happens.
final class Nemesis {
    /// A fault that is going on.
    struct Deed {
        /// Whether it has taken effect.
        let hasHappened: () throws -> Bool
        let end: () throws -> Void
        /// What must hold once it has gone on for a while.
        var check: () throws -> Void = {}
    }

    private let nodes: [LaboratoryNode]
    private let roads: Roads
    private let tally: Tally
    private var random: Randomness

    init(_ nodes: [LaboratoryNode], _ roads: Roads, _ tally: Tally, _ random: Randomness) {
        self.nodes = nodes
        self.roads = roads
        self.tally = tally
        self.random = random
    }

    func begin(_ fault: Fault) throws -> Deed {
        switch fault {
        case .kill: try kill(try victim())
        case .pause: try pause(try victim())
        case .allDown: try killAll()
        case .rollingRestart: try restartOneByOne()
        case .fullDisk: try fillDisk(of: try victim())
        case .isolation, .split, .bridge, .deaf, .mute, .clientsCut, .answersLost:
            try trouble(.cut, try cuts(fault))
        case .torn: try trouble(.torn, Road.between(try leaderAlone(), ids))
        case .loss: try trouble(.lossy, allRoads)
        case .delay: try delay()
        }
    }

    // MARK: Whom it hits

    private var ids: [Int] { nodes.map(\.id) }

    private var allRoads: [Road] {
        ids.flatMap { from in ids.filter { $0 != from }.map { Road(from: from, to: $0) } }
    }

    /// The node that leads, or any while none does.
    private func leader() throws -> LaboratoryNode {
        for node in random.shuffled(nodes) where (try? node.status(patience: .seconds(1)).isLeader) == true {
            return node
        }
        return random.pick(nodes)
    }

    private func leaderAlone() throws -> [Int] { [try leader().id] }

    /// Most often the leader.
    private func victim() throws -> LaboratoryNode { random.chance(800) ? try leader() : random.pick(nodes) }

    private func others(than some: [Int]) -> [Int] { ids.filter { !some.contains($0) } }

    // MARK: Processes

    private func kill(_ node: LaboratoryNode) throws -> Deed {
        let before = try node.ends().count
        // Some are back before an election, some long after it.
        if random.chance(500) { try node.hold() }
        try node.send(.kill)
        return Deed(
            hasHappened: { try node.ends().dropFirst(before).contains(137) },
            end: { try node.release() })
    }

    private func pause(_ node: LaboratoryNode) throws -> Deed {
        try node.send(.stop)
        return Deed(hasHappened: { try node.isStopped() }, end: { try node.send(.proceed) })
    }

    private func killAll() throws -> Deed {
        let before = try nodes.map { try $0.ends().count }
        for node in nodes { try node.hold() }
        for node in random.shuffled(nodes) { try node.send(.kill) }
        return Deed(
            hasHappened: { [nodes] in
                try zip(nodes, before).allSatisfy { try $0.ends().dropFirst($1).contains(137) }
            },
            end: { [nodes] in for node in nodes { try node.release() } })
    }

    private func restartOneByOne() throws -> Deed {
        for node in random.shuffled(nodes) {
            let before = try node.ends().count
            try node.send(.terminate)
            try eventually("node \(node.id) stops and listens again") {
                try node.ends().count > before && node.isListening()
            }
            let ends = try node.ends().dropFirst(before)
            #expect(ends.first == 0, "node \(node.id), told to stop, ended with \(ends)")
        }
        return Deed(hasHappened: { true }, end: {})
    }

    private func fillDisk(of node: LaboratoryNode) throws -> Deed {
        let before = try node.ends().count
        try node.fillDisk()
        return Deed(
            hasHappened: { try node.ends().dropFirst(before).contains(74) },
            end: { try node.makeRoom() })
    }

    // MARK: Roads

    private func cuts(_ fault: Fault) throws -> [Road] {
        switch fault {
        case .isolation:
            let leader = try leaderAlone()
            return Road.between(leader, others(than: leader))
        case .split:
            let minority = Array(random.shuffled(ids).prefix((ids.count - 1) / 2))
            return Road.between(minority, others(than: minority))
        case .bridge:
            // One node sees everybody; the others, the leader among them, see only it and their own side.
            let leader = try leaderAlone()
            let rest = random.shuffled(others(than: leader))
            let mates = (ids.count - 1) / 2 - 1
            return Road.between(leader + rest.prefix(mates), Array(rest.dropFirst(mates + 1)))
        case .deaf:
            let node = [try victim().id]
            return Road.between(node, others(than: node)).filter { node.contains($0.to) }
        case .mute:
            let node = [try victim().id]
            return Road.between(node, others(than: node)).filter { node.contains($0.from) }
        case .clientsCut: return Road.between(try leaderAlone(), [Road.clients])
        default: return [Road(from: try leader().id, to: Road.clients)]
        }
    }

    private func trouble(_ trouble: Roads.Trouble, _ roads: [Road]) throws -> Deed {
        let roads = roads.filter { $0.from != $0.to }
        try self.roads.trouble(trouble, roads)
        return Deed(
            hasHappened: { [self] in try self.roads.count(trouble) > 0 },
            end: { [self] in try self.roads.repair(trouble, roads) })
    }

    private func delay() throws -> Deed {
        let least = random.within(20...60)
        roads.setDelay(least...(least * 2))
        var deed = try trouble(.slow, allRoads)
        tally.watchFastest()
        // No write can have been acknowledged sooner than a message and its answer between two nodes take. There may be
        // none if another fault goes on, too.
        deed.check = { [tally] in
            guard let fastest = tally.fastest else { return }
            #expect(fastest >= .milliseconds(2 * least), "delays of \(least) ms were not there")
        }
        return deed
    }
}

extension Randomness {
    mutating func shuffled<Element>(_ elements: [Element]) -> [Element] {
        var rest = elements
        return elements.indices.map { _ in rest.remove(at: below(rest.count)) }
    }
}
