/// The deadlines of one loop's channels: a binary heap in which every channel knows its place.
///
/// A deadline that only moves later, as an idle timeout does with every request, is a store in the channel; the heap learns of
/// it when the old time comes. So a request costs no heap work, and an ended connection leaves nothing behind.
struct TimerHeap {
    private var entries: [(time: UInt64, channel: Channel)] = []

    /// The earliest time to look at the heap, in nanoseconds of the monotonic clock.
    var earliest: UInt64? { entries.first?.time }

    mutating func schedule(_ channel: Channel, at time: UInt64) {
        let index = channel.heapIndex
        if index < 0 {
            entries.append((time, channel))
            channel.heapIndex = entries.count - 1
            siftUp(entries.count - 1)
        } else if time < entries[index].time {
            entries[index].time = time
            siftUp(index)
        }
    }

    mutating func remove(_ channel: Channel) {
        let index = channel.heapIndex
        guard index >= 0 else { return }
        channel.heapIndex = -1
        let last = entries.removeLast()
        guard index < entries.count else { return }
        entries[index] = last
        last.channel.heapIndex = index
        siftUp(index)
        siftDown(last.channel.heapIndex)
    }

    /// Removes and returns a channel whose deadline has passed.
    mutating func popExpired(now: UInt64) -> Channel? {
        while let first = entries.first, first.time <= now {
            let channel = first.channel
            if channel.deadline > now, channel.deadline != .max {
                entries[0].time = channel.deadline
                siftDown(0)
                continue
            }
            remove(channel)
            if channel.deadline <= now { return channel }
        }
        return nil
    }

    private mutating func siftUp(_ start: Int) {
        var index = start
        while index > 0 {
            let parent = (index - 1) / 2
            guard entries[index].time < entries[parent].time else { return }
            swap(index, parent)
            index = parent
        }
    }

    private mutating func siftDown(_ start: Int) {
        var index = start
        while true {
            var smallest = index
            for child in [2 * index + 1, 2 * index + 2] where child < entries.count {
                if entries[child].time < entries[smallest].time { smallest = child }
            }
            guard smallest != index else { return }
            swap(index, smallest)
            index = smallest
        }
    }

    private mutating func swap(_ first: Int, _ second: Int) {
        entries.swapAt(first, second)
        entries[first].channel.heapIndex = first
        entries[second].channel.heapIndex = second
    }
}
