import Metadata

// Partitions that go to other brokers, and new ones, by the rules of the contract (KIP-455, KIP-195).

extension ClusterModel {
    struct Move: Equatable {
        /// Of those that it is to have.
        var adding: [BrokerID]
        /// Of those that it has.
        var removing: [BrokerID]
        /// Before the first of a chain.
        let origin: [BrokerID]
        /// When it was asked for.
        var time: Int64
    }

    mutating func reassign(_ request: AlterReassignments, at time: Int64) -> ModelAnswer {
        .partitions(
            request.moves.map { move in
                let found = topics.firstIndex { topic in
                    switch move.topic {
                    case .id(let id): topic.id == id
                    case .name(let name): topic.name == name
                    }
                }
                guard let topic = found else { return .refused("unknownTopic") }
                guard topics[topic].partitions.indices.contains(move.partition) else {
                    return .refused("unknownPartition")
                }
                let before = topics[topic].partitions[move.partition]
                let answer: Altered
                if let replicas = move.replicas {
                    answer = go(before, to: replicas, mayGrow: request.mayChangeReplicationFactor, at: time)
                } else {
                    answer = goBack(before)
                }
                guard case .partition(var after) = answer else { return answer }
                if after != before { after.changes += 1 }
                put(after, topic, move.partition)
                return .partition(after)
            })
    }

    private func go(_ before: Partition, to target: [BrokerID], mayGrow: Bool, at time: Int64) -> Altered {
        var partition = before
        let staying = before.replicas.filter { !(before.move?.removing.contains($0) ?? false) }
        if target == staying { return .partition(before) }
        let isPossible = Set(target).count == target.count && !target.isEmpty && target.allSatisfy { broker($0) != nil }
        let hasStopped = target.contains { id in
            !before.replicas.contains(id)
                && (broker(id)?.process?.state == "SHUTDOWN" || broker(id)?.isCordoned == true)
        }
        if !isPossible || hasStopped { return .refused("invalidReplicaAssignment") }
        if target.count != staying.count, !mayGrow { return .refused("replicationFactorChange") }
        let origin = before.move?.origin ?? before.replicas
        let going = Set(before.replicas).subtracting(target).sorted()
        let coming = Set(target).subtracting(origin).sorted()
        partition.replicas = target + going
        partition.move =
            going.isEmpty && coming.isEmpty ? nil : Move(adding: coming, removing: going, origin: origin, time: time)
        arrive(&partition)
        relieve(&partition)
        return .partition(partition)
    }

    private func goBack(_ before: Partition) -> Altered {
        guard let move = before.move else { return .refused("noReassignmentInProgress") }
        let left = before.inSync.filter(move.origin.contains)
        if left.isEmpty { return .refused("uncleanCancel") }
        var partition = before
        partition.move = nil
        partition.leave(to: move.origin, inSync: left, candidates(left))
        return .partition(partition)
    }

    /// When all that it is to have are in sync, the others go.
    func arrive(_ partition: inout Partition) {
        guard let move = partition.move else { return }
        let target = partition.replicas.filter { !move.removing.contains($0) }
        guard Set(target).isSubset(of: partition.inSync) else { return }
        partition.move = nil
        let left = partition.inSync.filter(target.contains)
        partition.leave(to: target, inSync: left, candidates(left))
    }

    /// A topic has as many replicas as its first partition.
    mutating func put(_ partition: Partition, _ topic: Int, _ number: Int) {
        topics[topic].partitions[number] = partition
        if number == 0, partition.move == nil { topics[topic].replicationFactor = partition.replicas.count }
    }

    mutating func grow(_ creation: CreatePartitions, placement level: Int) -> ModelAnswer {
        guard let index = topics.firstIndex(where: { $0.name == creation.topic }) else {
            return .refused("unknownTopic")
        }
        let present = topics[index].partitions.count
        if creation.partitionCount == present { return .topic(topics[index], isNew: false) }
        guard creation.partitionCount > present else { return .refused("invalidPartitions") }
        let new = firstPartitions(
            creation.partitionCount - present, replicas: topics[index].replicationFactor, creation.assignments, level)
        guard case .partitions(let partitions) = new else { return new.refusal }
        topics[index].partitions += partitions
        return .topic(topics[index], isNew: false)
    }

    enum NewPartitions {
        case partitions([Partition])
        case impossible(String)

        var refusal: ModelAnswer { if case .impossible(let why) = self { .refused(why) } else { .done } }
    }

    /// Where somebody wants them, or where they are due.
    mutating func firstPartitions(
        _ count: Int, replicas: Int, _ wanted: [[BrokerID]]?, _ level: Int
    ) -> NewPartitions {
        var lists = wanted ?? []
        if wanted == nil {
            guard hosts.count >= replicas else { return .impossible("notEnoughBrokers") }
            lists = place(count, replicas, level)
        }
        let isPossible = lists.allSatisfy { list in
            list.count == replicas && Set(list).count == replicas && list.allSatisfy { broker($0) != nil }
                && list.contains(where: mayLead) && list.allSatisfy { broker($0)?.isCordoned == false }
        }
        guard lists.count == count, isPossible else { return .impossible("invalidReplicaAssignment") }
        partitionsCreated += count
        return .partitions(
            lists.map { list in
                let leader = candidates(list)[0]
                let live = list.filter { mayLead($0) && $0 != leader }
                return Partition(leader: leader, replicas: list, inSync: [leader] + live)
            })
    }
}

extension ClusterModel.Partition {
    /// Replicas go, and all of them learn of it: by another leader, or by another epoch of the same.
    fileprivate mutating func leave(to left: [BrokerID], inSync: [BrokerID], _ candidates: [BrokerID]) {
        let someGo = !Set(replicas).isSubset(of: left)
        (replicas, self.inSync) = (left, inSync)
        let mayStay = leader.map(candidates.contains) ?? false
        let next = mayStay ? leader : candidates.first
        if next != leader {
            lead(by: next)
        } else if someGo {
            epoch += 1
        }
    }
}
