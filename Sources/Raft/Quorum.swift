import Defects

/// The arithmetic of majorities: how many voters there are in each half of a configuration (§4.3), and in which of them
/// this node counts. Outside of a joint configuration both halves are the same voters.
struct Quorum: Equatable, Sendable {
    private var incoming: Int
    private var outgoing: Int
    private var isJoint: Bool
    private var own: Halves

    /// - Parameter own: The halves that this node counts in.
    init(_ configuration: Configuration, own: Halves) {
        incoming = configuration.members.count { $0.halves.contains(.incoming) }
        outgoing = configuration.members.count { $0.halves.contains(.outgoing) }
        isJoint = configuration.isJoint
        self.own = own
    }

    /// More than half of `voters`.
    static func size(of voters: Int) -> Int { Defect.halfIsEnough.isOn ? max(1, voters / 2) : voters / 2 + 1 }

    /// Whether those who count in `halves`, one for each node, are a majority of every half.
    func isReached(by halves: some Collection<Halves>) -> Bool {
        decides { half, voters in halves.count { $0.contains(half) } >= Self.size(of: voters) }
    }

    /// Whether so many refuse that no majority is left in some half.
    func isOutOfReach(without halves: some Collection<Halves>) -> Bool {
        !decides { half, voters in halves.count { $0.contains(half) } <= voters - Self.size(of: voters) }
    }

    /// Whether this node is a majority by itself.
    var isReachedAlone: Bool { isReached(by: CollectionOfOne(own)) }

    private func decides(_ isDecided: (Halves, Int) -> Bool) -> Bool {
        isDecided(.incoming, incoming)
            && (!isJoint || Defect.jointCountsOneHalf.isOn || isDecided(.outgoing, outgoing))
    }

    /// The greatest value that a majority of every half has reached: of this node it is `own`, of each peer what `value`
    /// says. `least` if too few count at all.
    ///
    /// Nothing is sorted or copied: there are a few voters, and this is asked many times for each entry.
    func reached<Value: Comparable>(
        own: Value, _ peers: [Progress], least: Value, _ value: (Progress) -> Value
    ) -> Value {
        let first = reached(.incoming, incoming, own: own, peers, least: least, value)
        guard isJoint, !Defect.jointCountsOneHalf.isOn else { return first }
        return min(first, reached(.outgoing, outgoing, own: own, peers, least: least, value))
    }

    private func reached<Value: Comparable>(
        _ half: Halves, _ voters: Int, own: Value, _ peers: [Progress], least: Value, _ value: (Progress) -> Value
    ) -> Value {
        let needed = Self.size(of: voters)
        let isCounted = self.own.contains(half)
        var greatest = least
        func consider(_ candidate: Value) {
            guard candidate > greatest else { return }
            var count = isCounted && own >= candidate ? 1 : 0
            for index in peers.indices where peers[index].halves.contains(half) && value(peers[index]) >= candidate {
                count += 1
            }
            if count >= needed { greatest = candidate }
        }
        if isCounted { consider(own) }
        for index in peers.indices where peers[index].halves.contains(half) { consider(value(peers[index])) }
        return greatest
    }
}
