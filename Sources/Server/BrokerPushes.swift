import Defects
import Metadata
import Raft

/// Which ONLINE broker has been told what. Of each only the version that it has is remembered, never a queue of bodies:
/// what it lacks is made of the state when it is its turn. One update at a time for each broker, in order of version,
/// tried again with growing pauses until it is taken or leadership ends.
///
/// All brokers together get no more than ``PushAllowance`` admits, and hold no more in flight than ``PushRoom`` has. Who
/// is slow to answer waits behind the others, and has a share of its own.
struct BrokerPushes {
    /// What a broker is to be sent next.
    enum Want: Equatable {
        /// It asks for what it lacks.
        case nothing
        /// Who leads.
        case announcement
        /// All of the state, not older than this version.
        case snapshot(notBefore: UInt64)
        /// What changed behind this version. Of the update to the version `of` it has `taken` bodies already.
        case update(after: UInt64, taken: Int, of: UInt64)
    }

    /// What a body brings a broker to.
    enum Step: Equatable {
        case announcement
        case snapshot
        /// `isLast`: with it the broker has all of its version.
        case update(number: Int, isLast: Bool)
    }

    fileprivate struct Listener {
        /// It has all changes up to here.
        var version: UInt64
        /// The latest version on anything that was sent to it.
        var told: UInt64 = 0
        var needsAnnouncement = false
        /// It is told who leads, and asks for all else.
        var isFetching = false
        var needsSnapshot: UInt64?
        /// The process that is there now has taken all of the state once.
        var hasState = false
        /// How many bodies it has of the update to which version.
        var taken = (count: 0, of: UInt64(0))
        var inFlight: Flight?
        var failures = 0
        var isSlow = false
        /// Which welcome its snapshot is for: one that went out before may have been the process's before.
        var welcome: UInt64 = 0
        /// Its valid entry in one of the lists; others are left from before.
        var ticket: UInt64 = 0
        var isIdle = false
    }

    fileprivate struct Flight {
        let attempt: UInt64
        let version: UInt64
        let step: Step
        let bytes: Int
        let wasSlow: Bool
        let welcome: UInt64
        let begun: Instant
    }

    /// Who takes longer is slow.
    static let promptAnswer: Duration = .milliseconds(500)

    private static let firstPause: Duration = .milliseconds(100)
    private static let longestPause: Duration = .seconds(15)

    private var listeners: [BrokerID: Listener] = [:]
    private var allowance = PushAllowance()
    private var lastAttempt: UInt64 = 0
    private var lastTicket: UInt64 = 0

    /// Who has everything.
    private var idle: [PushEntry] = []
    private var idleCount = 0
    private var ready = PushLanes()
    /// Who has nothing yet: not behind all who are told the latest.
    private var newcomers = PushLanes()
    private var areNewcomersFirst = false
    /// Who waits for room for a large body.
    private var waitingForRoom = PushLanes()
    private var isRoomFirst = false
    /// Who waits for a body that is being made.
    private var waitingForBody: [PushEntry] = []
    /// The last one is the first to be tried again.
    private var failed: [(entry: PushEntry, at: Instant)] = []
    private(set) var room = PushRoom()

    /// From this version on only brokers came, went and moved: one message says it, to all who have this one or a later.
    private(set) var onlyBrokersSince: UInt64 = 0

    /// Brokers that lack something, for metrics.
    var waitingCount: Int { listeners.count - idleCount }

    func tells(_ broker: BrokerID) -> Bool { listeners[broker] != nil }

    /// What the broker has been told for certain.
    func version(of broker: BrokerID) -> UInt64 {
        guard let listener = listeners[broker], listener.hasState else { return 0 }
        return listener.version
    }

    // Who is there

    /// A new leadership begins: all of these are told who leads, and behind it the state.
    mutating func begin(_ brokers: [BrokerID], fetching: [BrokerID] = [], version: UInt64) {
        self = BrokerPushes()
        onlyBrokersSince = version
        for broker in brokers {
            listeners[broker] = Listener(version: version, needsAnnouncement: true)
            welcome(broker, version: version)
        }
        for broker in fetching {
            listeners[broker] = Listener(version: version, needsAnnouncement: true, isFetching: true)
            makeReady(broker)
        }
    }

