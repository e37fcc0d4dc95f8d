import Metadata
import Raft
import Server

// Brokers that ask for what changed, of any node, in pages however small.
extension SimulatedBrokers {
    func follow(_ index: Int) {
        let view = all[index].view
        let node = random.pick(cluster.nodes)
        let limit = random.pick([1, 3, 20, 1000])
        let request = ChangesRequest(after: view.version, from: view.cursor, limit: limit)
        network.call(node, deadline: .milliseconds(1000)) {
            .changes(request, $0)
        } completion: { [self] (outcome: CallOutcome<ChangesOutcome>) in
            // Another process, or a later answer, has gone on.
            guard all[index].view.version == view.version, all[index].view.cursor == view.cursor else { return }
            switch outcome {
            case .answered(.success(.page(let shared))): take(shared, index, from: node)
            case .answered(.success(.tooOld)): all[index].forget()
            case .answered(.success(.ahead)), .answered(.success(.notReady)), .answered(.failure), .refused, .lost:
                break
            }
        }
    }

    private func take(_ shared: SharedChangesPage, _ index: Int, from node: SimulatedNode) {
        let page = shared.page
        cluster.trace.note(
            .broker, node: node.id, "broker \(all[index].id) is told \(page.rowCount) changes up to \(page.version)")
        guard all[index].take(shared) else {
            // As fast as it can.
            return cluster.timeline.schedule(after: random.time(milliseconds: 1...40)) { [self] in
                if all[index].isAlive { follow(index) }
            }
        }
        // Pages of several versions are healed by the next question.
        guard all[index].view.newest == shared.version, let right = cluster.ledger.model.cluster(at: shared.version)
        else { return }
        let view = all[index].view
        if let text = view.difference(from: right, version: shared.version) ?? view.groupDifference(from: right) {
            cluster.violated("Changes lead to what is so", "broker \(all[index].id), told by node \(node.id): \(text)")
        }
    }
}
