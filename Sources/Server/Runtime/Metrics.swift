import Metadata
import Raft
import Storage
import Wire

/// The node's measurements in Prometheus text format (version 0.0.4).
enum Metrics {
    static func render(
        _ node: NodeMeasurements, storage: NodeStore.Measurements, process: ProcessMeasurements
    ) -> String {
        var text = MetricsText()
        renderRaft(node, &text)
        renderState(node, &text)
        renderStorage(node, storage, &text)
        text.gauge("process_resident_memory_bytes", "Resident memory.", process.residentBytes)
        text.counter("process_cpu_seconds_total", "User and system CPU time.", process.cpuSeconds)
        return text.text
    }

    private static func renderRaft(_ node: NodeMeasurements, _ text: inout MetricsText) {
        let status = node.status
        text.gauge("dmq_raft_term", "Current term.", status.term.number)
        text.family("dmq_raft_role", "gauge", "1 for the present role.")
        for role in [Role.follower, .preCandidate, .candidate, .leader] {
            text.sample("dmq_raft_role", [("role", role.rawValue)], status.role == role ? 1 : 0)
        }
        text.gauge("dmq_raft_leader_id", "The leader's id, 0 while none is known.", status.leader?.number ?? 0)
        text.gauge("dmq_raft_commit_index", "Last committed entry.", status.commitIndex.number)
        text.gauge("dmq_raft_applied_index", "Last applied entry.", status.lastApplied.number)
        text.gauge("dmq_raft_last_log_index", "Last entry of the log.", status.lastLog.index.number)
        text.gauge("dmq_raft_first_log_index", "First entry that is still held.", status.firstLogIndex.number)
        text.gauge("dmq_raft_log_bytes", "Memory held by the log.", node.logBytes)
        text.counter("dmq_raft_elections_started_total", "Elections this node started.", node.electionsStarted)
        text.counter("dmq_raft_leaderships_won_total", "Elections this node won.", node.leadershipsWon)
        text.counter("dmq_raft_leadership_seconds_total", "Time spent as leader.", node.leaderSeconds)
        text.counter(
            "dmq_raft_peer_heartbeat_successes_total", "Appends and heartbeats that followers took.",
            node.peerHeartbeatSuccesses)
        text.counter(
            "dmq_raft_peer_heartbeat_failures_total", "Requests to other nodes that failed.",
            node.peerHeartbeatFailures)
        text.counter("dmq_raft_messages_refused_total", "Messages no honest peer sends.", node.protocolViolations)
        text.family(
            "dmq_raft_messages_unfit_total", "counter", "Messages of another cluster, list, node, directory or start.")
        for refusal in Misfit.allCases {
            text.sample("dmq_raft_messages_unfit_total", [("reason", refusal.name)], node.refusals[refusal] ?? 0)
        }
        text.counter(
            "dmq_raft_messages_anonymous_total", "Messages that say of nobody known whose they are: not acted on.",
            node.strangersAnswered)
        text.family("dmq_raft_replication_lag_entries", "gauge", "Entries a follower is behind the leader's log.")
        for peer in status.peers {
            let lag = status.lastLog.index.number - min(status.lastLog.index.number, peer.matchIndex.number)
            text.sample("dmq_raft_replication_lag_entries", [("follower", "\(peer.id)")], lag)
        }
        text.family("dmq_raft_follower_contact_seconds", "gauge", "Time since a follower's last answer.")
        for peer in status.peers {
            guard let contact = peer.lastContactMs else { continue }
            text.sample("dmq_raft_follower_contact_seconds", [("follower", "\(peer.id)")], Double(contact) / 1000)
        }
        text.histogram("dmq_commit_latency_seconds", "From a write's arrival to its commit.", node.commitLatency)
    }

