import Metadata

// Brokers that name their process, by the rules of the contract (§3, §4).

extension ClusterModel {
    /// What a broker has that named its process when it registered.
    struct Process: Equatable {
        let name: String
        let epoch: UInt64
        /// As the contract writes it.
        var state = "FENCED"
        /// What the others must have heard of before it may stop.
        var mayStopAt: UInt64?
        /// It asks for changes by itself.
        var fetches = false
    }

    /// - Parameter version: Of what comes of it.
    mutating func register(
        _ registration: RegisterBroker, _ process: RegisterBroker.Incarnation, at time: Int64, version: UInt64,
        level: Int
    ) -> ModelAnswer {
        let fetches = level >= 4 && process.fetches
        var new = Broker(
            id: registration.id, host: registration.host, port: registration.port, rack: registration.rack,
            isOnline: false, registeredAt: time, process: Process(name: process.id, epoch: version, fetches: fetches))
        guard let old = broker(new.id) else {
            put(new)
            return .broker(new, isNew: true)
        }
        (new.isCordoned, new.isInMaintenance) = (old.isCordoned, old.isInMaintenance)
        if old.process?.name == new.process?.name {
            (new.registeredAt, new.process, new.isOnline) = (old.registeredAt, old.process, old.isOnline)
            new.process?.fetches = fetches
            put(new)
            return .broker(new, isNew: false)
        }
        let isSuccessor = process.isSuccessor && (old.process != nil || old.host == new.host && old.port == new.port)
        let isFree = !old.mayLead || isSuccessor
        guard isFree, old.process?.epoch ?? 0 == registration.replacing else {
            return .refused("duplicateRegistration")
        }
        put(new)
        withdraw(new.id) { $0.first }
        return .broker(new, isNew: true)
    }

    mutating func change(_ change: ChangeBrokerState, version: UInt64) -> ModelAnswer {
        guard var broker = broker(change.id) else { return .refused("unknownBroker") }
        guard var process = broker.process, process.epoch == change.epoch else { return .refused("staleBrokerEpoch") }
        switch (process.state, change.state.rawValue) {
        case ("FENCED", "ACTIVE"):
            process.state = "ACTIVE"
            (broker.isOnline, broker.process) = (true, process)
            put(broker)
            giveBack(to: broker.id)
        case ("ACTIVE", "FENCED"), ("CONTROLLED_SHUTDOWN", "FENCED"), ("CONTROLLED_SHUTDOWN", "SHUTDOWN"):
            process.state = change.state.rawValue
            (broker.isOnline, broker.process) = (false, process)
            put(broker)
            withdraw(broker.id) { $0.first }
        case ("ACTIVE", "CONTROLLED_SHUTDOWN"):
            let leadsNothing = ledBy(broker.id) == 0
            process.mayStopAt = version
            process.state = leadsNothing ? "SHUTDOWN" : "CONTROLLED_SHUTDOWN"
            (broker.isOnline, broker.process) = (!leadsNothing, process)
            put(broker)
            withdrawOneByOne(broker.id)
        default: break
        }
        return .done
    }

    func ledBy(_ id: BrokerID) -> Int {
        topics.reduce(0) { $0 + $1.partitions.count { $0.leader == id } }
    }

    /// Nobody is in a hurry: each partition goes to whoever leads the fewest at that moment.
    private mutating func withdrawOneByOne(_ id: BrokerID) {
        for topic in topics {
            for number in topic.partitions.indices {
                let counts = Dictionary(uniqueKeysWithValues: brokers.map { ($0.id, ledBy($0.id)) })
                withdraw(id, from: topic.name, number) { candidates in
                    candidates.min { counts[$0, default: 0] < counts[$1, default: 0] }
                }
            }
        }
    }
}
