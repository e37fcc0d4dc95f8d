import Synchronization

/// Clients that write without pause, each its next key as soon as the last was acknowledged, to whichever node takes it.
final class ContinuousWriter: Sendable {
    struct Acknowledgement {
        var key: String
        var value: String
        var node: Int
        var time: ContinuousClock.Instant
    }

    private struct Writer {
        let number: Int
        var client: Client
        /// The write it is at, and whether that is acknowledged.
        var count = 0
        var isDone = true
    }

    private struct State {
        var acknowledged: [Acknowledgement] = []
        /// The last value of each worker's own register that was acknowledged, and the last that was tried.
        var register: [Int: (acknowledged: Int, tried: Int)] = [:]
    }

    private let nodes: [(id: Int, address: Address)]
    private let folder: String
    private let state = Mutex(State())
    private let workers = Mutex<Workers?>(nil)

    /// Starts at once. All keys are below `folder`. A request may take `patience` before the next node is tried.
    init(_ nodes: [Node], workers count: Int = 2, folder: String = "/load/", patience: Duration = .seconds(2)) {
        let nodes = nodes.map { ($0.id, $0.address) }
        self.nodes = nodes
        self.folder = folder
        let workers = Workers(count) {
            Writer(number: $0, client: Client(nodes, target: $0, patience: patience))
        } _: { [self] writer in
            write(&writer)
        }
        self.workers.withLock { $0 = workers }
    }

    var count: Int { state.withLock { $0.acknowledged.count } }

    /// Waits until `more` further writes were acknowledged.
    func advance(by more: Int = 50) throws {
        let goal = count + more
        try eventually("\(more) more acknowledged writes") { count >= goal }
    }

    /// Ends the writers and returns what they were promised, in order of time.
    @discardableResult
    func stop() -> [Acknowledgement] {
        workers.withLock { $0 }?.stop()
        return acknowledged
    }

    var acknowledged: [Acknowledgement] { state.withLock { $0.acknowledged.sorted { $0.time < $1.time } } }

    /// Says for each promise that `node` does not keep what is wrong.
    func brokenPromises(on node: Node) throws -> [String] {
        let stored = try node.entries(below: folder)
        let (acknowledged, register) = state.withLock { ($0.acknowledged, $0.register) }
        var broken = acknowledged.filter { stored[$0.key] != $0.value }.map {
            "node \(node.id): \($0.key) is \(stored[$0.key] ?? "lost"), acknowledged by node \($0.node) as \($0.value)"
        }
        for (worker, (last, tried)) in register where last > 0 {
            let value = stored[registerKey(worker)].flatMap { Int($0) }
            if value.map({ (last...tried).contains($0) }) != true {
                let found = value.map(String.init) ?? "lost"
                broken.append("node \(node.id): register \(worker) is \(found), acknowledged \(last), tried \(tried)")
            }
        }
        return broken
    }

    // MARK: One worker

    private func registerKey(_ worker: Int) -> String { "\(folder)register/\(worker)" }

    /// Tries its write once: a new one if the last is acknowledged, else that again.
    private func write(_ writer: inout Writer) {
        let number = writer.number
        if writer.isDone { writer.count += 1 }
        let count = writer.count
        let isRegister = count % 8 == 0
        let key = isRegister ? registerKey(number) : "\(folder)\(number)/\(count)"
        let value = isRegister ? "\(count)" : "value-\(number)-\(count)"
        if isRegister { state.withLock { $0.register[number] = ($0.register[number]?.acknowledged ?? 0, count) } }
        let node = nodes[writer.client.target].id
        let delivery = writer.client.ask("PUT", "/api/v1/kv\(key)", value)
        guard case .answered(let answer) = delivery, answer.status == 200 || answer.status == 201 else {
            writer.isDone = false
            return pause(milliseconds: 1)
        }
        let now = ContinuousClock.now
        writer.isDone = true
        state.withLock { state in
            if isRegister {
                state.register[number]?.acknowledged = count
            } else {
                state.acknowledged.append(Acknowledgement(key: key, value: value, node: node, time: now))
            }
        }
    }
}
