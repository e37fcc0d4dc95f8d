/// Channels that wait, in order.
struct TurnQueue {
    private var channels: [Channel?] = []
    private var head = 0

    var count: Int { channels.count - head }
    var isEmpty: Bool { count == 0 }

    var first: Channel? { head < channels.count ? channels[head] : nil }

    mutating func append(_ channel: Channel) { channels.append(channel) }

    mutating func popFirst() -> Channel? {
        guard head < channels.count else { return nil }
        let channel = channels[head]
        channels[head] = nil
        head += 1
        if head == channels.count {
            channels.removeAll(keepingCapacity: true)
            head = 0
        } else if head >= 1024, head * 2 >= channels.count {
            channels.removeFirst(head)
            head = 0
        }
        return channel
    }
}
