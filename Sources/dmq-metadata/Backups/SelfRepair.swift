import FoundationEssentials
import HTTP
import Logging
import Raft
import Server
import Storage

/// What a node does about its damaged data by itself, if it may: what an operator would, who has looked at the others first.
struct SelfRepair {
    private let configuration: NodeConfiguration
    private let logger: Logger
    private let http = BlockingHTTP()

    init(_ configuration: NodeConfiguration, _ logger: Logger) {
        (self.configuration, self.logger) = (configuration, logger)
    }

    /// Leaves an empty directory, or ends with what is wrong with the data.
    func run(_ finding: String) throws(CommandFailure) {
        let directory = configuration.dataDirectory
        logger.error("❌ the data are damaged", metadata: ["finding": "\(finding)"])
        let earlier = DataSetAside.places(in: directory, named: DataSetAside.damaged)
        guard earlier.isEmpty else {
            throw refusal(
                finding, "they were damaged before (\(earlier.joined(separator: ", "))): look at the disk first")
        }
        guard isMajorityWell() else { throw refusal(finding, "no majority of the others is well") }
        let place = try asFailure { () throws(StorageError) in
            try DataSetAside.move(directory, to: DataSetAside.damaged + NodeDirectory.stamp)
        }
        logger.warning(
            "🔧 damaged data were moved away; this node is filled by the leader",
            metadata: ["to": "\(place ?? "nowhere")"])
    }

    private func refusal(_ finding: String, _ reason: String) -> CommandFailure {
        CommandFailure(.dataError, "\(finding) kraft.repair is automatic, but the data are not moved away: \(reason).")
    }

    /// Looked for as long as an election takes: others may be starting as well.
    private func isMajorityWell() -> Bool {
        let began = ContinuousClock.now
        repeat {
            if isMajorityWellNow() { return true }
            ClusterClient.sleep(.milliseconds(200))
        } while ContinuousClock.now - began < min(configuration.electionTimeout * 2, .seconds(30))
        return false
    }

    /// Whether a leader leads voters who, without this node, are more than half, and have all that is committed.
    private func isMajorityWellNow() -> Bool {
        let statuses = configuration.members.filter { $0.id != configuration.node }.compactMap(status)
        guard let leader = statuses.first(where: { $0.state == Role.leader.rawValue }) else { return false }
        let patience = configuration.electionTimeout.wholeMilliseconds
        let followers = (leader.peers ?? []).filter { peer in
            peer.matchIndex >= leader.commitIndex && (peer.lastContactMs ?? .max) <= patience
                && statuses.contains { $0.nodeId == peer.id && $0.leaderId == leader.nodeId && $0.voter == true }
        }
        return (followers.count + 1) * 2 > configuration.members.count
    }

    private func status(of member: Member) -> RaftStatusAnswer? {
        let endpoint = Endpoint(host: member.host, port: member.port)
        guard case .success(let answer) = http.send(.get("/api/v1/raft/status"), to: endpoint, timeout: .seconds(2)),
            answer.status == 200
        else { return nil }
        return try? JSONDecoder().decode(RaftStatusAnswer.self, from: Data(answer.body))
    }
}
