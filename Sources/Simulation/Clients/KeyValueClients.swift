import Metadata
import Raft
import Server
import Wire

/// Clients of the key-value store, each with one request at a time, and the history of what they did.
final class KeyValueClients: @unchecked Sendable {
    private struct Client {
        var guess = 0
        var writes = 0
    }

    private let cluster: SimulatedCluster
    private var random: Randomness
    private var network: ClientNetwork
    private var clients: [Client]
    private(set) var history = History()
    private var end = VirtualTime.zero
    private var operationsStarted = 0
    /// The revision last seen for a key, to compare with.
    private var lastSeen: [Key: UInt64] = [:]

    init(cluster: SimulatedCluster, random: Randomness) {
        self.cluster = cluster
        var random = random
        network = ClientNetwork(cluster: cluster, random: random.fork())
        self.random = random
        clients = Array(repeating: Client(), count: cluster.configuration.clients)
    }

    func start(until end: VirtualTime) {
        self.end = end
        for client in clients.indices { next(client, after: random.time(milliseconds: 0...500)) }
    }

    private func next(_ client: Int, after pause: VirtualTime) {
        schedule(after: pause) { [self] in step(client) }
    }

    /// Unless the clients have gone by then.
    private func schedule(after pause: VirtualTime, _ action: @escaping () -> Void) {
        cluster.timeline.schedule(after: pause) { [self] in
            if cluster.timeline.now < end { action() }
        }
    }

    /// A few keys at a time, each for a few dozen operations: long histories of one key can not be checked.
    private func pickKey() -> Key {
        operationsStarted += 1
        let number = operationsStarted / 30 + random.below(3)
        return Key(validated: Array("/keys/\(number / 10)/\(number)".utf8))
    }

    private func step(_ client: Int) {
        let key = pickKey()
        // Now and then one asks another node, which may believe that it leads.
        if random.chance(100) { clients[client].guess = random.below(cluster.nodes.count) }
        let precondition: Precondition =
            switch random.below(4) {
            case 0: .absent
            case 1: lastSeen[key].map { .modRevision($0) } ?? .none
            default: .none
            }
        switch random.below(41) {
        case 0: sweep(client)
        case 1..<20:
            clients[client].writes += 1
            let token = "c\(client)w\(clients[client].writes)"
            write(client, key, .put(token: token, precondition))
        case 20..<28: write(client, key, .delete(precondition == .absent ? .none : precondition))
        default: read(client, key) { _ in }
        }
    }

    private var deadline: VirtualTime { random.time(milliseconds: 200...2000) }

    // Writes

    private func command(_ key: Key, _ request: Operation.Request) -> Command {
        guard case .put(let token, let precondition) = request else {
            guard case .delete(let precondition) = request else { preconditionFailure("a read is no command") }
            return .delete(Delete(key: key, precondition: precondition))
        }
        let value = Array("\(token) ".utf8) + Array(repeating: UInt8(ascii: "."), count: random.below(120))
        return .put(Put(key: key, value: value, precondition: precondition))
    }

    private func write(_ client: Int, _ key: Key, _ request: Operation.Request) {
        let number = history.call(request, key)
        let node = cluster.nodes[clients[client].guess]
        cluster.trace.record(.invoke, node: node.id, UInt64(client), "client \(client) \(request) \(key)")
        cluster.submit(command(key, request), to: node, over: &network, deadline: deadline) { [self] outcome in
            cluster.trace.record(.complete, node: node.id, UInt64(client), "client \(client) \(outcome)")
            writeReturned(client, key, number, request, outcome)
        }
    }

    /// Deletes the keys that all are at work on.
    private func sweep(_ client: Int) {
        let directory = Key(validated: Array("/keys/\(operationsStarted / 300)".utf8))
        let number = history.callSweep(directory)
        let node = cluster.nodes[clients[client].guess]
        let delete = Command.delete(Delete(key: directory, isRecursive: true))
        cluster.trace.record(.invoke, node: node.id, UInt64(client), "client \(client) sweeps \(directory)")
        cluster.submit(delete, to: node, over: &network, deadline: deadline) { [self] outcome in
            cluster.trace.record(.complete, node: node.id, UInt64(client), "client \(client) \(outcome)")
            switch outcome {
            case .answered(.success(.deleted)): history.sweepReturned(number, .deleted(revision: 0))
            case .answered(.success): history.sweepReturned(number, .notFound)
            case .answered(.failure(.outcomeUnknown)), .lost: tryAnother(client, nil)
            case .answered(.failure(.notLeader(let leader))):
                history.sweepReturned(number, nil)
                tryAnother(client, leader)
            case .answered(.failure), .refused:
                history.sweepReturned(number, nil)
                tryAnother(client, nil)
            }
            next(client, after: random.time(milliseconds: 1...60))
        }
    }

    private func writeReturned(
        _ client: Int, _ key: Key, _ number: Int, _ request: Operation.Request, _ outcome: CallOutcome<CommandResult>
    ) {
        var pause = random.time(milliseconds: 1...60)
        switch outcome {
        case .answered(.success(let result)):
            cluster.counts.operationsAcknowledged += 1
            succeeded(key, number, request, result)
        case .answered(.failure(.outcomeUnknown)), .lost:
            cluster.counts.operationsUnknown += 1
            pause = random.time(milliseconds: 1...200)
            tryAnother(client, nil)
            if cluster.faults.includes(.clientRetry), random.chance(700) {
                return writeAgain(client, key, request, after: pause)
            }
        case .answered(.failure(let failure)):
            refused(key, number, request)
            var hint: NodeID?
            if case .notLeader(let leader) = failure { hint = leader }
            tryAnother(client, hint)
        case .refused:
            refused(key, number, request)
            tryAnother(client, nil)
        }
        next(client, after: pause)
    }

