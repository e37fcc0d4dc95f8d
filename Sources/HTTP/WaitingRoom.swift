/// The connections of one loop that wait for memory, first come, first served: a large request is not overtaken for ever by
/// smaller ones.
final class WaitingRoom: Channel, @unchecked Sendable {
    private var waiting = TurnQueue()
    /// Those that read a body for which they have taken room; some that are through with it.
    private var readers: [HTTPServerChannel] = []
    /// How often the account is looked at while somebody waits, in nanoseconds.
    private static let interval: UInt64 = 5_000_000

    init(loop: EventLoop) { super.init(loop: loop, descriptor: -1) }

    func enter(_ channel: HTTPServerChannel) {
        waiting.append(channel)
        if deadline == .max { setDeadline(loop.now + Self.interval) }
    }

    func hasBegunBody(_ channel: HTTPServerChannel) {
        if readers.count >= 64 { readers.removeAll { $0.memory.reservedBody == 0 || $0 === channel } }
        readers.append(channel)
    }

    override func deadlinePassed() {
        while let channel = waiting.first as? HTTPServerChannel, channel.hasStoppedWaiting() { _ = waiting.popFirst() }
        if waiting.isEmpty { return setDeadline(.max) }
        readers.removeAll { reader in
            guard reader.isBodyStalled() else { return reader.memory.reservedBody == 0 }
            reader.giveUpBody()
            return true
        }
        setDeadline(loop.now + Self.interval)
    }
}
