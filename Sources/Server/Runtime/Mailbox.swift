import Dispatch
import Synchronization

/// Where other threads leave what happened to a node. All that has gathered when the node wakes is one batch, and one
/// hop between queues carries it, however much it is.
final class Mailbox: Sendable {
    private struct State {
        var inputs: [Input] = []
        var isScheduled = false
        var handler: (@Sendable ([Input]) -> Void)?
    }

    let queue: DispatchQueue
    private let state = Mutex(State())

    init(queue: DispatchQueue) { self.queue = queue }

    /// From here on `handler` gets the inputs, in batches, on ``queue``; also those that came before.
    func open(_ handler: @escaping @Sendable ([Input]) -> Void) {
        let mustSchedule = state.withLock { state in
            state.handler = handler
            guard !state.inputs.isEmpty, !state.isScheduled else { return false }
            state.isScheduled = true
            return true
        }
        if mustSchedule { schedule() }
    }

    func post(_ input: Input) {
        let mustSchedule = state.withLock { state in
            state.inputs.append(input)
            guard state.handler != nil, !state.isScheduled else { return false }
            state.isScheduled = true
            return true
        }
        if mustSchedule { schedule() }
    }

    private func schedule() { queue.async { self.drain() } }

    private func drain() {
        let (inputs, handler) = state.withLock { state in
            var inputs: [Input] = []
            inputs.reserveCapacity(state.inputs.count)
            swap(&inputs, &state.inputs)
            state.isScheduled = false
            return (inputs, state.handler)
        }
        if !inputs.isEmpty { handler?(inputs) }
    }
}