    /// The same once more, while nobody knows what became of the first: it may still be on its way, and both may happen.
    /// Each attempt has a token of its own, by which the checkers tell them apart.
    private func writeAgain(_ client: Int, _ key: Key, _ request: Operation.Request, after pause: VirtualTime) {
        schedule(after: pause) { [self] in
            cluster.counts.count(.clientRetry)
            var request = request
            if case .put(let token, let precondition) = request { request = .put(token: token + "r", precondition) }
            write(client, key, request)
        }
    }

    private func succeeded(_ key: Key, _ number: Int, _ request: Operation.Request, _ result: CommandResult) {
        switch result {
        case .put(let revision, let version):
            lastSeen[key] = revision
            history.returned(number, key, .put(modRevision: revision, version: version), revision: revision)
            if case .put(let token, _) = request {
                cluster.observe(.writeAnswered(token: token, .put(modRevision: revision)))
            }
        case .deleted(_, let revision):
            history.returned(number, key, .deleted(revision: revision), revision: revision)
        case .refused(.revisionMismatch(let present)):
            lastSeen[key] = present
            history.returned(number, key, .mismatch(present: present), revision: nil)
        case .refused(.unknownKey): history.returned(number, key, .notFound, revision: nil)
        default: cluster.violated("Clients are told the truth", "\(request) of \(key) is answered \(result)")
        }
    }

    private func refused(_ key: Key, _ number: Int, _ request: Operation.Request) {
        cluster.counts.operationsRefused += 1
        history.withdraw(number, key)
        if case .put(let token, _) = request { cluster.observe(.writeAnswered(token: token, .notExecuted)) }
    }

    private func tryAnother(_ client: Int, _ hint: NodeID?) {
        clients[client].guess = hint.map { cluster.node($0).position } ?? random.below(cluster.nodes.count)
    }

    // Reads

    private func read(_ client: Int, _ key: Key, _ done: @escaping (Bool) -> Void) {
        let number = history.call(.get, key)
        let node = cluster.nodes[clients[client].guess]
        let asked = Asked(cluster.ledger)
        cluster.trace.record(.invoke, node: node.id, UInt64(client), "client \(client) get \(key)")
        network.call(node, deadline: deadline) { answer in
            .read(.linearizable) { result in answer(result.map { Seen($0, key) }) }
        } completion: { [self] (outcome: CallOutcome<Seen>) in
            cluster.trace.record(.complete, node: node.id, UInt64(client), "client \(client) \(outcome)")
            guard case .answered(.success(let seen)) = outcome else {
                history.withdraw(number, key)
                var hint: NodeID?
                if case .answered(.failure(.notLeader(let leader))) = outcome { hint = leader }
                tryAnother(client, hint)
                next(client, after: random.time(milliseconds: 1...60))
                return done(false)
            }
            cluster.counts.operationsAcknowledged += 1
            compare(seen, key, asked)
            lastSeen[key] = seen.modRevision ?? lastSeen[key]
            history.returned(number, key, seen.response, revision: seen.revision)
            next(client, after: random.time(milliseconds: 1...60))
            done(true)
        }
    }

    /// What a read sees of one key.
    private struct Seen: Sendable, CustomStringConvertible {
        let token: String?
        let modRevision: UInt64?
        let version: UInt64
        let revision: UInt64

        init(_ view: NodeView, _ key: Key) {
            let pair = view.metadata.value(key)
            token = pair.flatMap { Put(key: key, value: $0.value).token }
            modRevision = pair?.modRevision
            version = pair?.version ?? 0
            revision = view.metadata.counters.revision
        }

        var description: String {
            "\(token ?? "nothing") modRevision \(modRevision ?? 0) version \(version) revision \(revision)"
        }

        var response: Operation.Response {
            guard let token, let modRevision else { return .notFound }
            return .found(token: token, modRevision: modRevision, version: version)
        }
    }

    private func compare(_ seen: Seen, _ key: Key, _ asked: Asked) {
        let right = cluster.ledger.model.keys.value(key, at: seen.revision)
        let token = right.flatMap { Put(key: key, value: $0.bytes).token }
        let isRight =
            seen.token == token && seen.modRevision == right?.modRevision && seen.version == right?.version ?? 0
            && (asked.revision...cluster.ledger.model.keys.revision).contains(seen.revision)
        if isRight { return }
        cluster.violated(
            "Reads see what is so",
            "\(key), asked at revision \(asked.revision): \(seen), right is "
                + "\(String(describing: right))")
    }

    // The end

    /// Reads all keys once more, so that a write that was lost in the end is missed.
    func readEverything(from leader: SimulatedNode, _ done: @escaping () -> Void) {
        clients.append(Client(guess: leader.position))
        readNext(0, client: clients.count - 1, done)
    }

    private func readNext(_ index: Int, client: Int, _ done: @escaping () -> Void) {
        guard index < history.keys.count else { return done() }
        read(client, history.keys[index]) { [self] isRead in
            cluster.timeline.schedule(after: .milliseconds(isRead ? 0 : 50)) { [self] in
                readNext(isRead ? index + 1 : index, client: client, done)
            }
        }
    }

    func checkHistory() {
        if let text = history.staleAnswer() { return cluster.violated("Linearizability", text) }
        for key in history.keys {
            switch Linearizability.check(history.effective(of: key), revisions: cluster.ledger.revisions) {
            case .linearizable: break
            case .undecided: cluster.counts.historiesUndecided += 1
            case .violated:
                let story = history.effective(of: key).map {
                    "\($0.called)-\($0.returned) \($0.request) \($0.response)"
                }
                return cluster.violated("Linearizability", "of \(key): " + story.joined(separator: "; "))
            }
        }
    }
}
