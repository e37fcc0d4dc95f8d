import Defects
import Metadata
import Raft

/// When the leader last heard from each broker. Soft state: a heartbeat is not a log entry, so that ten thousand
/// brokers cost no disk; a new leader gives every ONLINE broker a full timeout.
struct BrokerHeartbeats {
    private struct Entry {
        let broker: BrokerID
        var lastHeard: Instant
        /// An OFFLINE for it is on its way through the log.
        var isExpiring = false
    }

    /// In ascending broker id.
    private var entries: [Entry] = []
    var nextCheck: Instant?

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
        let heard = Defect.newLeaderExpiresAtOnce.isOn ? Instant(nanoseconds: 0) : now
        entries = online.sorted().map { Entry(broker: $0, lastHeard: heard) }
        nextCheck = now.advanced(by: checkInterval)
    }

    mutating func clear() {
        entries = []
        nextCheck = nil
    }

    /// The broker is ONLINE and was heard now.
    mutating func touch(_ broker: BrokerID, now: Instant) {
        let (index, found) = position(of: broker)
        if found {
            entries[index].lastHeard = now
        } else {
            entries.insert(Entry(broker: broker, lastHeard: now), at: index)
        }
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

    /// The brokers that were silent for longer than `timeout`, each named once.
    mutating func expire(now: Instant, timeout: Duration, checkInterval: Duration) -> [(BrokerID, silence: Duration)] {
        guard let nextCheck, now >= nextCheck else { return [] }
        self.nextCheck = now.advanced(by: checkInterval)
        var expired: [(BrokerID, silence: Duration)] = []
        for index in entries.indices where !entries[index].isExpiring {
            let silence = now.since(entries[index].lastHeard)
            guard silence > (Defect.timeoutQuartered.isOn ? timeout / 4 : timeout) else { continue }
            entries[index].isExpiring = true
            expired.append((entries[index].broker, silence))
        }
        return expired
    }
}
