import Metadata

/// Consumer groups by the rules of control-plane.md 2.15: every change goes through all of them.
extension ClusterModel {
    struct Group: Equatable {
        let topic: String
        let app: String
        var leader: BrokerID
        let createdAt: Int64
        var changedAt: Int64

        var name: String { "G_" + topic + "_" + app }
    }

    private func led(by broker: BrokerID) -> Int { groups.count { $0.leader == broker } }

    /// Of those that may lead, who leads the fewest; of these the one with the lowest id.
    private var leastBurdened: BrokerID? {
        let candidates = brokers.filter(\.mayLead).map(\.id)
        let fewest = candidates.map(led).min()
        return candidates.first { led(by: $0) == fewest }
    }

    private func answer(_ group: Group) -> ModelAnswer {
        .group(group, at: broker(group.leader).map { "\($0.host):\($0.port)" })
    }

    mutating func carryOut(_ command: GroupCommand, at time: Int64) -> ModelAnswer {
        switch command {
        case .find(let topic, let app):
            let name = "G_" + topic + "_" + app
            if let known = groups.first(where: { $0.name == name }) {
                return known.topic == topic && known.app == app ? answer(known) : .refused("groupIDCollision")
            }
            guard let leader = leastBurdened else { return .refused("noGroupLeader") }
            let group = Group(topic: topic, app: app, leader: leader, createdAt: time, changedAt: time)
            groups.insert(group, at: groups.firstIndex { $0.name > name } ?? groups.count)
            return answer(group)
        case .move(let name, let broker):
            guard let index = groups.firstIndex(where: { $0.name == name }) else { return .refused("unknownGroup") }
            guard self.broker(broker) != nil else { return .refused("unknownBroker") }
            guard groups[index].leader != broker else { return answer(groups[index]) }
            guard mayLead(broker) else { return .refused("brokerNotActive") }
            (groups[index].leader, groups[index].changedAt) = (broker, time)
            return answer(groups[index])
        case .delete(let name, let broker):
            guard let index = groups.firstIndex(where: { $0.name == name }) else { return .done }
            guard groups[index].leader == broker else { return .refused("notGroupLeader") }
            groups.remove(at: index)
            return .done
        }
    }

    /// Who may not have ids for producers.
    func refusal(of allocation: AllocateProducerIDs) -> ModelAnswer? {
        guard let broker = broker(allocation.broker) else { return .refused("unknownBroker") }
        return broker.process?.epoch == allocation.epoch ? nil : .refused("staleBrokerEpoch")
    }

    /// Behind every entry: nobody leads who may not, as long as there is somebody who may.
    mutating func passOnGroups(at time: Int64) {
        for index in groups.indices where !mayLead(groups[index].leader) {
            guard let next = leastBurdened else { return }
            (groups[index].leader, groups[index].changedAt) = (next, time)
        }
    }
}
