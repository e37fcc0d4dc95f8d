import Raft
import Server

/// When an entry is committed it is on the disks of a majority, and it stays there. A leader commits by counting only
/// what ends in its own term.
///
/// A node with damaged data, or whose directory was lost by mistake, counts for what it was given until it starts empty by
/// the procedure; from then on for what it has on a directory that the others admitted. There is no leave for the time until
/// it is filled: it may start so only when a majority without it has everything.
final class CommittedOnQuorum: Checker {
    let invariant = "Committed means durable on a majority (§3.6.2)"
    let kinds: [Observation.Kind] = [.committed, .logReplaced, .emptied, .refused, .finished]

    /// From which entry on majorities of which nodes count: those that the committing leader goes by, two while it is between
    /// two configurations (§4.3).
    private var lists: [(first: LogIndex, halves: [[SimulatedNode]])] = []

    func check(_ observation: Observation, _ cluster: SimulatedCluster) -> String? {
        switch observation {
        case .committed(let entry, _, _, let node):
            noteList(of: node, at: entry.index, cluster)
            if let process = node.process, process.raft.role == .leader,
                process.raft.log.term(at: process.raft.commitIndex) != process.raft.currentTerm
            {
                return "node \(node.id) commits entries of older terms than its own, \(process.raft.currentTerm)"
            }
            guard let holders = tooFewHolders(of: entry.position, cluster) else { return nil }
            return "node \(node.id) knows \(entry.position) as committed, which is on the disks of \(holders) only"
        case .logReplaced(let node): return firstLoss(after: node.image.logBase.index, cluster)
        case .emptied, .refused, .finished: return firstLoss(after: .zero, cluster)
        default: return nil
        }
    }

    private func firstLoss(after index: LogIndex, _ cluster: SimulatedCluster) -> String? {
        var index = index
        while index < cluster.ledger.last {
            index = index.next
            let position = cluster.ledger.position(at: index)
            if let holders = tooFewHolders(of: position, cluster) {
                return "committed entry \(position) is on the disks of \(holders) only"
            }
        }
        return nil
    }

    private func noteList(of node: SimulatedNode, at index: LogIndex, _ cluster: SimulatedCluster) {
        var halves = [node.list.map(\.id)]
        var first = index
        // Where the members are in the log, the file beside it may be wrong.
        if let process = node.process, process.raft.hasConfiguration {
            halves = process.raft.configuration.votersByHalf
            // In one turn a leader may commit by the one before, and begin with this one.
            first = max(lists.last?.first ?? .zero, process.raft.log.configurations.latest.index)
        }
        guard lists.last?.halves.map({ $0.map(\.id) }) != halves else { return }
        lists.append((first, halves.map { $0.map { cluster.node($0) } }))
    }

    /// Who has the entry, if that is no majority: of the list that it was committed by, or of a later one.
    private func tooFewHolders(of position: LogPosition, _ cluster: SimulatedCluster) -> [UInt64]? {
        let ahead = lists.firstIndex { $0.first > position.index } ?? lists.count
        for list in lists[max(0, ahead - 1)...]
        where list.halves.allSatisfy({ isMajority(of: $0[...], position) }) {
            return nil
        }
        if !cluster.hasMembersInLog, isMajority(of: cluster.listed, position) { return nil }
        return cluster.nodes.filter { $0.holds(position) }.map(\.id.number)
    }

    private func isMajority(of nodes: ArraySlice<SimulatedNode>, _ position: LogPosition) -> Bool {
        var count = 0
        for node in nodes where node.holds(position) { count += 1 }
        return count > nodes.count / 2
    }
}

extension Configuration {
    /// The voters of the configuration that counts, or of each of the two.
    fileprivate var votersByHalf: [[NodeID]] {
        guard isJoint else { return [voters] }
        return [[Role.voter, .leaving], [.voter, .joining]].map { roles in
            members.filter { roles.contains($0.role) }.map(\.id)
        }
    }
}
