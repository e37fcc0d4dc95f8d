import Foundation
import Testing

/// A node that the tests can speak to, wherever it runs.
protocol Reachable {
    var id: Int { get }
    var address: Address { get }
}

/// `GET /api/v1/raft/status`.
struct NodeStatus {
    var node: Int
    var term: Int
    var isLeader: Bool
    var state: String
    var leaderID: Int?
    var commit: Int
    var applied: Int
    var first: Int
    var last: Int
    var digest: String
    var directory: String
    var cluster: String?
    var isVoter: Bool
}

extension Reachable {
    func isListening() throws(TransportError) -> Bool { try get("/healthz", patience: .seconds(5)).status == 200 }

    func send(
        _ method: String, _ path: String, _ body: String? = nil, headers: [(String, String)] = [],
        patience: Duration = .seconds(20)
    ) throws(TransportError) -> Answer {
        let connection = try Connection(to: address, patience: patience)
        try connection.send(Node.request(method, path, body.map { Array($0.utf8) }, headers: headers))
        return try connection.receive(toHead: method == "HEAD")
    }

    func get(_ path: String, headers: [(String, String)] = [], patience: Duration = .seconds(20))
        throws(TransportError) -> Answer
    {
        try send("GET", path, headers: headers, patience: patience)
    }

    func post(_ path: String, _ json: String) throws(TransportError) -> Answer {
        try send("POST", path, json, headers: [("Content-Type", "application/json")])
    }

    func put(_ key: String, _ value: String, headers: [(String, String)] = []) throws(TransportError) -> Answer {
        try send("PUT", "/api/v1/kv" + key, value, headers: headers)
    }

    // MARK: State

    func status(patience: Duration = .seconds(20)) throws -> NodeStatus {
        let answer = try get("/api/v1/raft/status", patience: patience)
        let json = try answer.json()
        guard let node = json["nodeId"]?.int, let term = json["currentTerm"]?.int, let isLeader = json["leader"]?.bool,
            let state = json["state"]?.string, let commit = json["commitIndex"]?.int,
            let applied = json["lastApplied"]?.int, let first = json["firstLogIndex"]?.int,
            let last = json["lastLogIndex"]?.int, let digest = json["stateDigest"]?.string,
            let directory = json["directoryId"]?.string, let isVoter = json["voter"]?.bool
        else { throw Failure("a field is missing in \(answer)") }
        return NodeStatus(
            node: node, term: term, isLeader: isLeader, state: state, leaderID: json["leaderId"]?.int, commit: commit,
            applied: applied, first: first, last: last, digest: digest,
            directory: directory, cluster: json["clusterId"]?.string, isVoter: isVoter)
    }

    /// All keys below `directory` (which ends in a slash) with their values, as this node has them.
    func entries(below directory: String, consistency: String = "stale") throws -> [String: String] {
        var values: [String: String] = [:]
        var after: String?
        repeat {
            var path = "/api/v1/kv\(directory)?consistency=\(consistency)"
            if let after {
                path += "&after=" + (after.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? after)
            }
            let answer = try get(path)
            guard answer.status == 200 else { throw Failure("listing \(directory) on node \(id): \(answer)") }
            let page = try answer.json()
            for entry in page["entries"]?.array ?? [] {
                guard let key = entry["key"]?.string, let value = entry["value"]?.string else {
                    throw Failure("an entry without key or value: \(entry)")
                }
                values[key] = value
            }
            after = page["next"]?.string
        } while after != nil
        return values
    }
}

extension Collection where Element: Reachable {
    /// The node that all of these take for their leader, and that says so itself.
    func agreedLeader() throws -> Element? {
        let statuses = try map { try $0.status() }
        let leaders = statuses.filter { $0.isLeader }
        guard leaders.count == 1, let leader = leaders.first, leader.leaderID == leader.node,
            statuses.allSatisfy({ $0.leaderID == leader.node && $0.term == leader.term })
        else { return nil }
        return first { $0.id == leader.node }
    }

    /// Waits until all of these have applied the same entries, and compares their states.
    func expectAgreement(sourceLocation: SourceLocation = #_sourceLocation) throws {
        let statuses = try eventually("the same applied index everywhere") { () -> [NodeStatus]? in
            let statuses = try map { try $0.status() }
            let isSettled = statuses.allSatisfy {
                $0.applied == statuses[0].applied && $0.commit == $0.applied && $0.last == $0.applied
            }
            return isSettled ? statuses : nil
        }
        for status in statuses {
            #expect(
                status.digest == statuses[0].digest,
                "nodes \(status.node) and \(statuses[0].node) differ at index \(status.applied)",
                sourceLocation: sourceLocation)
        }
    }
}
