import ArgumentParser
import FoundationEssentials
import HTTP

struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show the nodes, the leader and what the cluster holds.",
        discussion: "Exit code 0 when there is a leader, 1 when there is none, 69 when no node answers.")

    @OptionGroup var client: ClientOptions

    func run() throws {
        let cluster = client.makeClient()
        let response = try cluster.send(.get("/api/v1/metadata/cluster")).successful()
        let answer = try response.decoded(ClusterAnswer.self)
        let nodes = answer.activeMetadataNodes.sorted { $0.id < $1.id }.map { node in
            NodeReport(node: node, answer: Endpoint(node.url).map { cluster.ask($0, "/api/v1/raft/status") })
        }
        try StandardOutput.writeLine(client.json ? Self.json(response.text, nodes) : Self.text(answer, nodes))
        if !nodes.contains(where: { $0.status?.state == "LEADER" }) && answer.controllerLeaderId == nil {
            throw CommandFailure(.failure, "there is no leader")
        }
    }

    struct NodeReport {
        var node: ClusterAnswer.Node
        /// As the node sent it.
        var raw: String?
        var status: RaftStatusAnswer?
        var trouble: String?

        init(node: ClusterAnswer.Node, answer: Result<HTTPResponse, HTTPClientError>?) {
            self.node = node
            switch answer {
            case .success(let response):
                do throws(CommandFailure) {
                    status = try response.successful().decoded(RaftStatusAnswer.self)
                    raw = response.text
                } catch {
                    trouble = error.description
                }
            case .failure(let error): trouble = ClusterClient.explain(error)
            case nil: trouble = "its url is none that can be reached from here"
            }
        }
    }

    static func json(_ cluster: String, _ nodes: [NodeReport]) -> String {
        let reports = nodes.map { report in
            let url = "{\"id\":\(report.node.id),\"url\":\(jsonString(report.node.url)),"
            if let raw = report.raw { return url + "\"status\":\(raw)}" }
            return url + "\"error\":\(jsonString(report.trouble ?? ""))}"
        }
        return "{\"cluster\":\(cluster),\"nodes\":[\(reports.joined(separator: ","))]}"
    }

    static func text(_ cluster: ClusterAnswer, _ nodes: [NodeReport]) -> String {
        var table = Table(
            "NODE", "URL", "ROLE", "VOTE", "TERM", "LEADER", "COMMITTED", "APPLIED", "LOG", "STATE DIGEST")
        for report in nodes {
            guard let status = report.status else {
                table.add("\(report.node.id)", report.node.url, "unreachable: \(report.trouble ?? "")")
                continue
            }
            table.add(
                "\(status.nodeId)", report.node.url, status.state,
                status.voter.map { $0 ? "yes" : "no" } ?? "-", "\(status.currentTerm)",
                status.leaderId.map(String.init) ?? "-", "\(status.commitIndex)", "\(status.lastApplied)",
                "\(status.firstLogIndex ?? 1)–\(status.lastLogIndex)", String(status.stateDigest?.prefix(12) ?? "-"))
        }
        let brokers = cluster.brokers ?? []
        let online = brokers.count { $0.status == "ONLINE" }
        let leader = cluster.controllerLeaderId.map { "node \($0)" } ?? "none"
        return """
            leader: \(leader)   metadata version: \(cluster.version ?? 0)   \
            brokers: \(online) of \(brokers.count) online   topics: \(cluster.topics?.count ?? 0)   \
            partitions: \(cluster.totalPartitions ?? 0)
            \(table.text)
            """
    }
}
