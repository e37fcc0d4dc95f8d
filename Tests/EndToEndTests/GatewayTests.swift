import Foundation
import Testing

extension EndToEnd {
    /// Any node takes any request: etcd's gateway always, the native interface if it is asked to.
    @Suite(.serialized) struct GatewayTests {
        private func post(_ node: Node, _ path: String, _ body: String) throws -> Answer {
            try node.send("POST", path, body)
        }

        @Test func aFollowerPassesOn() throws {
            try Cluster.with { cluster in
                let follower = try cluster.followers()[0]
                #expect(try follower.put("/a", "v").status == 503)
                let forward = [("X-Forward", "leader")]
                let put = try follower.put("/a", "v", headers: forward)
                #expect(put.status == 201 && put.header("ETag") == "\"2\"", "\(put)")
                let get = try follower.get("/api/v1/kv/a", headers: forward)
                #expect(get.status == 200 && get.text == "v")
                let twice = try follower.get(
                    "/api/v1/kv/a", headers: [("X-Forward", "leader"), ("X-Forwarded-By", "9")])
                #expect(twice.status == 503, "once, and not again")
                // What a client of etcd does, on a node that does not lead.
                #expect(try post(follower, "/v3/kv/put", #"{"key":"L2I=","value":"dw=="}"#).status == 200)
                let range = try post(follower, "/v3/kv/range", #"{"key":"L2E=","range_end":"L2M="}"#)
                #expect(range.text.contains(#""count":"2""#))
                let lease = try post(follower, "/v3/lease/grant", #"{"TTL":2,"ID":7}"#)
                #expect(lease.text.contains(#""ID":"7""#))
                #expect(try post(follower, "/v3/kv/put", #"{"key":"L2w=","lease":7}"#).status == 200)
                let alive = try post(follower, "/v3/lease/keepalive", #"{"ID":7}"#)
                #expect(
                    alive.status == 200 && alive.text.contains(#""TTL":"2""#) && alive.header("Content-Length") == nil)
                try eventually("the lease ends, and its key with it") {
                    try post(follower, "/v3/kv/range", #"{"key":"L2w="}"#).text.contains("kvs") == false
                }
                #expect(try post(follower, "/v3/lease/timetolive", #"{"ID":7}"#).text.contains(#""TTL":"-1""#))
                try cluster.expectAgreement()
            }
        }

        @Test func theCommandLine() throws {
            try Cluster.with { cluster in
                let endpoint = "--endpoint=http://localhost:\(try cluster.followers()[0].port)"
                #expect(try Finished.dmq("lease", "grant", "60", "--id=7", endpoint).output == "7\n")
                #expect(try Finished.dmq("kv", "put", "/l", "v", "--lease=7", endpoint).status == 0)
                let shown = try Finished.dmq("lease", "show", "7", endpoint)
                #expect(shown.output.hasPrefix("7  ") && shown.output.hasSuffix(" of 60 s left\n/l\n"), "\(shown)")
                #expect(try Finished.dmq("lease", "list", endpoint).output.contains("7"))
                #expect(try Finished.dmq("lease", "keep-alive", "7", endpoint).output == "60 s from now\n")
                let body = #"{"if":[{"key":"/l","exists":true}],"then":[{"get":"/l"}]}"#
                let done = try Finished.dmq("kv", "txn", body, endpoint)
                #expect(done.status == 0 && done.output.contains(#""succeeded":true"#))
                #expect(try Finished.dmq("lease", "revoke", "7", endpoint).output.hasPrefix("deleted 1"))
                #expect(try Finished.dmq("kv", "txn", body, endpoint).status == 1)
                // The program is told its token, and what it writes is fenced by it.
                let put =
                    #"curl -s -X PUT -H "X-Forward: leader" -H "X-Fence: $DMQ_FENCE" -d v "#
                    + "localhost:\(try cluster.followers()[0].port)/api/v1/kv/fenced; exit 3"
                let locked = try Finished.dmq(
                    "lock", "job", endpoint, "--", "/bin/bash", "-c", put, environment: ["PATH": "/usr/bin:/bin"])
                #expect(locked.status == 3 && locked.output.contains(#""key":"/fenced""#), "\(locked)")
                let lock = try cluster.leader().get("/api/v1/locks/job")
                #expect(lock.text.contains(#""holder":null"#), "it is let go")
            }
        }

        @Test("a lease has no less than it had left when the leader dies")
        func leasesAcrossAChangeOfLeader() throws {
            try Cluster.with { cluster in
                let leader = try cluster.leader()
                #expect(try post(leader, "/v3/lease/grant", #"{"TTL":4,"ID":7}"#).status == 200)
                #expect(try post(leader, "/v3/kv/put", #"{"key":"L2w=","lease":7}"#).status == 200)
                let began = ContinuousClock.now
                leader.kill()
                let next = try cluster.leader()
                try eventually("the next leader ends it") {
                    try next.get("/api/v1/kv/l").status == 404
                }
                #expect(ContinuousClock.now - began >= .seconds(3.9))
            }
        }
    }
}
