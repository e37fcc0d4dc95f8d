import Raft

/// The bodies that brokers are sent, each made once and shared by all whom it brings forward. Few are kept: what is gone
/// is made anew of the state when it is wanted.
struct PushBodies {
    /// The messages that bring a broker from one version, or a later one, to another.
    struct Update: Sendable {
        let from: UInt64
        let to: UInt64
        let bodies: [[UInt8]]

        var byteCount: Int { bodies.reduce(0) { $0 + $1.count } }
    }

    enum Made: Sendable {
        case snapshot(version: UInt64, [UInt8])
        case update(Update)
    }

    /// Of updates.
    static let maximumCount = 64
    static let maximumBytes = 8 * 1024 * 1024

    /// The first that a broker hears of a leadership.
    private(set) var announcement: (version: UInt64, body: [UInt8])
    private(set) var snapshot: (version: UInt64, body: [UInt8], madeAt: Instant)?
    /// The latest made last.
    private var updates: [Update] = []
    private var updateBytes = 0
    /// What is being made away from the node's executor, by its number.
    private(set) var making: UInt64?

    init(announcement: (version: UInt64, body: [UInt8])) { self.announcement = announcement }

    /// The one way on from a version, as long as it is kept: all brokers take it. What is said in one message brings those
    /// forward too who had some of it.
    func update(from version: UInt64) -> Update? {
        updates.first { $0.from == version && $0.to > version }
            ?? updates.last { $0.from < version && $0.to > version && $0.bodies.count == 1 }
    }

    mutating func begin(_ number: UInt64) { making = number }

    /// - Returns: How large it is.
    mutating func add(_ made: Made, now: Instant) -> Int {
        making = nil
        switch made {
        case .snapshot(let version, let body):
            snapshot = (version, body, now)
            return body.count
        case .update(let update):
            updates.removeAll { $0.from == update.from }
            updates.append(update)
            updateBytes = updates.reduce(0) { $0 + $1.byteCount }
            while updates.count > 1, updates.count > Self.maximumCount || updateBytes > Self.maximumBytes {
                updateBytes -= updates.removeFirst().byteCount
            }
            return update.byteCount
        }
    }

    /// Nobody wants anything now.
    mutating func release() {
        guard snapshot != nil || !updates.isEmpty else { return }
        snapshot = nil
        updates = []
        updateBytes = 0
    }
}
