import Defects

/// A block of ids for the producers of one broker, which gives them away by itself (KIP-730). No id is in two blocks.
public struct AllocateProducerIDs: Equatable, Sendable {
    public var broker: BrokerID
    /// Of the registration that asks; `nil` of one without.
    public var epoch: UInt64?
    public var count: UInt64

    public static let counts: ClosedRange<Int64> = 1...100_000
    public static let defaultCount: Int64 = 1000
    /// The largest that all implementations of JSON carry exactly (RFC 7493 §2.2): no block goes beyond.
    public static let end: UInt64 = 9_007_199_254_740_991

    public init(broker: BrokerID, epoch: UInt64? = nil, count: UInt64 = UInt64(Self.defaultCount)) {
        (self.broker, self.epoch, self.count) = (broker, epoch, count)
    }
}

extension MetadataStateMachine {
    mutating func apply(_ allocation: AllocateProducerIDs) -> Outcome {
        if let refusal = refusal(of: allocation) { return .refused(refusal) }
        let first = counters.nextProducerID
        counters.nextProducerID += Defect.producerBlocksOverlap.isOn ? allocation.count / 2 : allocation.count
        return Outcome(result: .producerIDs(first: first, count: allocation.count))
    }

    /// Why there would be none; `nil` if there would be.
    func refusal(of allocation: AllocateProducerIDs) -> Refusal? {
        guard hasOperations, AllocateProducerIDs.counts.contains(Int64(clamping: allocation.count)) else {
            return .invalidCommand
        }
        guard let broker = broker(allocation.broker) else { return .unknownBroker(allocation.broker) }
        let present = broker.incarnation?.epoch
        guard allocation.epoch == present || Defect.staleEpochGetsProducerIDs.isOn else {
            return .staleBrokerEpoch(broker.id, present: present)
        }
        let (end, overflow) = counters.nextProducerID.addingReportingOverflow(allocation.count)
        return overflow || end > AllocateProducerIDs.end ? .producerIDsExhausted : nil
    }
}
