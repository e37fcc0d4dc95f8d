// What the log would have if brokers were lost, or came back.

extension MetadataStateMachine {
    /// As the leader proposes it when the broker's time is up.
    public func commandsOfLoss(of id: BrokerID, at timestamp: Int64) -> [Command] {
        guard let broker = broker(id) else { return [] }
        return [command(for: broker, .fenced, at: timestamp)]
    }

    /// A process that was lost goes on, and beats again. One that has stopped, or is about to, is followed by another one, which
    /// registers, and is ACTIVE as soon as it is caught up.
    public func commandsOfReturn(of id: BrokerID, at timestamp: Int64) -> [Command] {
        guard let broker = broker(id) else { return [] }
        guard let incarnation = broker.incarnation, [.controlledShutdown, .shutdown].contains(incarnation.state) else {
            return [command(for: broker, .active, at: timestamp)]
        }
        let successor = RegisterBroker.Incarnation(
            id: Digest(high: 0, low: incarnation.epoch).description, fetches: incarnation.fetches)
        let registration = RegisterBroker(
            id: id, host: broker.host, port: broker.port, rack: broker.rack, incarnation: successor,
            replacing: incarnation.epoch)
        return [
            .registerBroker(registration),
            .changeBrokerState(
                ChangeBrokerState(id: id, epoch: counters.version + 1, state: .active, timestamp: timestamp)),
        ]
    }

    private func command(for broker: Broker, _ state: BrokerState, at timestamp: Int64) -> Command {
        guard let incarnation = broker.incarnation else {
            return .updateBrokerStatus(UpdateBrokerStatus(id: broker.id, status: state.status, timestamp: timestamp))
        }
        return .changeBrokerState(
            ChangeBrokerState(id: broker.id, epoch: incarnation.epoch, state: state, timestamp: timestamp))
    }
}
