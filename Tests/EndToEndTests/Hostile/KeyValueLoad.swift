import Metadata
import Synchronization

@testable import Simulation

/// Clients of the key-value store, each with one request at a time, and the history of what they did.
final class KeyValueLoad: Sendable {
    private struct State {
        var history = History()
        var started = 0
        /// The revision last seen for a key, to compare with.
        var lastSeen: [Key: UInt64] = [:]
    }

    private struct Worker {
        let number: Int
        var writes = 0
        var client: Client
        var random: Randomness
    }

    private static let clients = 6
    /// Some outlast a node's own patience: they are told what it makes of a write whose fate it does not know.
    private static func patience(of client: Int) -> Duration { client < 2 ? .seconds(7) : .milliseconds(1500) }
    private let nodes: [(id: Int, address: Address)]
    /// All its keys are below this folder.
    private let folder: String
    private let tally: Tally
    private let state = Mutex(State())

    /// `folder` must be new: the history begins with its keys absent.
    init(_ nodes: [(id: Int, address: Address)], folder: String, tally: Tally) {
        self.nodes = nodes
        self.folder = folder
        self.tally = tally
    }

    func start(_ random: Randomness) -> [Workers] { [startClients(random), startReaders()] }

    private func startClients(_ random: Randomness) -> Workers {
        var random = random
        let seeds = (0..<Self.clients).map { _ in random.next() }
        return Workers(Self.clients) { [nodes] number in
            Worker(
                number: number, client: Client(nodes, target: number, patience: Self.patience(of: number)),
                random: Randomness(seed: seeds[number]))
        } _: { [self] worker in
            step(&worker)
            pause(milliseconds: Int32(worker.random.within(1...20)))
        }
    }

    /// One for each node, who asks it and no other, again and again: among its requests are some that a node finds when
    /// it wakes up, or that it takes for its own in the last moments of its leadership.
    private func startReaders() -> Workers {
        Workers(nodes.count) { [nodes] number in
            Client([nodes[number]], target: 0, patience: .milliseconds(250))
        } _: { [self] client in
            let number = state.withLock { $0.started / 30 }
            _ = get(key(number + 1), &client)
            pause(milliseconds: 10)
        }
    }

    private func key(_ number: Int) -> Key { Key(validated: Array("\(folder)\(number)".utf8)) }

    /// A few keys at a time, each for a few dozen operations: long histories of one key can not be checked.
    private func pickKey(_ random: inout Randomness) -> Key {
        let offset = random.below(4)
        return state.withLock { state in
            state.started += 1
            return key(state.started / 30 + offset)
        }
    }

    private func step(_ worker: inout Worker) {
        let key = pickKey(&worker.random)
        // Now and then one asks another node, which may believe that it leads.
        if worker.random.chance(100) { worker.client.turn(to: worker.random.below(nodes.count)) }
        let seen = state.withLock { $0.lastSeen[key] }
        let precondition: Precondition =
            switch worker.random.below(4) {
            case 0: .absent
            case 1: seen.map { .modRevision($0) } ?? .none
            default: .none
            }
        switch worker.random.below(10) {
        case 0..<5:
            worker.writes += 1
            put("\(folder.dropFirst())\(worker.number)-\(worker.writes)", key, precondition, &worker)
        case 5: delete(key, precondition == .absent ? .none : precondition, &worker)
        default: _ = get(key, &worker.client)
        }
    }

    // MARK: Writes

    private func put(_ token: String, _ key: Key, _ precondition: Precondition, _ worker: inout Worker) {
        let length = worker.random.chance(25) ? 30_000 : worker.random.below(200)
        let name = precondition == .none ? "put" : precondition == .absent ? "create" : "compare and set"
        write(name, key, .put(token: token, precondition), &worker.client) { client in
            client.ask(
                "PUT", "/api/v1/kv\(key)", token + " " + String(repeating: ".", count: length),
                headers: Self.fields(precondition))
        } read: { answer in
            guard answer.status == 200 || answer.status == 201 else { return nil }
            let json = try answer.json()
            guard let revision = json["revision"]?.int, let version = json["version"]?.int else { return nil }
            return (.put(modRevision: UInt64(revision), version: UInt64(version)), UInt64(revision))
        }
    }

    private func delete(_ key: Key, _ precondition: Precondition, _ worker: inout Worker) {
        let name = precondition == .none ? "delete" : "compare and delete"
        write(name, key, .delete(precondition), &worker.client) { client in
            client.ask("DELETE", "/api/v1/kv\(key)", headers: Self.fields(precondition))
        } read: { answer in
            if answer.status == 404 { return (.notFound, nil) }
            guard answer.status == 200, let revision = try answer.json()["revision"]?.int else { return nil }
            return (.deleted(revision: UInt64(revision)), UInt64(revision))
        }
    }

