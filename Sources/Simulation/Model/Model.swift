import Metadata

/// What a log comes to by the rules of the contract: the judge of what nodes hold, tell and answer. Written from the
/// contract alone, so that a rule that is wrong in the product is not right by definition.
struct Model {
    /// By version: one for each command that changed a broker, a topic or a partition.
    private(set) var clusters = [ClusterModel()]
    private(set) var keys = KeysModel()
    /// Of feature metadata.version.
    private(set) var level = 1
    /// Of feature placement.version.
    private(set) var placement = 1
    /// All below were given to producers.
    private(set) var producerIDs: UInt64 = 0
    /// Of the last entry.
    private var time: Int64 = 0

    var version: UInt64 { UInt64(clusters.count - 1) }
    var cluster: ClusterModel { clusters[clusters.count - 1] }
    /// `nil` for a version that nothing committed has yet.
    func cluster(at version: UInt64) -> ClusterModel? { version <= self.version ? clusters[Int(version)] : nil }

    /// As it was so many versions ago.
    func earlier(_ versions: Int) -> ClusterModel { clusters[max(0, clusters.count - 1 - versions)] }

    /// - Parameter time: The entry's, in Unix milliseconds.
    mutating func apply(_ command: Command, at time: Int64) -> ModelAnswer {
        let (level, next) = (level, version + 1)
        self.time = time
        switch command {
        case .noop: return .done
        case .put(let put): return keys.put(put)
        case .delete(let delete): return keys.delete(delete)
        case .registerBroker(let registration):
            return change { cluster in
                guard level >= 3, let process = registration.incarnation else {
                    return cluster.register(registration, at: time)
                }
                return cluster.register(registration, process, at: time, version: next, level: level)
            }
        case .unregisterBroker(let id): return change { $0.unregister(id) }
        case .updateBrokerStatus(let update):
            return change { $0.setStatus(of: update.id, isOnline: update.status == .online) }
        case .createTopic(let creation):
            let placement = placement
            return change { $0.create(creation, at: time, level: level, placement: placement) }
        case .deleteTopic(let deletion): return change { $0.delete(deletion, level: level) }
        case .updateInSyncReplicas(let update): return change { $0.update(update, level: level) }
        case .raiseLevel(of: .placement, let wanted):
            guard level >= 4, wanted >= placement else { return .refused("invalidCommand") }
            placement = wanted
            return .done
        case .raiseLevel(of: .metadata, let wanted):
            guard wanted >= level else { return .refused("invalidCommand") }
            if level < 2, wanted >= 2 { keys.keepHistory() }
            self.level = wanted
            return .done
        case .compactHistory(let revision): return keys.compact(through: revision)
        case _ where level < 2: return .refused("invalidCommand")
        case .transaction(let transaction): return keys.carryOut(transaction)
        case .grantLease(let lease): return keys.grant(lease)
        case .revokeLease(let id): return keys.revoke(id)
        case .keepLeasesAlive: return .done
        case .changeBrokerState where level < 3: return .refused("invalidCommand")
        case .changeBrokerState(let wanted):
            return change { $0.change(wanted, version: next) }
        case .alterPartitions where level < 4, .electLeaders where level < 4: return .refused("invalidCommand")
        case .alterReassignments where level < 5, .createPartitions where level < 5: return .refused("invalidCommand")
        case .restrictBroker where level < 5: return .refused("invalidCommand")
        case .restrictBroker(let request): return change { $0.restrict(request) }
        case .alterReassignments(let request): return change { $0.reassign(request, at: time) }
        case .createPartitions(let creation):
            let placement = placement
            return change { $0.grow(creation, placement: placement) }
        case .electLeaders(let election): return change { $0.elect(election) }
        case .alterPartitions(let report): return change { $0.alter(report) }
        case .group where level < 5, .allocateProducerIDs where level < 5: return .refused("invalidCommand")
        case .group(let command): return change { $0.carryOut(command, at: time) }
        case .allocateProducerIDs(let allocation):
            if let refusal = cluster.refusal(of: allocation) { return refusal }
            producerIDs += allocation.count
            return .producerIDs(first: producerIDs - allocation.count, count: allocation.count)
        }
    }

    private mutating func change(_ body: (inout ClusterModel) -> ModelAnswer) -> ModelAnswer {
        var next = cluster
        let answer = body(&next)
        if next != cluster {
            if level >= 4 { next.countChanges(since: cluster) }
            next.passOnGroups(at: time)
            clusters.append(next)
        }
        return answer
    }
}

/// What whoever sent a command is told.
enum ModelAnswer: Equatable {
    case done
    case broker(ClusterModel.Broker, isNew: Bool)
    case topic(ClusterModel.Topic, isNew: Bool)
    case put(revision: UInt64, version: UInt64)
    case deleted(count: Int, revision: UInt64)
    case transaction(TransactionModel.Answer, revision: UInt64)
    case lease(LeaseID, ttl: Int64)
    case partitions([ClusterModel.Altered])
    case group(ClusterModel.Group, at: String?)
    case producerIDs(first: UInt64, count: UInt64)
    /// With the key's present revision, if that is the reason.
    case refused(String, present: UInt64? = nil)
}
