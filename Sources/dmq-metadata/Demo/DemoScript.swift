import Dispatch
import Metadata
import Raft
import Server

/// The five steps of `demo`. Each one checks what it prints; the first that is not so ends the demo.
struct DemoScript {
    let cluster: DemoCluster
    /// Longer than any election timeout, so that a leader that was not heard would have been replaced.
    let pause: Duration
    let print: (String) -> Void

    func run() throws {
        print("Three nodes in this process: \(cluster.members.map { "\($0.id) at \($0.url)" }.joined(separator: ", "))")
        for member in cluster.members { try cluster.start(member.id) }

        title(1, "A leader is elected")
        let (first, term) = try waitForLeader(after: .zero)
        print("node \(first) is LEADER of term \(term)")

        title(2, "PUT /config/service/a = v1, PUT /config/service/b = v2")
        try put("a", "v1", on: first)
        try put("b", "v2", on: first)
        try waitUntilEqual()
        try report(withLogs: true)

        title(3, "A pause of \(pause) under heartbeats")
        sleep(pause)
        let leaders = try cluster.running.filter { try cluster.view(of: $0).status.role == .leader }
        try report(withLogs: false)
        try check(leaders == [first], "exactly one leader remained, node \(first)")
        try check(try cluster.view(of: first).status.term == term, "no new election: the term is still \(term)")

        title(4, "The leader is stopped")
        cluster.stop(first)
        let (second, newTerm) = try waitForLeader(after: term)
        print("node \(first) stopped; node \(second) is LEADER of term \(newTerm)")
        try check(second != first && newTerm > term, "another leader with a higher term")

        title(5, "PUT /config/service/c = v3, DELETE /config/service/a; node \(first) comes back")
        try put("c", "v3", on: second)
        let deletion = Command.delete(Delete(key: key("a")))
        try check(
            try cluster.submit(deletion, to: second) == .deleted(count: 1, revision: 5), "the deletion is revision 5")
        try cluster.start(first)
        try waitUntilEqual()
        try report(withLogs: true)
        try check(true, "roles, logs and snapshots: one leader, and all nodes equal")
    }

    private func title(_ step: Int, _ text: String) { print("\n\(step). \(text)") }

    private func check(_ holds: @autoclosure () throws -> Bool, _ text: String) throws {
        guard try holds() else { throw CommandFailure(.failure, "not so: \(text)") }
        print("ok: \(text)")
    }

    private func key(_ name: String) -> Key { Key(validated: Array("/config/service/\(name)".utf8)) }

    private func put(_ name: String, _ value: String, on node: NodeID) throws {
        let command = Command.put(Put(key: key(name), value: Array(value.utf8)))
        guard case .put(let revision, _) = try cluster.submit(command, to: node) else {
            throw CommandFailure(.failure, "the write of \(name) was refused")
        }
        print("PUT /config/service/\(name) = \(value) -> revision \(revision)")
    }

    /// The one leader of a term after `term` that all running nodes agree on.
    private func waitForLeader(after term: Term) throws -> (NodeID, Term) {
        var found: (NodeID, Term)?
        try wait(for: "a leader") {
            let views = try cluster.running.map { try cluster.view(of: $0).status }
            let leaders = views.filter { $0.role == .leader && $0.notReady == nil && $0.term > term }
            guard let leader = leaders.first, leaders.count == 1 else { return false }
            found = (leader.node, leader.term)
            return views.allSatisfy { $0.leader == leader.node && $0.term == leader.term }
        }
        guard let found else { throw CommandFailure(.failure, "no leader") }
        return found
    }

    private func waitUntilEqual() throws {
        try wait(for: "all nodes to be equal") {
            let views = try cluster.running.map { try cluster.view(of: $0).status }
            let logs = try cluster.running.map { try cluster.log(of: $0) }
            return Set(views.map(\.lastApplied)).count == 1 && Set(views.map(\.digest)).count == 1
                && views.allSatisfy { $0.lastApplied == $0.lastLog.index } && logs.allSatisfy { $0 == logs[0] }
        }
    }

    private func wait(for what: String, _ condition: () throws -> Bool) throws {
        let deadline = DispatchTime.now() + .seconds(15)
        while try !condition() {
            guard DispatchTime.now() < deadline else { throw CommandFailure(.failure, "waited 15 s for \(what)") }
            sleep(.milliseconds(10))
        }
    }

    private func sleep(_ duration: Duration) {
        let nothing = DispatchSemaphore(value: 0)
        _ = nothing.wait(timeout: .now() + .nanoseconds(Int(duration.wholeNanoseconds)))
    }

    private func report(withLogs: Bool) throws {
        for id in cluster.running {
            let (status, metadata) = try cluster.view(of: id)
            print("node \(id): \(status.role.rawValue), term \(status.term)")
            guard withLogs else { continue }
            for entry in try cluster.log(of: id) {
                print("  log \(entry.index) term \(entry.term) \(entry.type)\(argument(of: entry))")
            }
            print("  snapshot at \(status.lastApplied): revision \(metadata.counters.revision), \(pairs(metadata))")
            print("  digest \(status.digest)")
        }
    }

    /// The lines of a key-value payload behind the command's name.
    private func argument(of entry: LogEntry) -> String {
        guard entry.type == "PUT" || entry.type == "DEL" else { return "" }
        let lines = String(decoding: entry.data, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        return " " + lines.dropFirst().joined(separator: " = ")
    }

    private func pairs(_ metadata: MetadataStateMachine) -> String {
        let root = Key(validated: Array("/".utf8))
        let page = metadata.list(below: root, isRecursive: true, after: nil, limit: 100, byteLimit: 1 << 20)
        let texts = page.entries.compactMap { entry -> String? in
            guard case .keyValue(let pair) = entry else { return nil }
            return "\(pair.key) = \(String(decoding: pair.value, as: UTF8.self))"
        }
        return texts.joined(separator: ", ")
    }
}
