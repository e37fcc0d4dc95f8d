import Foundation
import Synchronization

/// Clients that write without pause, each its next key as soon as the last was acknowledged, to whichever node takes it.
final class ContinuousWriter: Sendable {
    struct Acknowledgement {
        var key: String
        var value: String
        var node: Int
        var time: ContinuousClock.Instant
    }

    private struct State {
        var isStopping = false
        var acknowledged: [Acknowledgement] = []
        /// The last value of each worker's own register that was acknowledged, and the last that was tried.
        var register: [Int: (acknowledged: Int, tried: Int)] = [:]
    }

    private let ports: [(id: Int, port: Int)]
    private let workers: Int
    private let folder: String
    private let patience: Duration
    private let state = Mutex(State())
    private let running = DispatchGroup()

    /// Starts at once. All keys are below `folder`. A request may take `patience` before the next node is tried.
    init(_ nodes: [Node], workers: Int = 2, folder: String = "/load/", patience: Duration = .seconds(2)) {
        ports = nodes.map { ($0.id, $0.port) }
        self.workers = workers
        self.folder = folder
        self.patience = patience
        for worker in 0..<workers {
            running.enter()
            Thread.detachNewThread { [self] in
                work(worker)
                running.leave()
            }
        }
    }

    deinit { state.withLock { $0.isStopping = true } }

    var count: Int { state.withLock { $0.acknowledged.count } }

    /// Waits until `more` further writes were acknowledged.
    func advance(by more: Int = 50) throws {
        let goal = count + more
        try eventually("\(more) more acknowledged writes") { count >= goal }
    }

    /// Ends the writers and returns what they were promised, in order of time.
    @discardableResult
    func stop() -> [Acknowledgement] {
        state.withLock { $0.isStopping = true }
        running.wait()
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

    private func work(_ worker: Int) {
        var target = worker % ports.count
        var connection: Connection?
        var number = 0
        while true {
            number += 1
            let isRegister = number % 8 == 0
            let key = isRegister ? registerKey(worker) : "\(folder)\(worker)/\(number)"
            let value = isRegister ? "\(number)" : "value-\(worker)-\(number)"
            if isRegister {
                state.withLock { $0.register[worker] = ($0.register[worker]?.acknowledged ?? 0, number) }
            }
            while !put(key, value, &target, &connection) {
                if state.withLock({ $0.isStopping }) { return }
                pause(milliseconds: 1)
            }
            let now = ContinuousClock.now
            state.withLock { state in
                if isRegister {
                    state.register[worker]?.acknowledged = number
                } else {
                    state.acknowledged.append(
                        Acknowledgement(key: key, value: value, node: ports[target].id, time: now))
                }
            }
            if state.withLock({ $0.isStopping }) { return }
        }
    }

    /// Whether it was acknowledged. If not, `target` is the node to try next.
    private func put(_ key: String, _ value: String, _ target: inout Int, _ connection: inout Connection?) -> Bool {
        do throws(TransportError) {
            let open =
                if let connection { connection } else { try Connection(port: ports[target].port, patience: patience) }
            connection = open
            try open.send(Node.request("PUT", "/api/v1/kv\(key)", Array(value.utf8)))
            let answer = try open.receive()
            if answer.status == 200 || answer.status == 201 { return true }
            if answer.status == 503 {
                let leader = answer.header("X-Controller-Leader").flatMap { Int($0) }
                let known = ports.firstIndex { $0.id == leader }
                target = known == target ? target : known ?? (target + 1) % ports.count
                connection = nil
            }
        } catch {
            target = (target + 1) % ports.count
            connection = nil
        }
        return false
    }
}
