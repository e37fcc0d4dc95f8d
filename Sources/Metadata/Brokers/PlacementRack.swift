import Defects

/// The brokers of one rack, by what one command has given them.
struct PlacementRack {
    /// In ascending id.
    let brokers: [BrokerID]
    /// Those that the partition at hand has not taken, by their number of replicas.
    private var levels: [PlaceSet]
    private var lowest = 0
    /// Those that have led one partition less than others; all, if there are none.
    private var due: PlaceSet
    /// By the partition at hand.
    private var taken: [(place: Int, level: Int)] = []

    init(brokers: [BrokerID]) {
        self.brokers = brokers
        let all = PlaceSet(all: brokers.count)
        (levels, due) = ([all], all)
    }

    var isExhausted: Bool { taken.count == brokers.count }

    /// Of those that have led least one that has the fewest replicas, the next of several on the ring that is rotated by `round`.
    mutating func takeLeader(rotatedBy round: UInt64) -> Int {
        skipEmptyLevels()
        for level in lowest..<levels.count {
            let places = levels[level].intersection(due).places(from: start(round))
            guard let place = places.first(where: { _ in true }) else { continue }
            take(place, at: level)
            if !Defect.fewestLeadersIgnored.isOn { due.remove(place) }
            if due.isEmpty { due = PlaceSet(all: brokers.count) }
            return place
        }
        preconditionFailure("a rack without brokers")
    }

    /// Of those that have at most one replica more than the fewest one that has followed the leader least often, of these one with
    /// the fewest, the next of several on the ring that is rotated by `round`.
    ///
    /// - Parameter pairings: How often each has followed the leader.
    mutating func takeFollower(rotatedBy round: UInt64, pairings: ArraySlice<Int>) -> Int {
        skipEmptyLevels()
        var best: (place: Int, level: Int, pairings: Int)?
        for level in lowest..<min(lowest + 2, levels.count) where best?.pairings != 0 {
            for place in levels[level].places(from: start(round)) {
                let pairings = Defect.pairingsIgnored.isOn ? 0 : pairings[pairings.startIndex + place]
                if pairings < best?.pairings ?? .max { best = (place, level, pairings) }
                if pairings == 0 { break }
            }
        }
        guard let best else { preconditionFailure("a rack without brokers") }
        take(best.place, at: best.level)
        return best.place
    }

    /// The partition has all its replicas.
    mutating func putBack() {
        for (place, level) in taken {
            if level + 1 == levels.count { levels.append(PlaceSet(none: brokers.count)) }
            levels[level + 1].insert(place)
            lowest = min(lowest, level + 1)
        }
        taken.removeAll(keepingCapacity: true)
    }

    private mutating func take(_ place: Int, at level: Int) {
        levels[level].remove(place)
        taken.append((place, level))
    }

    private mutating func skipEmptyLevels() {
        while levels[lowest].isEmpty { lowest += 1 }
    }

    private func start(_ round: UInt64) -> Int { Int(round % UInt64(brokers.count)) }
}
