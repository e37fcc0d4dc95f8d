import Defects

/// The arithmetic of majorities over a fixed set of voters.
struct Majority {
    /// More than half of `voters`.
    static func size(of voters: Int) -> Int { Defect.halfIsEnough.isOn ? max(1, voters / 2) : voters / 2 + 1 }

    /// The greatest value that a majority has reached, given the value of each voter.
    static func reached<Value: Comparable>(_ values: [Value]) -> Value {
        precondition(!values.isEmpty, "a cluster has at least one voter")
        return values.sorted(by: >)[size(of: values.count) - 1]
    }
}
