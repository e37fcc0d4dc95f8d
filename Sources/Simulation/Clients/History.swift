import Metadata

/// What clients did to one key, and what they were told.
struct Operation {
    enum Request: Equatable {
        case get
        case put(token: String, Precondition)
        case delete(Precondition)
        /// Of everything below a directory.
        case sweep
    }

    enum Response: Equatable {
        /// It may have happened, also later.
        case unknown
        case found(token: String, modRevision: UInt64, version: UInt64)
        case notFound
        case put(modRevision: UInt64, version: UInt64)
        case deleted(revision: UInt64)
        case mismatch(present: UInt64?)
    }

    let request: Request
    /// The order of all calls and returns.
    let called: Int
    var returned = Int.max
    var response = Response.unknown
    /// The store's revision that the answer spoke of.
    var revision: UInt64?
}

/// What all clients did, by key in the order of first use.
struct History {
    private(set) var keys: [Key] = []
    private var operations: [Key: [Operation]] = [:]
    /// Each concerns all keys below its directory.
    private var sweeps: [(directory: Key, operation: Operation)] = []
    private var clock = 0

    func operations(of key: Key) -> [Operation] { operations[key] ?? [] }

    /// Returns the number of the operation among those of its key.
    mutating func call(_ request: Operation.Request, _ key: Key) -> Int {
        clock += 1
        if operations[key] == nil { keys.append(key) }
        operations[key, default: []].append(Operation(request: request, called: clock))
        return operations[key, default: []].count - 1
    }

    mutating func returned(_ number: Int, _ key: Key, _ response: Operation.Response, revision: UInt64?) {
        clock += 1
        operations[key]?[number].returned = clock
        operations[key]?[number].response = response
        operations[key]?[number].revision = revision
    }

    /// Returns the number of the sweep.
    mutating func callSweep(_ directory: Key) -> Int {
        clock += 1
        sweeps.append((directory, Operation(request: .sweep, called: clock)))
        return sweeps.count - 1
    }

    /// - Parameter response: `nil` if it never happened.
    mutating func sweepReturned(_ number: Int, _ response: Operation.Response?) {
        clock += 1
        sweeps[number].operation.returned = response == nil ? -1 : clock
        sweeps[number].operation.response = response ?? .unknown
    }

    /// It never happened, or was a read without an answer: it says nothing about the key.
    mutating func withdraw(_ number: Int, _ key: Key) {
        operations[key]?[number].returned = -1
    }

    /// Those that may have had an effect on it.
    func effective(of key: Key) -> [Operation] {
        let own = operations(of: key).filter { $0.returned != -1 && !($0.request == .get && $0.response == .unknown) }
        guard let first = own.first else { return own }
        // What was over before the key was named first found nothing there.
        let prefix = { (directory: Key) in directory.bytes + [UInt8(ascii: "/")] }
        return own
            + sweeps.filter { key.bytes.starts(with: prefix($0.directory)) && $0.operation.returned > first.called }
            .map(\.operation)
    }

    /// An operation that was called after another had returned is told a revision that is not older.
    func staleAnswer() -> String? {
        var events: [(time: Int, key: Key, number: Int, isCall: Bool)] = []
        for key in keys {
            for (number, operation) in operations(of: key).enumerated() where operation.revision != nil {
                events.append((operation.called, key, number, true))
                events.append((operation.returned, key, number, false))
            }
        }
        events.sort { $0.time < $1.time }
        var newest: UInt64 = 0
        var floors: [Int: UInt64] = [:]
        for event in events {
            guard let operation = operations[event.key]?[event.number], let revision = operation.revision else {
                continue
            }
            if event.isCall {
                floors[operation.called] = newest
            } else {
                if revision < floors[operation.called] ?? 0 {
                    return "\(operation.request) of \(event.key) saw revision \(revision) after others had seen "
                        + "\(floors[operation.called] ?? 0)"
                }
                newest = max(newest, revision)
            }
        }
        return nil
    }
}
