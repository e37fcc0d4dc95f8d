import Defects

extension MetadataStateMachine {
    mutating func apply(_ registration: RegisterBroker, timestamp: Int64) -> Outcome {
        guard !registration.host.isEmpty, (1...65_535).contains(registration.port) else {
            return .refused(.invalidCommand)
        }
        var broker = Broker(
            id: registration.id, host: registration.host, port: registration.port, rack: registration.rack,
            status: .online, registeredAt: timestamp)
        var incarnation = knowsIncarnations ? registration.incarnation : nil
        if !drawsTopicIDs { incarnation?.fetches = false }
        if let incarnation { broker.begin(incarnation, epoch: counters.version + 1) }
        guard let index = brokerIndex(registration.id) else {
            insertBroker(broker)
            counters.version += 1
            let isOnline = broker.status == .online
            return Outcome(
                result: .broker(broker, isNew: true),
                changes: [.brokerRegistered(broker.id)] + (isOnline ? [.brokerOnline(broker.id)] : []))
        }
        if !Defect.restrictionsEndWithRegistration.isOn { broker.restrictions = brokerRows[index].restrictions }
        let present = brokerRows[index].incarnation?.epoch ?? 0
        if let incarnation {
            return register(broker, incarnation, isExpected: present == registration.replacing, again: index)
        }
        return register(broker, isExpected: present == registration.replacing, again: index)
    }

    private mutating func insertBroker(_ broker: Broker) {
        let index = brokerRows.partitioningIndex { $0.id > broker.id }
        brokerRows.insert(broker, at: index)
        brokerStamps.insert(nextVersion, at: index)
        brokerCounts.add(broker)
        placementRing = nil
        ownDigest.add(Digest(broker))
        changedRows.insert(broker: broker.id)
    }

    /// Another address is a move, and only an OFFLINE broker may move: two live processes must never share an id. Another
    /// rack at the same address is the same process with a new configuration.
    ///
    /// - Parameter isExpected: It is the one that the leader looked at.
    private mutating func register(_ broker: Broker, isExpected: Bool, again index: Int) -> Outcome {
        let existing = brokerRows[index]
        let (wasActive, isNamed) = (existing.state == .active, existing.incarnation != nil)
        if isNamed, wasActive || !isExpected { return .refused(.duplicateRegistration(existing)) }
        let hasSameAddress = existing.hasAddress(of: broker)
        if wasActive, !hasSameAddress, !Defect.movesWhileOnline.isOn { return .refused(.brokerIDInUse(existing)) }
        let isMoved = !hasSameAddress || !isSameText(existing.rack, broker.rack)
        if wasActive, !isMoved { return Outcome(result: .broker(existing, isNew: false)) }

        var updated = broker
        if !isMoved, !Defect.registeredAtMoves.isOn { updated.registeredAt = existing.registeredAt }
        replaceBroker(at: index, with: updated)
        counters.version += 1
        var changes: [Change] = isMoved ? [.brokerMoved(broker.id)] : []
        if !wasActive {
            changes.append(.brokerOnline(broker.id))
            restoreLeadership(of: broker.id, &changes)
        }
        return Outcome(result: .broker(updated, isNew: isMoved), changes: changes)
    }

    mutating func unregisterBroker(_ id: BrokerID) -> Outcome {
        guard let index = brokerIndex(id) else { return .refused(.unknownBroker(id)) }
        let assigned = replicaIndex.count(of: id)
        guard assigned == 0 || Defect.unregistersWithPartitions.isOn else {
            return .refused(.brokerHasPartitions(id, count: assigned))
        }
        brokerCounts.remove(brokerRows[index])
        placementRing = nil
        ownDigest.subtract(Digest(brokerRows[index]))
        changedRows.insert(broker: id)
        brokerRows.remove(at: index)
        brokerStamps.remove(at: index)
        removals.append(.broker(id), at: nextVersion)
        counters.version += 1
        return Outcome(result: .done, changes: [.brokerUnregistered(id)])
    }

    mutating func apply(_ update: UpdateBrokerStatus) -> Outcome {
        guard let index = brokerIndex(update.id) else { return .refused(.unknownBroker(update.id)) }
        var broker = brokerRows[index]
        // Of one with an incarnation only ``ChangeBrokerState`` speaks: another one may have registered since.
        guard broker.status != update.status, broker.incarnation == nil else { return Outcome(result: .done) }
        broker.status = update.status
        replaceBroker(at: index, with: broker)
        counters.version += 1
        var changes: [Change]
        switch update.status {
        case .online:
            changes = [.brokerOnline(broker.id)]
            restoreLeadership(of: broker.id, &changes)
        case .offline:
            changes = [.brokerOffline(broker.id)]
            withdraw(broker.id, .keep, &changes)
        }
        return Outcome(result: .done, changes: changes)
    }

    mutating func replaceBroker(at index: Int, with broker: Broker) {
        ownDigest.subtract(Digest(brokerRows[index]))
        ownDigest.add(Digest(broker))
        brokerCounts.remove(brokerRows[index])
        brokerCounts.add(broker)
        placementRing = nil
        brokerRows[index] = broker
        if !Defect.brokerChangeNotStamped.isOn { brokerStamps[index] = nextVersion }
        changedRows.insert(broker: broker.id)
    }
}
