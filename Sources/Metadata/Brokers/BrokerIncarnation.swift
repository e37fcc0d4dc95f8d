/// What a registered broker may do (KIP-631). A broker that registered without an incarnation is ACTIVE or FENCED.
public enum BrokerState: String, Sendable, Hashable, CaseIterable {
    /// Leads nothing and is in no ISR that it is not alone in: just registered, silent for too long, or by its own wish.
    case fenced = "FENCED"
    case active = "ACTIVE"
    /// Wants to stop: it leads nothing any more, and waits until all others know.
    case controlledShutdown = "CONTROLLED_SHUTDOWN"
    /// Has stopped as it wanted; only another registration leads out.
    case shutdown = "SHUTDOWN"

    /// What clients that know two values are told.
    public var status: BrokerStatus {
        switch self {
        case .active, .controlledShutdown: .online
        case .fenced, .shutdown: .offline
        }
    }

    /// Whether ``ChangeBrokerState`` may lead there.
    func mayBecome(_ next: BrokerState) -> Bool {
        switch self {
        case .fenced: next == .active
        case .active: next == .fenced || next == .controlledShutdown
        case .controlledShutdown: next == .fenced || next == .shutdown
        case .shutdown: false
        }
    }
}

/// What a broker that names its process when it registers has beside: with it a process that was replaced is told from the
/// one that took its place.
public struct BrokerIncarnation: Equatable, Sendable {
    /// Drawn by the process when it started, 32 hexadecimal digits.
    public var id: String
    /// The metadata version at which it was registered: grows with every registration, and is no other broker's.
    public var epoch: UInt64
    public var state: BrokerState
    /// While in CONTROLLED_SHUTDOWN, and behind it: what the others must know before it may go.
    public var shutdownVersion: UInt64?
    /// It follows the changes by itself: of what is pushed it only wants to hear who leads. From level 4 on.
    public var fetches: Bool

    public init(
        id: String, epoch: UInt64, state: BrokerState, shutdownVersion: UInt64? = nil, fetches: Bool = false
    ) {
        self.fetches = fetches
        self.id = id
        self.epoch = epoch
        self.state = state
        self.shutdownVersion = shutdownVersion
    }
}

extension Broker {
    public var state: BrokerState { incarnation?.state ?? (status == .online ? .active : .fenced) }

    /// With its incarnation's state goes the status.
    mutating func enter(_ state: BrokerState) {
        incarnation?.state = state
        status = state.status
    }
}

/// How many brokers are in each state.
struct BrokerCounts {
    private var counts = [0, 0, 0, 0]
    private(set) var inMaintenance = 0

    private static func place(_ state: BrokerState) -> Int {
        switch state {
        case .fenced: 0
        case .active: 1
        case .controlledShutdown: 2
        case .shutdown: 3
        }
    }

    subscript(state: BrokerState) -> Int { counts[Self.place(state)] }
    mutating func add(_ broker: Broker) { count(broker, 1) }
    mutating func remove(_ broker: Broker) { count(broker, -1) }

    private mutating func count(_ broker: Broker, _ step: Int) {
        counts[Self.place(broker.state)] += step
        if broker.restrictions.contains(.maintenance) { inMaintenance += step }
    }
}
