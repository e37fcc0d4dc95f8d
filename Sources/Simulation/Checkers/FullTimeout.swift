import Metadata
import Raft
import Server

/// No broker is OFFLINE before a full timeout is over, since it was last heard and since the leader that says so was elected
/// (contract §4).
final class FullTimeout: Checker {
    let invariant = "A full timeout before OFFLINE"
    let kinds: [Observation.Kind] = [.moved, .heartbeatAcknowledged, .committed]
    private struct Sign {
        let time: VirtualTime
        /// What the broker was told.
        let version: UInt64
    }
    private var heard: [BrokerID: Sign] = [:]
    /// By term.
    private var electedAt: [UInt64: VirtualTime] = [:]
    private var version: UInt64 = 0

    func check(_ observation: Observation, _ cluster: SimulatedCluster) -> String? {
        let now = cluster.timeline.now
        switch observation {
        case .moved(_, _, let standing) where standing.role == .leader:
            let term = standing.state.currentTerm.number
            if electedAt[term] == nil { electedAt[term] = now }
            return nil
        case .heartbeatAcknowledged(let answer, let broker, _, _):
            heard[broker] = Sign(time: now, version: answer.version)
            return nil
        case .committed(let entry, _, _, _):
            let changesAnything = cluster.ledger.model.version > version
            version = cluster.ledger.model.version
            switch cluster.ledger.lastCommand {
            // That it comes is a sign of life; that it says so again is none.
            case .registerBroker(let registration)?:
                if changesAnything { heard[registration.id] = Sign(time: now, version: version) }
            case .updateBrokerStatus(let update)? where update.status == .online:
                if changesAnything { heard[update.id] = Sign(time: now, version: version) }
            // What was decided about another process changes nothing.
            case .updateBrokerStatus(let update)?:
                return changesAnything ? judge(update.id, entry.term, cluster) : nil
            case .changeBrokerState(let change)? where change.state == .active:
                if changesAnything { heard[change.id] = Sign(time: now, version: version) }
            case .changeBrokerState(let change)? where change.state == .fenced:
                return changesAnything ? judge(change.id, entry.term, cluster) : nil
            default: break
            }
            return nil
        default: return nil
        }
    }

    private func judge(_ broker: BrokerID, _ term: Term, _ cluster: SimulatedCluster) -> String? {
        // The leader's clock may be fast.
        let timeout = VirtualTime.brokerTimeout(of: cluster, permille: cluster.faults.clockRates.upperBound)
        let now = cluster.timeline.now
        // One that comes back with the very step that commits its OFFLINE is told of a later version.
        if let heard = heard[broker], heard.version < version, now < heard.time + timeout {
            return "broker \(broker) is OFFLINE at \(now), and was heard at \(heard.time)"
        }
        if let elected = electedAt[term.number], now < elected + timeout {
            return "broker \(broker) is OFFLINE at \(now) by the leader of term \(term), elected at \(elected)"
        }
        return nil
    }
}

extension VirtualTime {
    /// How long a broker may be silent, for who counts so many thousandths of true time.
    static func brokerTimeout(of cluster: SimulatedCluster, permille: Int) -> VirtualTime {
        let timeout = UInt64(cluster.settings.brokerTimeout.wholeNanoseconds)
        return VirtualTime(nanoseconds: timeout / UInt64(permille) * 1000)
    }
}

/// A silent broker is OFFLINE when its time is up: nothing that the leader proposes after that is committed before.
final class SilenceIsNoticed: Checker {
    let invariant = "A silent broker is OFFLINE in time"
    let kinds: [Observation.Kind] = [.stepped, .moved, .heartbeatAcknowledged, .committed]
    private struct Steps {
        var previous: VirtualTime
        var last: VirtualTime
        /// The end of its latest long absence.
        var backSince = VirtualTime.zero
        var logEnd = LogIndex.zero
    }
    private struct Proposal {
        let term: Term
        /// When the leader had its last turn before.
        let behind: VirtualTime
        /// The end of the leader's latest long absence: for what it missed itself nobody is held to account.
        let backSince: VirtualTime
    }
    private var steps = PerNode<Steps>()
    /// By index.
    private var proposals: [UInt64: Proposal] = [:]
    private var heard: [BrokerID: VirtualTime] = [:]
    /// By term.
    private var openedAt: [UInt64: VirtualTime] = [:]
    private var nextLook = VirtualTime.zero

    func check(_ observation: Observation, _ cluster: SimulatedCluster) -> String? {
        let now = cluster.timeline.now
        switch observation {
        case .stepped(let node, _):
            var known = steps[node] ?? Steps(previous: now, last: now)
            if known.last + .milliseconds(400) < now { known.backSince = now }
            (known.previous, known.last) = (known.last, now)
            steps[node] = known
        case .moved(let node, _, let standing):
            guard standing.role == .leader, standing.logEnd.term == standing.state.currentTerm else { break }
            note(standing, node)
        case .heartbeatAcknowledged(_, let broker, _, _): heard[broker] = now
        case .committed(let entry, _, _, _):
            defer { proposals[entry.index.number] = nil }
            if entry.type == LogEntry.noop { openedAt[entry.term.number] = now }
            learn(cluster.ledger.lastCommand, now)
            guard now >= nextLook else { break }
            nextLook = now + .milliseconds(50)
            return look(entry, cluster)
        default: break
        }
        return nil
    }

    private func note(_ standing: Standing, _ node: SimulatedNode) {
        guard var known = steps[node] else { return }
        var index = standing.logEnd.index
        while index > known.logEnd, proposals[index.number]?.term != standing.logEnd.term, index > standing.commit {
            proposals[index.number] = Proposal(
                term: standing.logEnd.term, behind: known.previous, backSince: known.backSince)
            index = index.previous
        }
        known.logEnd = standing.logEnd.index
        steps[node] = known
    }

    private func learn(_ command: Command?, _ now: VirtualTime) {
        switch command {
        case .registerBroker(let registration)?: heard[registration.id] = now
        case .updateBrokerStatus(let update)? where update.status == .online: heard[update.id] = now
        case .changeBrokerState(let change)? where change.state == .active: heard[change.id] = now
        default: break
        }
    }

    private func look(_ entry: LogEntry, _ cluster: SimulatedCluster) -> String? {
        guard let proposal = proposals[entry.index.number], proposal.term == entry.term,
            let opened = openedAt[entry.term.number]
        else { return nil }
        let limit = VirtualTime.brokerTimeout(of: cluster, permille: cluster.faults.clockRates.lowerBound)
        // The interval of the checks, and a leadership that was to be handed over meanwhile.
        let slack = VirtualTime.seconds(1)
        let patience = VirtualTime(nanoseconds: UInt64(cluster.settings.requestTimeout.wholeNanoseconds))
        for broker in cluster.ledger.model.cluster.brokers where broker.isOnline {
            // While a heartbeat waits for its confirmation the broker is not silent.
            let heard = max(heard[broker.id] ?? .zero, cluster.brokers.lastArrival(of: broker.id) + patience)
            if max(heard, opened, proposal.backSince) + limit + slack < proposal.behind {
                return "broker \(broker.id), last heard at \(heard), is ONLINE in entry \(entry.position) of "
                    + "\(proposal.behind)"
            }
        }
        return nil
    }
}