    /// The broker came, and asks for the state: whoever leads it knows.
    mutating func listen(_ broker: BrokerID) {
        guard listeners[broker]?.isFetching != true else { return }
        drop(broker)
        listeners[broker] = Listener(version: 0, isFetching: true)
        settle(broker)
    }

    /// The broker came ONLINE, or registered again: it gets all of the state as of `version` or later.
    mutating func welcome(_ broker: BrokerID, version: UInt64) {
        lastTicket += 1
        if listeners[broker]?.isFetching == true { drop(broker) }
        listeners[broker, default: Listener(version: version)].welcome = lastTicket
        if !Defect.fullSnapshotMissing.isOn { listeners[broker]?.needsSnapshot = version }
        listeners[broker]?.hasState = false
        listeners[broker]?.failures = 0
        if listeners[broker]?.inFlight == nil { makeReady(broker) }
    }

    /// Forgets a broker that is not there to be told.
    mutating func drop(_ broker: BrokerID) {
        guard let listener = listeners.removeValue(forKey: broker) else { return }
        if listener.isIdle { idleCount -= 1 }
        if let flight = listener.inFlight { room.give(flight.bytes, isSlow: flight.wasSlow) }
    }

    /// Those who had everything lack something now.
    mutating func stateChanged() {
        for entry in idle where isValid(entry) { makeReady(entry.broker) }
        idle.removeAll(keepingCapacity: true)
    }

    /// Not only brokers came or went with this version.
    mutating func topicsChanged(at version: UInt64) { onlyBrokersSince = version }

    // Whose turn it is

    /// The next broker that may be sent something now, to be passed to one of the methods below.
    mutating func next(now: Instant) -> BrokerID? {
        while let last = failed.last, last.at <= now {
            failed.removeLast()
            if isValid(last.entry) { makeReady(last.entry.broker) }
        }
        guard allowance.isLeft(now: now) else { return nil }
        isRoomFirst.toggle()
        let entry = isRoomFirst ? popWithRoom() ?? popReady() : popReady() ?? popWithRoom()
        return entry?.broker
    }

    private mutating func popReady() -> PushEntry? {
        areNewcomersFirst.toggle()
        while let entry = areNewcomersFirst
            ? newcomers.pop() ?? ready.pop() : ready.pop() ?? newcomers.pop()
        {
            if isValid(entry) { return entry }
        }
        return nil
    }

    private mutating func popWithRoom() -> PushEntry? {
        let room = room
        while let entry = waitingForRoom.pop(where: { room.has($0.bytes, isSlow: $1) }) {
            if isValid(entry) { return entry }
        }
        return nil
    }

    func want(of broker: BrokerID) -> Want? {
        guard let listener = listeners[broker] else { return nil }
        if listener.needsAnnouncement { return .announcement }
        if listener.isFetching { return .nothing }
        if let version = listener.needsSnapshot {
            // A snapshot that is in memory may be older than what the broker has heard of already.
            return .snapshot(notBefore: Defect.lastPushFirst.isOn ? 0 : max(version, listener.told))
        }
        return .update(after: listener.version, taken: listener.taken.count, of: listener.taken.of)
    }

    /// It has everything.
    mutating func settle(_ broker: BrokerID) {
        let entry = newEntry(broker)
        // Of those who fetch none waits for a change.
        if listeners[broker]?.isFetching != true { idle.append(entry) }
        listeners[broker]?.isIdle = true
        idleCount += 1
        if idle.count > 2 * listeners.count + 64 { idle = idle.filter { isValid($0) } }
    }

    /// It can not be brought up to date by what changed.
    mutating func needSnapshot(_ broker: BrokerID, version: UInt64) {
        listeners[broker]?.needsSnapshot = version
        makeReady(broker)
    }

    /// What it is to be sent is not made yet.
    mutating func waitForBody(_ broker: BrokerID) { waitingForBody.append(newEntry(broker)) }

