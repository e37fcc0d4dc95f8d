import Defects

/// The arithmetic of majorities over a fixed set of voters.
struct Majority {
    /// More than half of `voters`.
    static func size(of voters: Int) -> Int { Defect.halfIsEnough.isOn ? max(1, voters / 2) : voters / 2 + 1 }

    /// The greatest value that a majority has reached: of one voter it is `own`, of each other what `value` says.
    ///
    /// Nothing is sorted or copied: there are a few voters, and this is asked many times for each entry.
    static func reached<Voter, Value: Comparable>(own: Value, _ others: [Voter], _ value: (Voter) -> Value) -> Value {
        let needed = size(of: others.count + 1)
        var greatest: Value?
        func consider(_ candidate: Value) {
            if let greatest, greatest >= candidate { return }
            var count = own >= candidate ? 1 : 0
            for index in others.indices where value(others[index]) >= candidate { count += 1 }
            if count >= needed { greatest = candidate }
        }
        consider(own)
        for index in others.indices { consider(value(others[index])) }
        guard let greatest else { preconditionFailure("the least value is reached by all") }
        return greatest
    }
}
