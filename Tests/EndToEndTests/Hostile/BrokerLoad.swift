import Metadata
import Synchronization

@testable import Simulation

/// Brokers that register, send heartbeats, fall silent and come back, and report their lag; one of them also makes topics
/// and removes them.
final class BrokerLoad: Sendable {
    static let brokers = 4
    /// A silent broker is OFFLINE after this time; a test has not half a minute.
    static let timeout = Duration.milliseconds(1500)

    private struct Worker {
        let id: Int
        var isRegistered = false
        var topics = 0
        var silentUntil: ContinuousClock.Instant?
        var client: Client
        var random: Randomness
    }

    private struct State {
        var registered: Set<Int> = []
        /// Topics by whether they were created or deleted for sure; those nobody knows about are not in here.
        var topics: [String: Bool] = [:]
    }

    private let nodes: [(id: Int, address: Address)]
    private let round: Int
    private let tally: Tally
    private let terms: Rising
    private let versions: Rising
    private let state = Mutex(State())

    init(
        _ nodes: [(id: Int, address: Address)], round: Int, tally: Tally, terms: Rising, versions: Rising
    ) {
        self.nodes = nodes
        self.round = round
        self.tally = tally
        self.terms = terms
        self.versions = versions
    }

    func start(_ random: Randomness) -> Workers {
        var random = random
        let seeds = (0..<Self.brokers).map { _ in random.next() }
        return Workers(Self.brokers) { [nodes] number in
            Worker(
                id: 101 + number, client: Client(nodes, target: number, patience: .milliseconds(1500)),
                random: Randomness(seed: seeds[number]))
        } _: { [self] worker in
            step(&worker)
            pause(milliseconds: Int32(worker.random.within(20...80)))
        }
    }

    private func step(_ worker: inout Worker) {
        if let until = worker.silentUntil, until > .now { return }
        worker.silentUntil = nil
        guard worker.isRegistered else { return register(&worker) }
        switch worker.random.below(100) {
        case 0: worker.silentUntil = .now + Self.timeout * 2
        case 1..<10: reportLag(&worker)
        case 10..<20 where worker.id != 101: readCluster(&worker.client)
        case 10..<20 where worker.id == 101: changeTopics(&worker)
        default: heartbeat(&worker)
        }
    }

    /// What came of a request. `nil` if that is not known; `false` if nothing was done.
    private func ask(
        _ name: String, _ path: String, _ json: String?, _ client: inout Client, method: String = "POST",
        accepting statuses: Set<Int>
    ) -> (answer: Answer?, isKnown: Bool) {
        let headers = json == nil ? [] : [("Content-Type", "application/json")]
        switch client.ask(method, "/api/v1/metadata/" + path, method == "GET" ? nil : json ?? "", headers: headers) {
        case .answered(let answer) where statuses.contains(answer.status):
            tally.count(name, .answered)
            return (answer, true)
        case .answered(let answer) where answer.status == 503:
            tally.count(name, .failed)
            return (nil, true)
        case .answered(let answer) where answer.status != 504:
            tally.violated("\(name) of \(path) is answered \(answer)")
            return (nil, true)
        case .undelivered:
            tally.count(name, .failed)
            return (nil, true)
        case .answered, .unknown:
            tally.count(name, .unknown)
            return (nil, false)
        }
    }

    private func register(_ worker: inout Worker) {
        let id = worker.id
        let json = #"{"brokerId":\#(id),"host":"127.0.0.1","port":\#(id)}"#
        worker.isRegistered =
            ask("register", "brokers", json, &worker.client, accepting: [200, 201]).answer != nil
        if worker.isRegistered { state.withLock { _ = $0.registered.insert(id) } }
    }

    private func heartbeat(_ worker: inout Worker) {
        let (term, version) = (terms.floor, versions.floor)
        guard
            let answer = ask("heartbeat", "heartbeat/\(worker.id)", nil, &worker.client, accepting: [200]).answer
        else { return }
        guard let json = try? answer.json(), let newTerm = json["controllerTerm"]?.int,
            let newVersion = json["currentVersion"]?.int
        else { return tally.violated("a heartbeat is answered \(answer)") }
        for text in [terms.saw(newTerm, floor: term), versions.saw(newVersion, floor: version)] {
            if let text { tally.violated("heartbeat of \(worker.id): \(text)") }
        }
    }

    private func readCluster(_ client: inout Client) {
        let version = versions.floor
        let path = "cluster?consistency=linearizable"
        guard let answer = ask("read cluster", path, nil, &client, method: "GET", accepting: [200]).answer else {
            return
        }
        guard let seen = try? answer.json()["version"]?.int else {
            return tally.violated("\(path) is answered \(answer)")
        }
        if let text = versions.saw(seen, floor: version) { tally.violated("\(path): \(text)") }
    }

    private func reportLag(_ worker: inout Worker) {
        guard let topic = state.withLock({ $0.topics.first { $0.value }?.key }) else { return heartbeat(&worker) }
        let lag = worker.random.chance(300) ? 5000 : 0
        let partitions = (0..<3).map {
            #"{"topic":"\#(topic)","partition":\#($0),"offsetLag":\#(lag),"timeSinceCaughtUp":0}"#
        }
        let json = #"{"brokerId":\#(worker.id),"partitions":[\#(partitions.joined(separator: ","))]}"#
        _ = ask("report lag", "isr/lag", json, &worker.client, accepting: [200])
    }

    /// One after another, each with a name of its own.
    private func changeTopics(_ worker: inout Worker) {
        let name = "round-\(round)-\(worker.topics / 2)"
        let isCreation = worker.topics % 2 == 0
        let json = #"{"topicName":"\#(name)","numPartitions":3,"replicationFactor":2}"#
        let (answer, isKnown) =
            isCreation
            ? ask("create topic", "topics", json, &worker.client, accepting: [200, 201, 400])
            : ask("delete topic", "topics/\(name)", nil, &worker.client, method: "DELETE", accepting: [204])
        // 400: too few brokers are ONLINE.
        if let answer, answer.status != 400 {
            state.withLock { $0.topics[name] = isCreation }
            worker.topics += 1
        } else if !isKnown {
            state.withLock { $0.topics[name] = nil }
            worker.topics += isCreation ? 2 : 1
        }
    }

    /// What was promised and is not in the log, if anything.
    func brokenPromise(in log: CommittedLog) -> String? {
        let (registered, topics) = state.withLock { ($0.registered, $0.topics) }
        if let id = registered.sorted().first(where: { log.broker($0)?.port != $0 }) {
            return "broker \(id), acknowledged, is \(log.broker(id).map { "\($0)" } ?? "lost")"
        }
        if let (name, isThere) = topics.first(where: { log.hasTopic($0.key) != $0.value }) {
            return "topic \(name), acknowledged as \(isThere ? "created" : "deleted"), is \(isThere ? "lost" : "there")"
        }
        return nil
    }
}
