/// Brokers that something happens to together.
public enum BrokerSelection: Equatable, Sendable {
    case listed([BrokerID])
    /// All that stand there.
    case rack(String)

    /// There is no such broker.
    public enum Flaw: Error, Equatable, Sendable {
        case unknownBroker(BrokerID)
        case emptyRack(String)
    }
}

extension MetadataStateMachine {
    /// Each once, in ascending id.
    public func brokers(_ selection: BrokerSelection) throws(BrokerSelection.Flaw) -> [BrokerID] {
        switch selection {
        case .listed(let ids):
            if let unknown = ids.first(where: { brokerIndex($0) == nil }) { throw .unknownBroker(unknown) }
            return Set(ids).sorted()
        case .rack(let rack):
            let ids = brokerRows.filter { isSameText($0.rack, rack) }.map(\.id)
            guard !ids.isEmpty else { throw .emptyRack(rack) }
            return ids
        }
    }
}
