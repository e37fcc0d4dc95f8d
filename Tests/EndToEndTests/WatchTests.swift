import Foundation
import Testing

extension EndToEnd {
    /// Changes as they are told over real connections.
    @Suite(.serialized) struct WatchTests {
        /// `curl -N` on one node, its lines in a file.
        private struct Listener {
            private let process: ChildProcess
            private let file: String

            init(_ node: Node, after revision: Int, in cluster: Cluster) throws {
                file = cluster.directory.path + "/watch-\(node.id)-\(revision)"
                let url = "http://localhost:\(node.port)/api/v1/kv/w/?watch=true&after=\(revision)"
                process = try ChildProcess("/usr/bin/curl", ["-sN", url], output: file)
            }

            var lines: [Substring] {
                ((try? String(contentsOfFile: file, encoding: .utf8)) ?? "").split(separator: "\n")
            }

            /// Of the events, in order.
            var revisions: [Int] {
                lines.filter { $0.contains(#""type":"put""#) }.compactMap { line in
                    Int(line.components(separatedBy: #""modRevision":"#).last?.prefix { $0.isNumber } ?? "")
                }
            }

            func end() { process.killGroup() }
        }

        @Test("the cluster is watched on a follower: all of it first, then what changes, and resumed by its version")
        func ofTheCluster() throws {
            try Cluster.with { cluster in
                let leader = try cluster.leader()
                let follower = try cluster.followers()[0]
                let url = "http://localhost:\(follower.port)/api/v1/metadata/cluster?watch=true"
                let (all, rest) = (cluster.directory.path + "/all", cluster.directory.path + "/rest")
                let first = try ChildProcess("/usr/bin/curl", ["-sN", url], output: all)
                func lines(_ file: String) -> [Substring] {
                    ((try? String(contentsOfFile: file, encoding: .utf8)) ?? "").split(separator: "\n")
                }
                func isTold(_ kind: String, version: Int) throws {
                    let head = #"{"updateType":"\#(kind)","version":\#(version),"controllerId":\#(leader.id),"#
                    try eventually("\(kind) of version \(version)") { lines(all).last?.hasPrefix(head) == true }
                }
                try isTold("FULL_SNAPSHOT", version: 0)
                let broker = #"{"brokerId":101,"host":"localhost","port":1}"#
                #expect(try leader.post("/api/v1/metadata/brokers", broker).status == 201)
                try isTold("BROKER_UPDATE", version: 1)
                let topic = #"{"topicName":"orders","numPartitions":1,"replicationFactor":1}"#
                #expect(try leader.post("/api/v1/metadata/topics", topic).status == 201)
                try isTold("TOPIC_CREATED", version: 2)
                #expect(lines(all).count == 3)
                let second = try ChildProcess("/usr/bin/curl", ["-sN", url + "&after=1"], output: rest)
                try eventually("the rest") { lines(rest).first == lines(all).last }
                _ = try follower.terminate()
                try eventually("a node that stops says so") { lines(all).last == #"{"type":"bye"}"# }
                first.killGroup()
                second.killGroup()
            }
        }

        @Test("a watch on the command line goes on at another node when its own is killed")
        func onTheCommandLine() throws {
            try Cluster.with { cluster in
                let leader = try cluster.leader()
                let follower = try cluster.followers()[0]
                let file = cluster.directory.path + "/command-line"
                let endpoints = [follower, leader].flatMap { ["--endpoint", "http://localhost:\($0.port)"] }
                let watch = try ChildProcess(
                    Surroundings.binary, ["kv", "watch", "/w/", "--after", "0"] + endpoints, output: file)
                func text() -> String { (try? String(contentsOfFile: file, encoding: .utf8)) ?? "" }
                #expect(try leader.send("PUT", "/api/v1/kv/w/a", "one").status == 201)
                #expect(try leader.send("PUT", "/api/v1/kv/w/b", "two").status == 201)
                let first = """
                    REVISION  EVENT   KEY                       VALUE
                    2         put     /w/a                      one
                    3         put     /w/b                      two

                    """
                try eventually("what was put") { text() == first }
                follower.kill()
                #expect(try leader.send("DELETE", "/api/v1/kv/w/b").status == 200)
                try eventually("what is deleted then") { text() == first + "4         delete  /w/b\n" }
                watch.killGroup()
            }
        }

        @Test("a watch on a follower misses nothing when the leader dies, and is resumed on another node")
        func acrossAChangeOfLeader() throws {
            try Cluster.with { cluster in
                let leader = try cluster.leader()
                let others = cluster.nodes.filter { $0.id != leader.id }
                let listener = try Listener(others[0], after: 1, in: cluster)
                for number in 1...20 { #expect(try leader.put("/w/\(number % 3)", "\(number)").status < 300) }
                _ = try leader.put("/elsewhere", "x")
                leader.kill()
                let next = try cluster.leader()
                for number in 21...40 { #expect(try next.put("/w/\(number % 3)", "\(number)").status < 300) }
                try eventually("the follower has told all") { listener.revisions.last == 42 }
                #expect(listener.revisions == Array(2...21) + Array(23...42))
                listener.end()

                let resumed = try Listener(others[1], after: 31, in: cluster)
                try eventually("the other node has told the rest") { resumed.revisions.last == 42 }
                #expect(resumed.revisions == Array(32...42))
                _ = try others[1].terminate()
                try eventually("a node that stops says so") { resumed.lines.last == #"{"type":"bye"}"# }
            }
        }
    }
}
