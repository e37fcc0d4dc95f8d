import Defects
import Metadata
import Raft

/// When the leader last heard from each broker. Soft state: a heartbeat is not a log entry, so that ten thousand
/// brokers cost no disk; a new leader gives every ONLINE broker a full timeout.
///
/// Only time in which this node was awake counts against a broker: what came while it stood still it could not hear.
struct BrokerHeartbeats {
    private struct Entry {
        let broker: BrokerID
        var lastHeard: Instant
        /// The most that a heartbeat of it said that it knows.
        var metadataVersion: UInt64 = 0
        /// Heartbeats that arrived, and of which a majority has yet to say that they came to the leader.
        var unconfirmed = 0
        /// An OFFLINE for it is on its way through the log.
        var isExpiring = false
    }

    /// So many at a time: a rack that fails is not one long turn, and who is heard meanwhile stays.
    static let maximumAtOnce = 16

    /// In ascending broker id.
    private var entries: [Entry] = []
    private(set) var nextCheck: Instant?
    /// By which the times in `entries` are.
    private var time = WakingTime()

    private func position(of broker: BrokerID) -> (index: Int, found: Bool) {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].broker < broker { low = middle + 1 } else { high = middle }
        }
        return (low, low < entries.count && entries[low].broker == broker)
    }

    mutating func rebuild(online: [BrokerID], now: Instant, checkInterval: Duration) {
        let heard = Defect.newLeaderExpiresAtOnce.isOn ? Instant(nanoseconds: 0) : time.awake(now)
        entries = online.sorted().map { Entry(broker: $0, lastHeard: heard) }
        nextCheck = now.advanced(by: checkInterval)
    }

    mutating func clear() {
        entries = []
        nextCheck = nil
    }

    /// The node was to wake at `planned` and wakes now.
    mutating func woke(now: Instant, planned: Instant) {
        if nextCheck != nil { time.woke(now: now, planned: planned) }
    }

    /// A heartbeat has arrived; whether it came to the leader is about to be asked.
    mutating func arrived(_ broker: BrokerID) {
        let (index, found) = position(of: broker)
        if found { entries[index].unconfirmed += 1 }
    }

    /// That was answered.
    mutating func settled(_ broker: BrokerID) {
        let (index, found) = position(of: broker)
        if found, entries[index].unconfirmed > 0 { entries[index].unconfirmed -= 1 }
    }

    /// The broker was heard, and may have said what it knows. It has a full timeout from now on, however long that was on its
    /// way here.
    mutating func touch(_ broker: BrokerID, knows version: UInt64? = nil, now: Instant) {
        let heard = time.awake(now)
        let (index, found) = position(of: broker)
        if !found { entries.insert(Entry(broker: broker, lastHeard: heard), at: index) }
        entries[index].lastHeard = heard
        entries[index].metadataVersion = max(entries[index].metadataVersion, version ?? 0)
    }

    /// Its process may be another one, which knows nothing.
    mutating func begin(_ broker: BrokerID, now: Instant) {
        touch(broker, now: now)
        entries[position(of: broker).index].metadataVersion = 0
    }

    func metadataVersion(of broker: BrokerID) -> UInt64 {
        let (index, found) = position(of: broker)
        return found ? entries[index].metadataVersion : 0
    }

    /// How long ago it was heard, without the time that the node stood still.
    func age(of broker: BrokerID, now: Instant) -> Duration? {
        let (index, found) = position(of: broker)
        return found ? time.awake(now).since(entries[index].lastHeard) : nil
    }

    mutating func remove(_ broker: BrokerID) {
        let (index, found) = position(of: broker)
        if found { entries.remove(at: index) }
    }

    func isExpiring(_ broker: BrokerID) -> Bool {
        let (index, found) = position(of: broker)
        return found && entries[index].isExpiring
    }

    /// The OFFLINE did not get into the log: the broker is looked at again.
    mutating func expiryFailed(_ broker: BrokerID) {
        let (index, found) = position(of: broker)
        if found { entries[index].isExpiring = false }
    }

    /// Brokers that were silent for longer than `timeout`, each named once. There may be more: then the next check is due
    /// at once.
    mutating func expire(now: Instant, timeout: Duration, checkInterval: Duration) -> [(BrokerID, silence: Duration)] {
        guard let nextCheck, now >= nextCheck else { return [] }
        self.nextCheck = now.advanced(by: checkInterval)
        let now = time.awake(now)
        var expired: [(BrokerID, silence: Duration)] = []
        for index in entries.indices where !entries[index].isExpiring && entries[index].unconfirmed == 0 {
            let silence = now.since(entries[index].lastHeard)
            guard silence > (Defect.timeoutQuartered.isOn ? timeout / 4 : timeout) else { continue }
            guard expired.count < Self.maximumAtOnce else {
                self.nextCheck = nextCheck
                break
            }
            entries[index].isExpiring = true
            expired.append((entries[index].broker, silence))
        }
        return expired
    }
}
