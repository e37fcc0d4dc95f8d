import Dispatch
import Synchronization

/// Where other threads leave what happened to a node. All that has gathered when the node wakes is one batch, and one
/// hop between queues carries it; of what clients and brokers ask a batch takes so much only that it stays short, and what
/// the other nodes, the disk and the clock have to say comes before it.
final class Mailbox: Sendable {
    private struct State {
        /// From peers, the disk and the clock.
        var urgent: [Input] = []
        /// From clients and brokers, from `next` on.
        var inputs: [Input] = []
        var next = 0
        var isScheduled = false
        var handler: (@Sendable ([Input]) -> Void)?

        var isEmpty: Bool { urgent.isEmpty && inputs.isEmpty }

        mutating func takeBatch() -> [Input] {
            var batch: [Input] = []
            batch.reserveCapacity(urgent.count + min(inputs.count - next, Mailbox.batchSize))
            batch.append(contentsOf: urgent)
            urgent.removeAll(keepingCapacity: true)
            let end = min(next + Mailbox.batchSize, inputs.count)
            batch.append(contentsOf: inputs[next..<end])
            next = end
            // What is left holds its requests until it is taken; what was taken holds nothing once all is.
            if next == inputs.count {
                inputs.removeAll(keepingCapacity: true)
                next = 0
            }
            return batch
        }
    }

    /// What clients and brokers asked, of one batch: a few milliseconds of work.
    private static let batchSize = 1024

    let queue: DispatchQueue
    private let state = Mutex(State())

    init(queue: DispatchQueue) { self.queue = queue }

    /// From here on `handler` gets the inputs, in batches, on ``queue``; also those that came before.
    func open(_ handler: @escaping @Sendable ([Input]) -> Void) {
        let mustSchedule = state.withLock { state in
            state.handler = handler
            guard !state.isEmpty, !state.isScheduled else { return false }
            state.isScheduled = true
            return true
        }
        if mustSchedule { schedule() }
    }

    func post(_ input: Input) {
        let mustSchedule = state.withLock { state in
            if input.isUrgent { state.urgent.append(input) } else { state.inputs.append(input) }
            guard state.handler != nil, !state.isScheduled else { return false }
            state.isScheduled = true
            return true
        }
        if mustSchedule { schedule() }
    }

    private func schedule() { queue.async { self.drain() } }

    private func drain() {
        let (inputs, handler, isMore) = state.withLock { state in
            let batch = state.takeBatch()
            state.isScheduled = !state.isEmpty
            return (batch, state.handler, state.isScheduled)
        }
        // Behind whoever waits for the queue: an event loop's turn, for one.
        if isMore { schedule() }
        if !inputs.isEmpty { handler?(inputs) }
    }
}

extension Input {
    /// Whether it comes before what clients and brokers ask. A stop does not: what was asked before it is done before it.
    fileprivate var isUrgent: Bool {
        switch self {
        case .submit, .read, .register, .heartbeat, .lagReport, .alterPartitions, .change, .electLeaders, .changes,
            .readLog, .measure, .stop:
            false
        default: true
        }
    }
}