    private static func fields(_ precondition: Precondition) -> [(String, String)] {
        switch precondition {
        case .none: []
        case .absent: [("If-None-Match", "*")]
        case .modRevision(let revision): [("If-Match", "\"\(revision)\"")]
        }
    }

    private typealias Reading = (response: Operation.Response, revision: UInt64?)

    private func write(
        _ name: String, _ key: Key, _ request: Operation.Request, _ client: inout Client,
        ask: (inout Client) -> Client.Delivery, read: (Answer) throws -> Reading?
    ) {
        let called = ContinuousClock.now
        let number = state.withLock { $0.history.call(request, key) }
        switch ask(&client) {
        case .undelivered: notDone(name, key, number)
        case .unknown: tally.count(name, .unknown)
        case .answered(let answer) where answer.status == 503: notDone(name, key, number)
        case .answered(let answer) where answer.status == 504: tally.count(name, .unknown)
        case .answered(let answer):
            let mismatch = answer.status == 412 ? Self.mismatch(answer) : nil
            guard let reading = mismatch ?? (try? read(answer)) else {
                return tally.violated("\(name) of \(key) is answered \(answer)")
            }
            if mismatch == nil { tally.acknowledged(calledAt: called) }
            returned(name, key, number, reading)
        }
    }

    private static func mismatch(_ answer: Answer) -> Reading {
        (.mismatch(present: answer.header("ETag").flatMap { UInt64($0.dropFirst().dropLast()) }), nil)
    }

    private func notDone(_ name: String, _ key: Key, _ number: Int) {
        tally.count(name, .failed)
        state.withLock { $0.history.withdraw(number, key) }
    }

    private func returned(_ name: String, _ key: Key, _ number: Int, _ reading: Reading) {
        tally.count(name, .answered)
        state.withLock { state in
            switch reading.response {
            case .put(let revision, _), .found(_, let revision, _): state.lastSeen[key] = revision
            case .mismatch(let present): state.lastSeen[key] = present
            default: break
            }
            state.history.returned(number, key, reading.response, revision: reading.revision)
        }
    }

    // MARK: Reads

    /// Whether it was answered.
    private func get(_ key: Key, _ client: inout Client) -> Bool {
        let number = state.withLock { $0.history.call(.get, key) }
        guard
            case .answered(let answer) = client.ask(
                "GET", "/api/v1/kv\(key)", headers: [("Accept", "application/json")]),
            answer.status != 503, answer.status != 504
        else {
            notDone("get", key, number)
            return false
        }
        guard let reading = try? Self.found(answer) else {
            tally.violated("get of \(key) is answered \(answer)")
            return true
        }
        returned("get", key, number, reading)
        return true
    }

    private static func found(_ answer: Answer) throws -> Reading? {
        if answer.status == 404 { return (.notFound, nil) }
        let json = try answer.json()
        guard answer.status == 200, let value = json["value"]?.string, let token = value.split(separator: " ").first,
            let revision = json["modRevision"]?.int, let version = json["version"]?.int,
            let now = answer.header("X-Revision").flatMap({ UInt64($0) })
        else { return nil }
        return (.found(token: String(token), modRevision: UInt64(revision), version: UInt64(version)), now)
    }

    /// Reads all keys once more, so that a write that was lost in the end is missed.
    func readEverything() throws {
        var client = Client(nodes, target: 0, patience: .seconds(10))
        for key in state.withLock({ $0.history.keys }) {
            try eventually("an answer to the last read of \(key)") { get(key, &client) }
        }
    }

    /// For the next round. Its history is closed.
    func removeEverything() throws {
        var client = Client(nodes, target: 0, patience: .seconds(10))
        try eventually("the end of \(folder)") {
            guard case .answered(let answer) = client.ask("DELETE", "/api/v1/kv\(folder)?recursive=true") else {
                return false
            }
            return answer.status == 200 || answer.status == 404
        }
    }

    // MARK: Checks

    struct Check {
        var histories = 0
        var operations = 0
        var undecided = 0
        var violation: String?
    }

    /// Looks for an order that explains all answers. `log` is what the cluster committed meanwhile.
    func check(against log: CommittedLog) -> Check {
        let history = state.withLock { $0.history }
        var check = Check()
        if let text = history.staleAnswer() {
            check.violation = text
            return check
        }
        for key in history.keys {
            for operation in history.operations(of: key) where operation.returned == -1 {
                if case .put(let token, _) = operation.request, log.revisions[token] != nil {
                    check.violation = "write \(token) of \(key), told as not executed, is in the log"
                }
            }
            let operations = history.effective(of: key)
            check.histories += 1
            check.operations += operations.count
            switch Linearizability.check(operations, revisions: log.revisions) {
            case .linearizable: break
            case .undecided: check.undecided += 1
            case .violated:
                let story = operations.map { "\($0.called)-\($0.returned) \($0.request) \($0.response)" }
                check.violation = "not linearizable: \(key): " + story.joined(separator: "; ")
            }
            if check.violation != nil { break }
        }
        return check
    }
}
