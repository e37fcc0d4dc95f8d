import Metadata
import Raft
import Server
import Wire

/// Some who hold keys for as long as they live: they grant themselves leases, write with them, keep them alive, and now and then
/// fall silent, or give them back.
final class LeaseHolders: @unchecked Sendable {
    private final class Holder {
        let number: Int
        var lease: LeaseID?
        var granted = 0
        var guess = 0

        init(_ number: Int) { self.number = number }
    }

    private let cluster: SimulatedCluster
    private var random: Randomness
    private var network: ClientNetwork
    private let holders: [Holder]
    /// Those that clients gave back, or may have.
    private(set) var givenBack: Set<LeaseID> = []

    init(cluster: SimulatedCluster, random: Randomness) {
        self.cluster = cluster
        var random = random
        network = ClientNetwork(cluster: cluster, random: random.fork())
        self.random = random
        holders = (0..<3).map { Holder($0) }
    }

    /// In one story of four.
    func start(until end: VirtualTime) {
        guard cluster.seed % 4 == 1 else { return }
        for holder in holders { next(holder, until: end, after: random.time(milliseconds: 100...2000)) }
    }

    private func next(_ holder: Holder, until end: VirtualTime, after pause: VirtualTime) {
        cluster.timeline.schedule(after: pause) { [self] in
            guard cluster.timeline.now < end else { return }
            let pause = step(holder)
            next(holder, until: end, after: pause)
        }
    }

    /// Returns when it has something to do again.
    private func step(_ holder: Holder) -> VirtualTime {
        guard let lease = holder.lease else {
            grant(holder)
            return random.time(milliseconds: 300...700)
        }
        switch random.below(20) {
        case 0:
            holder.lease = nil
            return random.time(milliseconds: 2000...5000)
        case 1:
            givenBack.insert(lease)
            holder.lease = nil
            submit(.revokeLease(lease), holder) { _ in }
        case 2..<8: write(holder, lease)
        default: keepAlive(holder, lease)
        }
        return random.time(milliseconds: 100...500)
    }

    private func grant(_ holder: Holder) {
        holder.granted += 1
        let id = LeaseID(holder.number * 1000 + holder.granted)
        let lease = Lease(id: id, ttlSeconds: Int64(random.within(1...3)))
        submit(.grantLease(lease), holder) { result in if case .lease = result { holder.lease = id } }
    }

    private func write(_ holder: Holder, _ lease: LeaseID) {
        let key = Key(validated: Array("/held/\(holder.number)/\(random.below(3))".utf8))
        // Sometimes without: then it stays when the lease ends.
        let choice: Transaction.LeaseChoice = random.chance(800) ? .lease(lease) : .none
        let write = Transaction.Write(key: key, value: Array("held.".utf8), lease: choice)
        submit(.transaction(Transaction(success: [.put(write)])), holder) { result in
            if case .refused(.unknownLease) = result { holder.lease = nil }
        }
    }

    private func submit(_ command: Command, _ holder: Holder, _ done: @escaping (CommandResult) -> Void) {
        let node = cluster.nodes[holder.guess]
        cluster.submit(command, to: node, over: &network) { [self] outcome in
            cluster.trace.record(.complete, node: node.id, 97, "lease holder \(holder.number) \(outcome)")
            if let result = follow(outcome, holder) { done(result) }
        }
    }

    private func follow<Value>(_ outcome: CallOutcome<Value>, _ holder: Holder) -> Value? {
        switch outcome {
        case .answered(.success(let value)):
            cluster.counts.operationsAcknowledged += 1
            return value
        case .answered(.failure(.notLeader(let leader?))): holder.guess = cluster.node(leader).position
        default: holder.guess = random.below(cluster.nodes.count)
        }
        return nil
    }

    private func keepAlive(_ holder: Holder, _ lease: LeaseID) {
        let node = cluster.nodes[holder.guess]
        let asked = Asked(cluster.ledger)
        network.call(node, deadline: .milliseconds(1500)) {
            .keepAlive(lease, $0)
        } completion: { [self] (outcome: CallOutcome<Lease?>) in
            cluster.trace.record(.complete, node: node.id, 96, "lease holder \(holder.number) \(outcome)")
            guard let answer = follow(outcome, holder) else { return }
            if answer == nil { holder.lease = nil }
            guard let text = falsehood(answer, of: lease, asked) else { return }
            cluster.violated("Leases live as long as they are told", "lease \(lease): \(text)")
        }
    }

    /// Who says that it lives has had that committed since he was asked; who says that it is gone is right.
    private func falsehood(_ answer: Lease?, of lease: LeaseID, _ asked: Asked) -> String? {
        let ledger = cluster.ledger
        if answer == nil { return ledger.model.keys.leases[lease] == nil ? nil : "is said to be gone, and is not" }
        return ledger.keeps(lease, alive: asked.index) ? nil : "is said to be kept alive, and nothing says so"
    }
}

extension Ledger {
    /// Whether an entry that was committed behind `index` keeps the lease alive.
    fileprivate func keeps(_ lease: LeaseID, alive index: LogIndex) -> Bool {
        entries.dropFirst(Int(index.number)).contains { entry in
            guard entry.type == "KeepLeasesAliveCommand" else { return false }
            guard case .keepLeasesAlive(let ids)? = try? CommandCodec.decode(type: entry.type, data: entry.data) else {
                return false
            }
            return ids.contains(lease)
        }
    }
}
