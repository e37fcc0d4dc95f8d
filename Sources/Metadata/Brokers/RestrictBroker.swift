import Defects

/// What an operator has taken from a broker until it is given back. It outlives the broker's registrations.
public struct BrokerRestrictions: OptionSet, Hashable, Sendable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// It gets no new replicas.
    public static let cordoned = BrokerRestrictions(rawValue: 1)
    /// It gets no new replicas, and leads only what nobody else could.
    public static let maintenance = BrokerRestrictions(rawValue: 2)

    /// As they are written.
    public static let names: [(restriction: BrokerRestrictions, name: String)] = [
        (.cordoned, "cordoned"), (.maintenance, "maintenance"),
    ]
}

/// Takes something from a broker, or gives it back.
public struct RestrictBroker: Equatable, Sendable {
    public var id: BrokerID
    /// One of them.
    public var restriction: BrokerRestrictions
    public var isOn: Bool
    /// Also while another broker is in maintenance.
    public var isForced: Bool

    public init(id: BrokerID, restriction: BrokerRestrictions, isOn: Bool, isForced: Bool = false) {
        (self.id, self.restriction, self.isOn, self.isForced) = (id, restriction, isOn, isForced)
    }
}

extension MetadataStateMachine {
    /// How many partitions at most a broker is given back at once that leads again.
    static let maximumGivenBack = 1000

    mutating func apply(_ request: RestrictBroker) -> Outcome {
        guard hasOperations else { return .refused(.invalidCommand) }
        if let result = resultIfUnchanged(request) { return Outcome(result: result) }
        guard let index = brokerIndex(request.id) else { preconditionFailure("a restriction of no broker") }
        var broker = brokerRows[index]
        if request.isOn {
            broker.restrictions.insert(request.restriction)
        } else {
            broker.restrictions.remove(request.restriction)
        }
        replaceBroker(at: index, with: broker)
        counters.version += 1
        var changes: [Change] = [.brokerStateChanged(broker.id)]
        if request.restriction == .maintenance {
            if request.isOn { relieve(broker.id, &changes) } else { giveBack(to: broker.id, &changes) }
        }
        return Outcome(result: .broker(broker, isNew: false), changes: changes)
    }

    /// What it would come to, if it would change nothing; `nil` if it must be applied.
    public func resultIfUnchanged(_ request: RestrictBroker) -> CommandResult? {
        guard let broker = broker(request.id) else { return .refused(.unknownBroker(request.id)) }
        if broker.restrictions.contains(request.restriction) == request.isOn { return .broker(broker, isNew: false) }
        guard request.restriction == .maintenance, request.isOn, !request.isForced else { return nil }
        return brokerRows.first { $0.restrictions.contains(.maintenance) }.map {
            .refused(.maintenanceInProgress($0.id))
        }
    }

    /// It leads no more what others can.
    private mutating func relieve(_ broker: BrokerID, _ changes: inout [Change]) {
        if Defect.maintenanceKeepsLeading.isOn { return }
        settlePartitions(on: broker, .planned, &changes) { $0.leader == broker }
    }

    /// It leads again what it is to lead, and what others lead only because nobody else could.
    private mutating func giveBack(to broker: BrokerID, _ changes: inout [Change]) {
        if brokerCounts.inMaintenance > 0 {
            settlePartitions(on: broker, .keep, &changes) { [self] in $0.leader.map(isInMaintenance) ?? false }
        }
        var count = 0
        settlePartitions(on: broker, .preferred, &changes) { [self] partition in
            guard count < Self.maximumGivenBack, partition.replicas[0] == broker, mayElectPreferred(partition) else {
                return false
            }
            count += 1
            return true
        }
    }

    /// The partitions that the broker leads: the first ones, by topic and id, and how many there are. A look at all that it has.
    public func led(
        by broker: BrokerID, atMost limit: Int
    ) -> (listed: [(topic: String, partition: Partition)], total: Int) {
        var listed: [(topic: String, partition: Partition)] = []
        var total = 0
        for (topic, id) in partitions(on: broker) {
            let rows = topicRows[topic]
            let partition = rows.partitions[id]
            guard partition.leader == broker else { continue }
            total += 1
            if listed.count < limit { listed.append((rows.topic.name, partition)) }
        }
        return (listed, total)
    }

    func isCordoned(_ broker: BrokerID) -> Bool { self.broker(broker)?.restrictions.contains(.cordoned) == true }

    func isInMaintenance(_ broker: BrokerID) -> Bool {
        brokerCounts.inMaintenance > 0 && self.broker(broker)?.restrictions.contains(.maintenance) == true
    }
}

extension Broker {
    /// Whether it may be given replicas that it does not have.
    var mayHost: Bool { state == .active && (restrictions.isEmpty || Defect.restrictedHostsReplicas.isOn) }
}
