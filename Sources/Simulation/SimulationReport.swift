/// A rule that was broken, and when.
public struct Violation: Sendable, Equatable {
    /// The rule's name, with the paragraph of the dissertation where there is one.
    public var invariant: String
    public var text: String
    /// Virtual seconds since the start.
    public var seconds: Double
}

/// What happened in one simulation.
public struct SimulationReport: Sendable {
    public var seed: UInt64
    public var nodes: Int
    /// Empty when all is well. A simulation ends at the first one.
    public var violations: [Violation] = []
    /// How often each kind of fault happened, in the order of ``FaultKind/allCases``; kinds that did not are left out.
    public var faults: [(kind: FaultKind, count: Int)] = []
    public var counts = SimulationCounts()
    public var virtualSeconds: Double = 0
    /// Equal for equal seeds and configurations, on any machine.
    public var traceHash: UInt64 = 0
    /// The last lines of the trace when there is a violation.
    public var lastEvents: [String] = []
}

public struct SimulationCounts: Sendable {
    public var events: UInt64 = 0
    public var messages = 0
    public var elections = 0
    public var committedEntries = 0
    public var snapshotsStarted = 0
    public var snapshotsInstalled = 0
    /// Because the sender's rows were damaged.
    public var snapshotsRejected = 0
    /// Nodes that started empty because their data was damaged.
    public var nodesEmptied = 0
    public var restarts = 0
    public var operationsAcknowledged = 0
    public var operationsRefused = 0
    public var operationsUnknown = 0
    /// Keys whose history was too long to decide.
    public var historiesUndecided = 0
    public var heartbeatsAcknowledged = 0
    public var pushesTaken = 0
    private var faults = [Int](repeating: 0, count: FaultKind.allCases.count)

    public init() {}

    mutating func count(_ kind: FaultKind) {
        if let index = FaultKind.allCases.firstIndex(of: kind) { faults[index] += 1 }
    }

    /// In the order of ``FaultKind/allCases``; kinds that did not happen are left out.
    public var faultsByKind: [(kind: FaultKind, count: Int)] {
        zip(FaultKind.allCases, faults).filter { $0.1 > 0 }.map { (kind: $0.0, count: $0.1) }
    }

    public static func += (total: inout SimulationCounts, more: SimulationCounts) {
        total.events += more.events
        for field in Self.fields { total[keyPath: field] += more[keyPath: field] }
        for index in total.faults.indices { total.faults[index] += more.faults[index] }
    }

    private static var fields: [WritableKeyPath<SimulationCounts, Int>] {
        [
            \.messages, \.elections, \.committedEntries, \.snapshotsStarted, \.snapshotsInstalled, \.snapshotsRejected,
            \.nodesEmptied, \.restarts,
            \.operationsAcknowledged, \.operationsRefused, \.operationsUnknown, \.historiesUndecided,
            \.heartbeatsAcknowledged, \.pushesTaken,
        ]
    }
}
