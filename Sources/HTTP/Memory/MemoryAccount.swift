import Synchronization

/// What a process may hold for the sake of its clients: requests being read, waiting or carried out, and answers that are
/// not sent. One account for all connections, however many there are, with room of its own for those that must not be kept
/// waiting by the others.
///
/// What is large asks first, with ``take(_:for:)``, and waits when there is no room. What is small is only counted, with
/// ``add(_:for:)``; when the account is full nothing more is begun for whoever holds something already.
public final class MemoryAccount: Sendable {
    /// Who holds the memory.
    public enum Holder: Sendable, CaseIterable {
        case clients
        /// The other nodes of the cluster.
        case peers
    }

    /// In bytes. A quarter is the peers'.
    public let limit: Int
    private let clients = Atomic(0)
    private let peers = Atomic(0)

    /// - Parameter limit: In bytes, at least a few of the largest requests.
    public init(limit: Int) { self.limit = limit }

    /// Bytes that `holder` may hold.
    public func limit(of holder: Holder) -> Int { holder == .peers ? limit / 4 : limit - limit / 4 }

    /// What is large leaves room for what is small: no number of uploads keeps a short request from being read. Clients have
    /// a third for it, which also bounds what their short writes have in front of them on the way to the disks.
    private func limitOfLarge(_ holder: Holder) -> Int {
        holder == .clients ? limit(of: holder) / 3 : limit(of: holder) / 3 * 2
    }

    /// Takes `bytes` if there is room for so much.
    public func take(_ bytes: Int, for holder: Holder) -> Bool {
        let limit = limitOfLarge(holder)
        return switch holder {
        case .clients: Self.take(bytes, from: clients, limit: limit)
        case .peers: Self.take(bytes, from: peers, limit: limit)
        }
    }

    private static func take(_ bytes: Int, from account: borrowing Atomic<Int>, limit: Int) -> Bool {
        var used = account.load(ordering: .relaxed)
        while used + bytes <= limit {
            let (isDone, now) = account.compareExchange(
                expected: used, desired: used + bytes, ordering: .relaxed)
            if isDone { return true }
            used = now
        }
        return false
    }

    /// Counts what is held more, or less if negative.
    public func add(_ bytes: Int, for holder: Holder) {
        switch holder {
        case .clients: clients.wrappingAdd(bytes, ordering: .relaxed)
        case .peers: peers.wrappingAdd(bytes, ordering: .relaxed)
        }
    }

    public func used(by holder: Holder) -> Int {
        switch holder {
        case .clients: clients.load(ordering: .relaxed)
        case .peers: peers.load(ordering: .relaxed)
        }
    }

    /// Whether nothing more should be begun for who holds something.
    public func isFull(for holder: Holder) -> Bool { used(by: holder) >= limit(of: holder) }
}
