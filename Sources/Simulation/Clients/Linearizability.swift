import Metadata

/// Is there an order of the operations on one key that explains all answers and respects that some had returned before
/// others were called? (Herlihy and Wing 1990; the search of Wing and Gong 1993 with Lowe's cache of 2017.)
///
/// An operation with an unknown outcome may take effect at any time after its call, or never.
struct Linearizability {
    enum Verdict: Equatable { case linearizable, violated, undecided }

    private struct State: Hashable {
        /// The value's token; `nil` while the key does not exist.
        var token: String?
        var version: UInt64 = 0
    }

    private struct Configuration: Hashable {
        var done: [UInt64]
        var state: State
    }

    /// A call or a return in a doubly linked list; 0 is the head.
    private struct Node {
        var operation: Int
        var isCall: Bool
        var previous = 0
        var next = 0
    }

    private let operations: [Operation]
    /// The revision at which each token was written.
    private let revisions: [String: UInt64]
    private var list: [Node] = [Node(operation: -1, isCall: false)]
    private var returnOf: [Int]

    private init(_ operations: [Operation], _ revisions: [String: UInt64]) {
        self.operations = operations
        self.revisions = revisions
        returnOf = Array(repeating: 0, count: operations.count)
        var events: [(time: Int, operation: Int, isCall: Bool)] = []
        for (number, operation) in operations.enumerated() {
            events.append((operation.called, number, true))
            // What has no return may be placed anywhere behind its call; nothing waits for it.
            if operation.returned != .max { events.append((operation.returned, number, false)) }
        }
        events.sort { $0.time < $1.time }
        for event in events {
            let position = list.count
            list.append(Node(operation: event.operation, isCall: event.isCall, previous: position - 1))
            list[position - 1].next = position
            if !event.isCall { returnOf[event.operation] = position }
        }
    }

    /// - Parameter revisions: Of each token that was written, also by an operation whose outcome nobody was told.
    static func check(
        _ operations: [Operation], revisions: [String: UInt64], maximumSteps: Int = 300_000
    ) -> Verdict {
        let effective = operations.filter { operation in
            // What nobody was told and nobody wrote never happened; to try each of its places takes for ever.
            guard case .put(let token, _) = operation.request, operation.response == .unknown else { return true }
            return revisions[token] != nil
        }
        var search = Linearizability(effective, revisions)
        return search.run(maximumSteps)
    }

    private mutating func run(_ maximumSteps: Int) -> Verdict {
        var configuration = Configuration(done: Array(repeating: 0, count: operations.count / 64 + 1), state: State())
        var seen: Set<Configuration> = []
        var stack: [(position: Int, state: State)] = []
        var remaining = operations.count { $0.returned != .max }
        var position = list[0].next
        var steps = 0
        while remaining > 0 {
            steps += 1
            if steps > maximumSteps { return .undecided }
            if position != 0, list[position].isCall {
                let number = list[position].operation
                if let state = apply(operations[number], to: configuration.state) {
                    var next = Configuration(done: configuration.done, state: state)
                    next.done[number / 64] |= 1 << UInt64(number % 64)
                    if seen.insert(next).inserted {
                        stack.append((position, configuration.state))
                        configuration = next
                        if operations[number].returned != .max { remaining -= 1 }
                        lift(position)
                        position = list[0].next
                        continue
                    }
                }
                position = list[position].next
            } else {
                // Something returned that nothing explains so far: take back the last choice.
                guard let last = stack.popLast() else { return .violated }
                let number = list[last.position].operation
                configuration.state = last.state
                configuration.done[number / 64] &= ~(1 << UInt64(number % 64))
                if operations[number].returned != .max { remaining += 1 }
                putBack(last.position)
                position = list[last.position].next
            }
        }
        return .linearizable
    }

    private mutating func lift(_ position: Int) {
        unlink(position)
        let end = returnOf[list[position].operation]
        if end != 0 { unlink(end) }
    }

    private mutating func putBack(_ position: Int) {
        let end = returnOf[list[position].operation]
        if end != 0 { link(end) }
        link(position)
    }

    private mutating func unlink(_ position: Int) {
        list[list[position].previous].next = list[position].next
        if list[position].next != 0 { list[list[position].next].previous = list[position].previous }
    }

    private mutating func link(_ position: Int) {
        list[list[position].previous].next = position
        if list[position].next != 0 { list[list[position].next].previous = position }
    }

    /// The state behind the operation, or `nil` if its answer can not be explained in `state`.
    private func apply(_ operation: Operation, to state: State) -> State? {
        let present = state.token.map { revisions[$0] } ?? nil
        switch operation.request {
        case .get:
            switch operation.response {
            case .found(let token, let revision, let version):
                return state == State(token: token, version: version) && present == revision ? state : nil
            case .notFound: return state.token == nil ? state : nil
            default: return nil
            }
        case .put(let token, let precondition):
            let after = State(token: token, version: state.version + 1)
            let holds = holds(precondition, state, present)
            switch operation.response {
            case .put(let revision, let version):
                return holds && version == after.version && revisions[token] == revision ? after : nil
            case .mismatch(let told): return !holds && isTold(told, state, present) ? state : nil
            case .unknown: return holds ? after : state
            default: return nil
            }
        case .delete(let precondition):
            let holds = holds(precondition, state, present)
            let exists = state.token != nil
            switch operation.response {
            case .deleted: return holds && exists ? State() : nil
            case .notFound: return holds && !exists ? state : nil
            case .mismatch(let told): return !holds && isTold(told, state, present) ? state : nil
            case .unknown: return holds && exists ? State() : state
            default: return nil
            }
        case .sweep:
            // Others below the same directory may have been there.
            return operation.response == .notFound && state.token != nil ? nil : State()
        }
    }

    private func holds(_ precondition: Precondition, _ state: State, _ present: UInt64?) -> Bool {
        switch precondition {
        case .none: true
        case .absent: state.token == nil
        case .modRevision(let wanted): state.token != nil && present == wanted
        }
    }

    private func isTold(_ told: UInt64?, _ state: State, _ present: UInt64?) -> Bool {
        told == present && (told == nil) == (state.token == nil)
    }
}
