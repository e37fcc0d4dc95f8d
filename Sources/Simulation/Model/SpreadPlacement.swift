import Metadata

/// Where replicas go from placement.version 2 on: so that what a broker leads passes to all others when it is lost, not to one.
/// For one topic; what others have got does not count.
struct SpreadPlacement {
    private struct Candidate {
        let id: BrokerID
        let rack: Int
        /// Among those of its rack.
        let place: Int
        var led = 0
        var replicas = 0
        /// By leader: how often it followed.
        var followed: [BrokerID: Int] = [:]
    }

    private var candidates: [Candidate] = []
    private var sizes: [Int] = []

    /// `brokers` in ascending id. Those that name no rack are in one together.
    init(_ brokers: [(id: BrokerID, rack: String?)]) {
        var racks: [String] = []
        for broker in brokers where !racks.contains(broker.rack ?? "") { racks.append(broker.rack ?? "") }
        sizes = racks.map { _ in 0 }
        for broker in brokers {
            let rack = racks.firstIndex(of: broker.rack ?? "") ?? 0
            candidates.append(Candidate(id: broker.id, rack: rack, place: sizes[rack]))
            sizes[rack] += 1
        }
    }

    /// The first is the leader.
    mutating func replicas(of number: Int, count: Int) -> [BrokerID] {
        sizes.count == 1
            ? shifted(number, count).map { candidates[$0].id } : spread(number, count).map { candidates[$0].id }
    }

    /// The next on the ring, where those behind the leader stand one further each time it went round.
    private func shifted(_ number: Int, _ count: Int) -> [Int] {
        let size = candidates.count
        let leader = number % size
        var others = (1..<size).map { (leader + $0) % size }
        if size > 2 { for _ in 0..<(number / size) % (size - 1) { others.append(others.removeFirst()) } }
        return [leader] + others.prefix(count - 1)
    }

    private mutating func spread(_ number: Int, _ count: Int) -> [Int] {
        let round = number / sizes.count
        let order = rackOrder(number % sizes.count, round)
        var chosen: [Int] = []
        var turn = 0
        while chosen.count < count {
            let rack = order[turn % order.count]
            turn += 1
            let free = candidates.indices.filter { candidates[$0].rack == rack && !chosen.contains($0) }
            guard !free.isEmpty else { continue }
            chosen.append(
                chosen.isEmpty ? leader(of: free, round) : follower(of: candidates[chosen[0]].id, free, round))
        }
        candidates[chosen[0]].led += 1
        for index in chosen { candidates[index].replicas += 1 }
        for index in chosen.dropFirst() { candidates[index].followed[candidates[chosen[0]].id, default: 0] += 1 }
        return chosen
    }

    /// From `first` on, where the others stand one further each time all were the first.
    private func rackOrder(_ first: Int, _ round: Int) -> [Int] {
        var others = (1..<sizes.count).map { (first + $0) % sizes.count }
        for _ in 0..<round % others.count { others.append(others.removeFirst()) }
        return [first] + others
    }

    private func leader(of free: [Int], _ round: Int) -> Int {
        least(of: free) { [$0.led, $0.replicas, distance($0, round)] }
    }

    /// Nobody may get far ahead of the others in its rack that are free.
    private func follower(of leader: BrokerID, _ free: [Int], _ round: Int) -> Int {
        let fewest = free.map { candidates[$0].replicas }.min() ?? 0
        let fit = free.filter { candidates[$0].replicas <= fewest + 1 }
        return least(of: fit) { [$0.followed[leader] ?? 0, $0.replicas, distance($0, round)] }
    }

    /// From where the round begins in its rack.
    private func distance(_ candidate: Candidate, _ round: Int) -> Int {
        let size = sizes[candidate.rack]
        return (candidate.place - round % size + size) % size
    }

    private func least(of indices: [Int], _ measure: (Candidate) -> [Int]) -> Int {
        indices.min { measure(candidates[$0]).lexicographicallyPrecedes(measure(candidates[$1])) } ?? indices[0]
    }
}
