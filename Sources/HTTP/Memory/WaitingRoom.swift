/// The connections of one loop that wait for memory, first come, first served: a large request is not overtaken for ever by
/// smaller ones.
final class WaitingRoom: Channel, @unchecked Sendable {
    private var clients = TurnQueue()
    /// Who wait for room of their own: not behind clients.
    private var peers = TurnQueue()
    /// Those that have taken room; some that are through with it.
    private var holders: [HTTPServerChannel] = []
    /// How often the account is looked at while somebody waits, in nanoseconds.
    private static let interval: UInt64 = 5_000_000

    init(loop: EventLoop) { super.init(loop: loop, descriptor: -1) }

    func enter(_ channel: HTTPServerChannel) {
        if channel.isPeer { peers.append(channel) } else { clients.append(channel) }
        if deadline == .max { setDeadline(loop.now + Self.interval) }
    }

    func hasTakenMemory(_ channel: HTTPServerChannel) {
        if holders.count >= 64 { holders.removeAll { $0.memory.reserved == 0 || $0 === channel } }
        holders.append(channel)
    }

    override func deadlinePassed() {
        admit(from: &peers)
        admit(from: &clients)
        if peers.isEmpty, clients.isEmpty { return setDeadline(.max) }
        holders.removeAll { holder in
            guard holder.isStandingStill() else { return holder.memory.reserved == 0 }
            holder.giveWay()
            return true
        }
        setDeadline(loop.now + Self.interval)
    }

    private func admit(from queue: inout TurnQueue) {
        while let channel = queue.first as? HTTPServerChannel, channel.hasStoppedWaiting() {
            _ = queue.popFirst()
            // Many may have waited too long at once.
            if loop.isTurnOver() { return }
        }
    }
}
