import Metadata
import Raft
import Server

/// Some who compare and change several keys at once, also keys that are no paths, and who write under a lock that another may
/// have taken over. What comes of it is judged when it is committed, and again when they are answered.
final class Transactors: @unchecked Sendable {
    private let cluster: SimulatedCluster
    private var random: Randomness
    private var network: ClientNetwork
    private var guess = 0

    init(cluster: SimulatedCluster, random: Randomness) {
        self.cluster = cluster
        var random = random
        network = ClientNetwork(cluster: cluster, random: random.fork())
        self.random = random
    }

    /// In one story of four.
    func start(until end: VirtualTime) {
        guard cluster.seed % 4 == 0 || cluster.seed % 4 == 1 else { return }
        for _ in 0..<2 { next(until: end) }
    }

    private func next(until end: VirtualTime) {
        cluster.timeline.schedule(after: random.time(milliseconds: 20...250)) { [self] in
            guard cluster.timeline.now < end else { return }
            submit(.transaction(pickTransaction()))
            next(until: end)
        }
    }

    private func submit(_ command: Command) {
        let node = cluster.nodes[guess]
        cluster.submit(command, to: node, over: &network) { [self] outcome in
            cluster.trace.record(.complete, node: node.id, 98, "transaction \(outcome)")
            switch outcome {
            case .answered(.success): cluster.counts.operationsAcknowledged += 1
            case .answered(.failure(.notLeader(let leader?))): guess = cluster.node(leader).position
            default: guess = random.below(cluster.nodes.count)
            }
        }
    }

    // What they want

    private static let names: [[UInt8]] =
        (0..<5).map { Array("/txn/\($0)".utf8) } + [[0xff], [0xff, 0xff, 0x00], Array("plain".utf8), [0x00, 0x01]]

    /// A place in a queue; the first one holds the lock.
    private static let queue: [UInt8] = [0] + Array("lock/l".utf8) + [0]

    private func pickKey() -> Key { Key(validated: random.pick(Self.names)) }

    private func pickSpan() -> KeySpan {
        switch random.below(5) {
        case 0: .subtree(of: Key(validated: Array("/txn".utf8)))
        case 1: .prefix([0xff])
        case 2: .range(from: [0x01], before: Array("/txn/2".utf8))
        default: .key(pickKey())
        }
    }

    private func pickTransaction() -> Transaction {
        if random.chance(150) { return takePlace() }
        var transaction = pickBranches(depth: 1)
        if random.chance(200) {
            let keys = cluster.ledger.model.keys
            let first =
                keys.present.filter { KeySpan.prefix(Self.queue).contains($0.key) }
                .map(\.value.createRevision).min() ?? 0
            // Of who has it now, or had it, or waits.
            let token = random.chance(700) ? first : first + UInt64(random.below(20))
            transaction.fence = Fence(queue: .prefix(Self.queue), token: token)
        }
        return transaction
    }

    /// Joins the queue, or leaves it.
    private func takePlace() -> Transaction {
        let place = Key(validated: Self.queue + [UInt8(ascii: "1") + UInt8(random.below(3))])
        let write = Transaction.Write(key: place, value: Array("holder.".utf8))
        return Transaction(
            comparisons: [Comparison(.key(place), .equal, .createRevision(0))], success: [.put(write)],
            failure: [.delete(.key(place))])
    }

    private func pickBranches(depth: Int) -> Transaction {
        Transaction(
            comparisons: (0..<random.below(3)).map { _ in pickComparison() }, success: pickOperations(depth: depth),
            failure: pickOperations(depth: depth))
    }

    private func pickComparison() -> Comparison {
        let relation = random.pick(Comparison.Relation.allCases)
        let keys = pickSpan()
        let present = cluster.ledger.model.keys.present.first { keys.contains($0.key) }?.value
        let operand: Comparison.Operand =
            switch random.below(5) {
            case 0: .version(Int64(present?.version ?? 0))
            case 1: .createRevision(Int64(random.chance(500) ? present?.createRevision ?? 0 : 0))
            case 2: .modRevision(Int64(present?.modRevision ?? 0))
            case 3: .lease(present?.lease ?? 0)
            default: .value(present?.bytes ?? Array("t.".utf8))
            }
        return Comparison(keys, relation, operand)
    }

    /// None changes a key that another does.
    private func pickOperations(depth: Int) -> [Transaction.Operation] {
        var operations: [Transaction.Operation] = []
        for _ in 0..<random.below(4) {
            let operation = pickOperation(depth: depth)
            let isSound = (try? Transaction(success: operations + [operation]).check()) != nil
            if isSound { operations.append(operation) }
        }
        return operations
    }

    private func pickOperation(depth: Int) -> Transaction.Operation {
        let model = cluster.ledger.model.keys
        switch random.below(8) {
        case 0..<4:
            let lease = model.leases.keys.sorted().last
            let value = random.chance(900) ? Array("t\(random.below(50)).".utf8) : nil
            let choice: Transaction.LeaseChoice =
                switch random.below(6) {
                case 0: lease.map { .lease($0) } ?? .none
                case 1: .same
                default: .none
                }
            return .put(Transaction.Write(key: pickKey(), value: value, lease: choice))
        // What the others hold is theirs.
        case 4: return .delete(random.pick([.key(pickKey()), .prefix([0xff]), .prefix(Array("/txn/".utf8))]))
        case 5 where depth < 3: return .transaction(pickBranches(depth: depth + 1))
        case 6: return .read(pickSpan(), at: model.revision - UInt64(random.below(Int(min(model.revision, 30)) + 1)))
        default: return .read(pickSpan(), at: nil)
        }
    }
}