    mutating func bodyMade(bytes: Int, now: Instant) {
        allowance.use(bytes, now: now)
        for entry in waitingForBody where isValid(entry) { makeReady(entry.broker) }
        waitingForBody.removeAll()
    }

    /// - Returns: The attempt's number; `nil` when there is no room for so large a body now.
    mutating func begin(_ broker: BrokerID, _ step: Step, version: UInt64, bytes: Int, now: Instant) -> UInt64? {
        guard var listener = listeners[broker] else { return nil }
        guard room.has(bytes, isSlow: listener.isSlow) else {
            waitingForRoom.append(newEntry(broker, bytes: bytes), isSlow: listener.isSlow)
            return nil
        }
        lastAttempt += 1
        let flight = Flight(
            attempt: lastAttempt, version: version, step: step, bytes: bytes, wasSlow: listener.isSlow,
            welcome: listener.welcome, begun: now)
        listener.inFlight = flight
        listener.told = max(listener.told, version)
        listeners[broker] = listener
        room.take(bytes, isSlow: flight.wasSlow)
        allowance.use(bytes + PushAllowance.forEach, now: now)
        return lastAttempt
    }

    mutating func finished(_ broker: BrokerID, attempt: UInt64, taken: Bool, now: Instant) {
        guard var listener = listeners[broker], let flight = listener.inFlight, flight.attempt == attempt else {
            return
        }
        room.give(flight.bytes, isSlow: flight.wasSlow)
        listener.inFlight = nil
        listener.isSlow = !taken || now.since(flight.begun) > Self.promptAnswer
        if taken || Defect.failedPushNotRepeated.isOn {
            listener.failures = 0
            listener.took(flight)
            listeners[broker] = listener
            makeReady(broker)
        } else {
            let pause = Self.firstPause * (1 << min(listener.failures, 8))
            listener.failures += 1
            listeners[broker] = listener
            retry(newEntry(broker), at: now.advanced(by: min(pause, Self.longestPause)))
        }
    }

    private mutating func retry(_ entry: PushEntry, at instant: Instant) {
        var low = 0
        var high = failed.count
        while low < high {
            let middle = (low + high) / 2
            if failed[middle].at > instant { low = middle + 1 } else { high = middle }
        }
        failed.insert((entry, instant), at: low)
    }

    /// When there is something to do again, unless an answer comes first.
    func nextDeadline(now: Instant) -> Instant? {
        let canGoOn =
            !ready.isEmpty || !newcomers.isEmpty
            || waitingForRoom.contains { room.has($0.bytes, isSlow: $1) }
        let next = canGoOn ? allowance.renewed(now: now) : nil
        guard let retry = failed.last?.at else { return next }
        return next.map { min($0, retry) } ?? retry
    }

    // Entries

    private mutating func makeReady(_ broker: BrokerID) {
        let entry = newEntry(broker)
        guard let listener = listeners[broker] else { return }
        if listener.needsSnapshot == nil {
            ready.append(entry, isSlow: listener.isSlow)
        } else {
            newcomers.append(entry, isSlow: listener.isSlow)
        }
    }

    private mutating func newEntry(_ broker: BrokerID, bytes: Int = 0) -> PushEntry {
        lastTicket += 1
        if listeners[broker]?.isIdle ?? false { idleCount -= 1 }
        listeners[broker]?.isIdle = false
        listeners[broker]?.ticket = lastTicket
        return PushEntry(broker: broker, ticket: lastTicket, bytes: bytes)
    }

    private func isValid(_ entry: PushEntry) -> Bool { listeners[entry.broker]?.ticket == entry.ticket }
}

extension BrokerPushes.Listener {
    fileprivate mutating func took(_ flight: BrokerPushes.Flight) {
        switch flight.step {
        case .announcement: needsAnnouncement = false
        case .snapshot:
            version = flight.version
            if flight.welcome == welcome { (needsSnapshot, hasState) = (nil, true) }
        case .update(let number, let isLast):
            taken = (number + 1, flight.version)
            if isLast { version = flight.version }
        }
    }
}
