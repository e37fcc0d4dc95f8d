import Defects

/// Level 2 of placement.version without racks: leaders go round the ring, and each time round the followers of all of them
/// shift by one. So each broker's leaders have their followers on all others, and no single one has to take them over.
struct ShiftedRing {
    /// In ascending id.
    let brokers: [BrokerID]

    /// The replicas of the partition that is the `number`th of all that were ever created.
    func replicas(of number: UInt64, count: Int) -> [BrokerID] {
        let size = UInt64(brokers.count)
        let leader = number % size
        guard count > 1 else { return [brokers[Int(leader)]] }
        let shift = Defect.followersDoNotShift.isOn ? 0 : number / size % (size - 1)
        let followers = (0..<UInt64(count - 1)).map { (leader + 1 + (shift + $0) % (size - 1)) % size }
        return ([leader] + followers).map { brokers[Int($0)] }
    }
}