    private static func renderState(_ node: NodeMeasurements, _ text: inout MetricsText) {
        text.counter(
            "dmq_broker_heartbeat_successes_total", "Broker heartbeats acknowledged.", node.heartbeatSuccesses)
        text.counter("dmq_broker_heartbeat_failures_total", "Broker heartbeats refused.", node.heartbeatFailures)
        text.counter("dmq_brokers_expired_total", "Brokers that missed their heartbeat.", node.brokersExpired)
        text.counter(
            "dmq_broker_stale_epochs_total", "Heartbeats of processes that were replaced.", node.staleBrokerEpochs)
        text.counter("dmq_pushes_taken_total", "Updates that brokers took.", node.pushesTaken)
        text.counter("dmq_pushes_failed_total", "Attempts that brokers did not take.", node.pushesFailed)
        text.counter("dmq_push_bodies_made_total", "Update bodies made, for all brokers.", node.pushBodiesMade)
        text.gauge("dmq_pushes_waiting", "Brokers that have yet to be told of something.", node.pushesWaiting)
        text.gauge("dmq_metadata_version", "Metadata version.", node.counters.version)
        text.gauge("dmq_kv_revision", "Key-value revision.", node.counters.revision)
        text.gauge("dmq_kv_oldest_revision", "The oldest revision that can be read.", node.oldestRevision)
        text.gauge("dmq_kv_past_versions", "Versions of keys that are past and kept.", node.pastVersions)
        text.gauge("dmq_kv_history_bytes", "About what these take in memory.", node.historyBytes)
        text.gauge("dmq_leases", "Leases.", node.leases)
        text.counter("dmq_leases_expired_total", "Leases whose time was up.", node.leasesExpired)
        text.gauge("dmq_kv_watches", "Watches and long polls of keys.", node.watches)
        text.family("dmq_brokers", "gauge", "Registered brokers.")
        text.sample("dmq_brokers", [("status", "ONLINE")], node.brokersOnline)
        text.sample("dmq_brokers", [("status", "OFFLINE")], node.brokers - node.brokersOnline)
        text.family("dmq_broker_states", "gauge", "Registered brokers, by what they may do.")
        for (state, count) in node.brokerStates {
            text.sample("dmq_broker_states", [("state", state.rawValue)], count)
        }
        text.gauge("dmq_topics", "Topics.", node.topics)
        text.gauge("dmq_consumer_groups", "Consumer groups.", node.groups)
        renderPartitions(node, &text)
        text.gauge("dmq_keys", "Keys.", node.keys)
        text.gauge("dmq_voter", "1 while this node has its vote.", node.status.isVoter ? 1 : 0)
        text.gauge("dmq_ready", "1 while this node can serve.", node.status.notReady == nil ? 1 : 0)
        text.gauge("dmq_pending_writes", "Writes whose clients wait.", node.pendingWrites)
        text.counter("dmq_applied_entries_total", "Entries applied since the start.", node.appliedEntries)
    }

    private static func renderPartitions(_ node: NodeMeasurements, _ text: inout MetricsText) {
        let counts = node.partitions
        text.gauge("dmq_partitions", "Partitions.", counts.all)
        let conditions: [(PartitionCondition, String, String)] = [
            (.offline, "offline", "Without a leader."),
            (.underReplicated, "under_replicated", "Not all replicas are in sync."),
            (.underMinISR, "under_min_isr", "Fewer replicas are in sync than the minimum."),
            (.atMinISR, "at_min_isr", "Just as many replicas are in sync as the minimum."),
            (.notPreferred, "not_preferred", "Led by another than the first replica, or by none."),
        ]
        for (condition, name, help) in conditions { text.gauge("dmq_partitions_\(name)", help, counts[condition]) }
    }

    private static func renderStorage(
        _ node: NodeMeasurements, _ storage: NodeStore.Measurements, _ text: inout MetricsText
    ) {
        text.histogram("dmq_fsync_latency_seconds", "A log transaction, to its fsync.", node.writeLatency)
        text.counter("dmq_checkpoints_total", "Checkpoints of the state tables.", node.checkpoints)
        text.counter("dmq_snapshots_sent_total", "Snapshots followers installed.", node.snapshotsSent)
        text.counter("dmq_snapshots_received_total", "Snapshots installed here.", node.snapshotsReceived)
        text.gauge("dmq_database_bytes", "Size of node.db.", storage.databaseBytes)
        text.gauge(
            "dmq_wal_uncheckpointed_frames", "Pages of the WAL that are not in node.db yet.",
            storage.uncheckpointedFrames)
        text.gauge("dmq_wal_bytes", "Size of node.db-wal.", storage.walBytes)
    }
}

/// Lines of the text format.
private struct MetricsText {
    private(set) var text = ""

    mutating func family(_ name: String, _ type: String, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    mutating func sample(_ name: String, _ labels: [(String, String)], _ value: some CustomStringConvertible) {
        let list = labels.map { "\($0.0)=\"\($0.1)\"" }.joined(separator: ",")
        text += list.isEmpty ? "\(name) \(value)\n" : "\(name){\(list)} \(value)\n"
    }

    mutating func gauge(_ name: String, _ help: String, _ value: some CustomStringConvertible) {
        family(name, "gauge", help)
        sample(name, [], value)
    }

    mutating func counter(_ name: String, _ help: String, _ value: some CustomStringConvertible) {
        family(name, "counter", help)
        sample(name, [], value)
    }

    mutating func histogram(_ name: String, _ help: String, _ histogram: Histogram) {
        family(name, "histogram", help)
        var cumulated: UInt64 = 0
        for (bound, count) in zip(Histogram.bounds, histogram.counts) {
            cumulated += count
            sample(name + "_bucket", [("le", "\(bound)")], cumulated)
        }
        sample(name + "_bucket", [("le", "+Inf")], histogram.count)
        sample(name + "_sum", [], histogram.sum)
        sample(name + "_count", [], histogram.count)
    }
}
