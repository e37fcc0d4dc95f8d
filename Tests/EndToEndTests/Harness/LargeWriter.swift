import Synchronization

/// Clients that write values of 128 KiB without pause, each to a few keys of its own, again and again.
final class LargeWriter: Sendable {
    private static let bytes = 128 * 1024
    private static let keysEach = 40

    private struct Register {
        /// Which of the worker's writes was acknowledged last, and which was tried last.
        var acknowledged = 0
        var tried = 0
    }

    private struct Writer {
        let number: Int
        var client: Client
        var count = 0
    }

    private struct State {
        var registers: [String: Register] = [:]
        var acknowledged = 0
    }

    private let state = Mutex(State())
    private let workers = Mutex<Workers?>(nil)
    private let start = ContinuousClock.now
    private let seconds = Mutex<Double?>(nil)

    /// Starts at once.
    init(_ nodes: [Node], workers count: Int = 4) {
        let nodes = nodes.map { ($0.id, $0.address) }
        let workers = Workers(count) {
            Writer(number: $0, client: Client(nodes, target: $0, patience: .seconds(4)))
        } _: { [self] writer in
            write(&writer)
        }
        self.workers.withLock { $0 = workers }
    }

    /// Waits until `more` further writes were acknowledged.
    func advance(by more: Int) throws {
        let goal = state.withLock { $0.acknowledged } + more
        try eventually("\(more) more acknowledged large writes") { state.withLock { $0.acknowledged } >= goal }
    }

    func stop() {
        seconds.withLock { $0 = $0 ?? Double((.now - start).milliseconds) / 1000 }
        workers.withLock { $0 }?.stop()
    }

    /// On average, until it was stopped.
    var megabytesPerSecond: Int {
        let seconds = seconds.withLock { $0 } ?? 1
        return Int(Double(state.withLock { $0.acknowledged } * Self.bytes) / 1_000_000 / seconds)
    }

    /// Says of each key that `node` does not have as it was acknowledged, or as it was tried later, what is wrong.
    func brokenPromises(on node: Node) throws -> [String] {
        try state.withLock { $0.registers }.sorted { $0.key < $1.key }.compactMap { key, register in
            guard register.acknowledged > 0 else { return nil }
            let body = try node.get("/api/v1/kv\(key)?consistency=stale").body
            let found = Int(String(decoding: body.prefix { $0 != UInt8(ascii: " ") }, as: UTF8.self)) ?? 0
            let isWhole = body.count == Self.bytes && (register.acknowledged...register.tried).contains(found)
            return isWhole ? nil : "node \(node.id): \(key) is write \(found), \(body.count) bytes; \(register)"
        }
    }

    private func write(_ writer: inout Writer) {
        writer.count += 1
        let (count, key) = (writer.count, "/large/\(writer.number)/\(writer.count % Self.keysEach)")
        let head = "\(count) "
        let value = head + String(repeating: "v", count: Self.bytes - head.utf8.count)
        state.withLock { $0.registers[key, default: Register()].tried = count }
        guard case .answered(let answer) = writer.client.ask("PUT", "/api/v1/kv\(key)", value),
            answer.status == 200 || answer.status == 201
        else { return pause(milliseconds: 1) }
        state.withLock { state in
            state.registers[key]?.acknowledged = count
            state.acknowledged += 1
        }
    }
}
