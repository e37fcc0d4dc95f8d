import Defects

// Brokers with an incarnation (KIP-631, KIP-841): a registration has an epoch, which everything that its process asks for
// names, so that of two processes with one id only the present one is heard.

extension MetadataStateMachine {
    /// The same process again is the same registration; another one takes its place, if the leader knew whose, and that one is
    /// not ACTIVE, or showed that it is gone.
    ///
    /// - Parameter isExpected: It is the one that the leader looked at.
    mutating func register(
        _ broker: Broker, _ incarnation: RegisterBroker.Incarnation, isExpected: Bool, again index: Int
    ) -> Outcome {
        let existing = brokerRows[index]
        if existing.incarnation?.id == incarnation.id { return amend(index, to: broker) }
        // One without epoch may have moved since it was looked at.
        let isSuccessor = incarnation.isSuccessor && (existing.incarnation != nil || existing.hasAddress(of: broker))
        let mayReplace = existing.state != .active || isSuccessor || Defect.replacesActiveBroker.isOn
        guard mayReplace, isExpected else {
            return .refused(.duplicateRegistration(existing))
        }
        replaceBroker(at: index, with: broker)
        counters.version += 1
        var changes: [Change] = [existing.isAt(broker) ? .brokerStateChanged(broker.id) : .brokerMoved(broker.id)]
        if existing.status == .online {
            changes.append(.brokerOffline(broker.id))
            withdraw(broker.id, .keep, &changes)
        }
        return Outcome(result: .broker(broker, isNew: true), changes: changes)
    }

    private func isSame(_ a: Broker, _ b: Broker) -> Bool { a.isAt(b) && a.incarnation == b.incarnation }

    /// Epoch and state stay.
    private mutating func amend(_ index: Int, to broker: Broker) -> Outcome {
        var amended = brokerRows[index]
        (amended.host, amended.port, amended.rack) = (broker.host, broker.port, broker.rack)
        amended.incarnation?.fetches = broker.incarnation?.fetches ?? false
        guard !isSame(amended, brokerRows[index]) else { return Outcome(result: .broker(amended, isNew: false)) }
        replaceBroker(at: index, with: amended)
        counters.version += 1
        return Outcome(result: .broker(amended, isNew: false), changes: [.brokerMoved(broker.id)])
    }

    /// A change that the broker's state does not admit any more changes nothing: whoever asked for it looks at the state.
    mutating func apply(_ change: ChangeBrokerState) -> Outcome {
        guard knowsIncarnations else { return .refused(.invalidCommand) }
        guard let index = brokerIndex(change.id) else { return .refused(.unknownBroker(change.id)) }
        let broker = brokerRows[index]
        guard let epoch = broker.incarnation?.epoch, epoch == change.epoch || Defect.staleEpochChangesState.isOn else {
            return .refused(.staleBrokerEpoch(change.id, present: broker.incarnation?.epoch))
        }
        guard broker.state.mayBecome(change.state) else { return Outcome(result: .done) }
        return enter(change.state, index)
    }

    private mutating func enter(_ state: BrokerState, _ index: Int) -> Outcome {
        var broker = brokerRows[index]
        let previous = broker.status
        broker.enter(state)
        if state == .controlledShutdown {
            broker.incarnation?.shutdownVersion = counters.version + 1
            // Nobody has to hear of what it led.
            if replicaIndex.ledCount(of: broker.id) == 0 { broker.enter(.shutdown) }
        }
        replaceBroker(at: index, with: broker)
        counters.version += 1
        var changes: [Change] = [.brokerStateChanged(broker.id)]
        if previous != broker.status {
            changes.append(broker.status == .online ? .brokerOnline(broker.id) : .brokerOffline(broker.id))
        }
        if state == .active {
            restoreLeadership(of: broker.id, &changes)
        } else if !(state == .controlledShutdown && Defect.shutdownKeepsLeading.isOn) {
            withdraw(broker.id, state == .controlledShutdown ? .planned : .keep, &changes)
        }
        return Outcome(result: .done, changes: changes)
    }
}

extension Broker {
    func hasAddress(of other: Broker) -> Bool { isSameText(host, other.host) && port == other.port }

    fileprivate func isAt(_ other: Broker) -> Bool { hasAddress(of: other) && isSameText(rack, other.rack) }

    mutating func begin(_ registration: RegisterBroker.Incarnation, epoch: UInt64) {
        incarnation = BrokerIncarnation(
            id: registration.id, epoch: epoch, state: .fenced, fetches: registration.fetches)
        status = BrokerState.fenced.status
    }
}
