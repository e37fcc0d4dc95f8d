import Defects

extension MetadataStateMachine {
    mutating func apply(_ registration: RegisterBroker, timestamp: Int64) -> Outcome {
        guard !registration.host.isEmpty, (1...65_535).contains(registration.port) else {
            return .refused(.invalidCommand)
        }
        let broker = Broker(
            id: registration.id, host: registration.host, port: registration.port, rack: registration.rack,
            status: .online, registeredAt: timestamp)
        guard let index = brokerIndex(registration.id) else {
            brokerRows.insert(broker, at: brokerRows.partitioningIndex { $0.id > registration.id })
            onlineCount += 1
            placementRing = nil
            ownDigest.add(Digest(broker))
            changedRows.insert(broker: broker.id)
            counters.version += 1
            return Outcome(
                result: .broker(broker, isNew: true), changes: [.brokerRegistered(broker.id), .brokerOnline(broker.id)])
        }
        return register(broker, again: index)
    }

    /// Another address is a move, and only an OFFLINE broker may move: two live processes must never share an id. Another
    /// rack at the same address is the same process with a new configuration.
    private mutating func register(_ broker: Broker, again index: Int) -> Outcome {
        let existing = brokerRows[index]
        let hasSameAddress = isSameText(existing.host, broker.host) && existing.port == broker.port
        if existing.status == .online, !hasSameAddress, !Defect.movesWhileOnline.isOn {
            return .refused(.brokerIDInUse(existing))
        }
        let isMoved = !hasSameAddress || !isSameText(existing.rack, broker.rack)
        if existing.status == .online, !isMoved { return Outcome(result: .broker(existing, isNew: false)) }

        var updated = broker
        if !isMoved, !Defect.registeredAtMoves.isOn { updated.registeredAt = existing.registeredAt }
        replaceBroker(at: index, with: updated)
        counters.version += 1
        var changes: [Change] = isMoved ? [.brokerMoved(broker.id)] : []
        if existing.status == .offline {
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
        if brokerRows[index].status == .online { onlineCount -= 1 }
        placementRing = nil
        ownDigest.subtract(Digest(brokerRows[index]))
        changedRows.insert(broker: id)
        brokerRows.remove(at: index)
        counters.version += 1
        return Outcome(result: .done, changes: [.brokerUnregistered(id)])
    }

    mutating func apply(_ update: UpdateBrokerStatus) -> Outcome {
        guard let index = brokerIndex(update.id) else { return .refused(.unknownBroker(update.id)) }
        var broker = brokerRows[index]
        guard broker.status != update.status else { return Outcome(result: .done) }
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
            withdraw(broker.id, &changes)
        }
        return Outcome(result: .done, changes: changes)
    }

    private mutating func replaceBroker(at index: Int, with broker: Broker) {
        ownDigest.subtract(Digest(brokerRows[index]))
        ownDigest.add(Digest(broker))
        if brokerRows[index].status != broker.status { onlineCount += broker.status == .online ? 1 : -1 }
        placementRing = nil
        brokerRows[index] = broker
        changedRows.insert(broker: broker.id)
    }
}
