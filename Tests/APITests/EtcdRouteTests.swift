import Metadata
import Synchronization
import Testing

@testable import API
@testable import HTTP
@testable import Server

/// What etcd's clients depend on: shapes and texts as they were captured from etcd 3.4 and its gateway.
@Suite struct EtcdRouteTests {
    private let client = Client()

    init() { client.node.state.withLock { _ = $0.metadata.apply(.raiseLevel(to: 2), timestamp: 0) } }

    private func call(_ path: String, _ body: String) async -> String {
        await client.send("POST", "/v3/" + path, body: Array(body.utf8)).text
    }

    private func header(_ revision: Int) -> String {
        #""header":{"cluster_id":"42","member_id":"2","revision":"\#(revision)","raft_term":"3"}"#
    }

    @Test func putsAndRanges() async {
        #expect(await call("kv/range", #"{"key":"Zm9v"}"#) == "{\(header(1))}")
        #expect(await call("kv/put", #"{"key":"Zm9v","value":"YmFy"}"#) == "{\(header(2))}")
        #expect(
            await call("lease/grant", #"{"TTL":60,"ID":4752038667926280453}"#)
                == #"{\#(header(2)),"ID":"4752038667926280453","TTL":"60"}"#)
        #expect(
            await call("kv/put", #"{"key":"Zm9v","value":"YmF6","lease":4752038667926280453,"prev_kv":true}"#)
                == #"{\#(header(3)),"prev_kv":{"key":"Zm9v","create_revision":"2","mod_revision":"2","version":"1","#
                + #""value":"YmFy"}}"#)
        _ = await call("kv/put", #"{"key":"Zm9x"}"#)
        let first =
            #"{"key":"Zm9v","create_revision":"2","mod_revision":"3","version":"2","value":"YmF6","#
            + #""lease":"4752038667926280453"}"#
        let second = #"{"key":"Zm9x","create_revision":"4","mod_revision":"4","version":"1"}"#
        #expect(
            await call("kv/range", #"{"key":"Zm9v","range_end":"Zm9y","limit":1,"sort_order":0}"#)
                == #"{\#(header(4)),"kvs":[\#(first)],"more":true,"count":"2"}"#)
        #expect(
            await call("kv/range", #"{"key":"AA==","rangeEnd":"AA==","sort_order":"DESCEND","sort_target":"MOD"}"#)
                == #"{\#(header(4)),"kvs":[\#(second),\#(first)],"count":"2"}"#)
        #expect(
            await call("kv/range", #"{"key":"Zm9v","range_end":"AA==","count_only":true}"#)
                == #"{\#(header(4)),"count":"2"}"#)
        #expect(
            await call("kv/range", #"{"key":"Zm9v","revision":"2","keys_only":true,"serializable":true}"#)
                == #"{\#(header(4)),"kvs":[{"key":"Zm9v","create_revision":"2","mod_revision":"2","version":"1"}],"#
                + #""count":"1"}"#)
        #expect(
            await call("kv/range", #"{"key":"Zg==","range_end":"Zw==","min_mod_revision":4}"#)
                == #"{\#(header(4)),"kvs":[\#(second)],"count":"2"}"#)
        #expect(await call("kv/range", #"{"key":"Zm9v","range_end":"Zg=="}"#) == "{\(header(4))}", "inverted")
        // The same keys by the other interface.
        #expect(
            await client.post("/api/v1/txn", #"{"then":[{"getBase64":"Zm9v"}]}"#).text.contains(#""modRevision":3"#))
        _ = await client.put("/api/v1/kv/a", "x")
        #expect(await call("kv/range", #"{"key":"L2E="}"#).contains(#""mod_revision":"5""#))
    }

    @Test func deletions() async {
        _ = await call("kv/put", #"{"key":"Zm9v","value":"YmFy"}"#)
        #expect(
            await call("kv/deleterange", #"{"key":"Zm9v","prev_kv":true}"#)
                == #"{\#(header(3)),"deleted":"1","prev_kvs":[{"key":"Zm9v","create_revision":"2","mod_revision":"2","#
                + #""version":"1","value":"YmFy"}]}"#)
        #expect(await call("kv/deleterange", #"{"key":"Zm9v"}"#) == "{\(header(3))}")
    }

    @Test func transactions() async {
        let put = #"{"request_put":{"key":"Zm9v","value":"YmF6"}}"#
        #expect(
            await call(
                "kv/txn",
                #"{"compare":[{"key":"Zm9v","result":"EQUAL","target":"CREATE","create_revision":0}],"success":[\#(put)],"#
                    + #""failure":[{"request_range":{"key":"Zm9v"}}]}"#)
                == #"{\#(header(2)),"succeeded":true,"responses":[{"response_put":{"header":{"revision":"2"}}}]}"#)
        #expect(
            await call(
                "kv/txn", #"{"compare":[{"key":"Zm9v","version":"7"}],"failure":[{"request_range":{"key":"Zm9v"}}]}"#)
                == #"{\#(header(2)),"responses":[{"response_range":{"header":{"revision":"2"},"kvs":[{"key":"Zm9v","#
                + #""create_revision":"2","mod_revision":"2","version":"1","value":"YmF6"}],"count":"1"}}]}"#)
        // Patroni's update_leader, the leader's key gone.
        #expect(
            await call(
                "kv/txn",
                #"{"compare":[{"key":"bGVhZGVy","target":"VALUE","value":"bg=="}],"success":[\#(put)],"failure":"#
                    + #"[{"request_txn":{"compare":[{"key":"bGVhZGVy","target":"CREATE","create_revision":"0"}],"#
                    + #""success":[\#(put)]}}]}"#)
                == #"{\#(header(3)),"responses":[{"response_txn":{"header":{},"succeeded":true,"responses":"#
                + #"[{"response_put":{"header":{"revision":"3"}}}]}}]}"#)
        #expect(await call("kv/txn", "{}") == #"{\#(header(3)),"succeeded":true}"#)
        let twice = #"{"success":[\#(put),{"request_delete_range":{"key":"Zm9v"}}]}"#
        #expect(await call("kv/txn", twice).contains("duplicate key given in txn request"))
        let many = Array(repeating: #"{"request_range":{"key":"Zm9v"}}"#, count: 129).joined(separator: ",")
        #expect(await call("kv/txn", #"{"success":[\#(many)]}"#).contains("too many operations in txn request"))
        let future = #"{"success":[\#(put),{"request_range":{"key":"Zm9v","revision":99}}]}"#
        #expect(await call("kv/txn", future).contains("required revision is a future revision"))
        #expect(client.node.state.withLock { $0.metadata.counters.revision } == 3, "nothing was changed")
    }

    @Test func leases() async {
        let granted = await call("lease/grant", #"{"TTL":60,"ID":0}"#)
        #expect(granted.contains(#""ID":""#) && granted.contains(#""TTL":"60""#))
        #expect(await call("lease/grant", #"{"ID":7}"#).contains(#""TTL":"2""#), "too short is made longer")
        #expect(await call("lease/grant", #"{"ID":7,"TTL":60}"#).contains("lease already exists"))
        #expect(await call("lease/grant", #"{"TTL":9000000001}"#).contains("too large lease TTL"))
        _ = await call("kv/put", #"{"key":"Zm9v","lease":"7"}"#)
        #expect(
            await call("lease/keepalive", #"{"ID":"7"}"#) == #"{"result":{\#(header(2)),"ID":"7","TTL":"2"}}"# + "\n")
        #expect(await call("lease/keepalive", #"{"ID":5}"#) == #"{"result":{\#(header(2)),"ID":"5"}}"# + "\n")
        #expect(
            await call("kv/lease/timetolive", #"{"ID":7,"keys":true}"#)
                == #"{\#(header(2)),"ID":"7","TTL":"9","grantedTTL":"2","keys":["Zm9v"]}"#)
        #expect(await call("lease/timetolive", #"{"ID":5}"#) == #"{\#(header(2)),"ID":"5","TTL":"-1"}"#)
        #expect(await call("kv/lease/revoke", #"{"ID":7}"#) == "{\(header(3))}")
        #expect(await call("lease/revoke", #"{"ID":7}"#).contains(#""code":5"#))
        #expect(await call("kv/put", #"{"key":"Zm9v","lease":7}"#).contains("requested lease not found"))
        #expect(await call("lease/leases", "").contains(#""leases":[{"ID":""#))
    }

    @Test(arguments: [
        ("kv/put", #"{"value":"YQ=="}"#, 400, "etcdserver: key is not provided"),
        ("kv/put", #"{"key":"YQ==","ignore_value":true}"#, 400, "etcdserver: key not found"),
        ("kv/put", #"{"key":"YQ==","value":"YQ==","ignore_value":true}"#, 400, "etcdserver: value is provided"),
        ("kv/put", #"{"key":"YQ==","lease":1,"ignore_lease":true}"#, 400, "etcdserver: lease is provided"),
        ("kv/range", #"{"key":"YQ==","revision":9}"#, 400, "required revision is a future revision"),
        ("kv/range", #"{"key":"a"}"#, 400, "base64"), ("kv/range", #"{"key":"YQ==","limit":1.5}"#, 400, "integer"),
        ("kv/range", #"{"key":"YQ==","sort_target":9}"#, 400, "sort_target"), ("kv/range", "{", 400, "JSON"),
        ("kv/compaction", #"{"revision":9}"#, 400, "required revision is a future revision"),
        ("kv/compaction", #"{"revision":1}"#, 400, "required revision has been compacted"),
        ("auth/authenticate", "{}", 400, "etcdserver: authentication is not enabled"),
        ("nothing", "{}", 404, "Not Found"),
        ("watch", #"{"create_request":{"filters":["X"]}}"#, 400, "enumerator"), ("kv/put/", "{}", 404, "Not Found"),
    ])
    func whatIsWrong(path: String, body: String, status: Int, text: String) async {
        let answer = await client.send("POST", "/v3/" + path, body: Array(body.utf8))
        #expect(answer.status == status && answer.text.contains(text), "\(answer.text)")
    }

    @Test func aroundIt() async {
        #expect(await client.get("/version").text == #"{"etcdserver":"3.5.0","etcdcluster":"3.5.0"}"#)
        #expect(await client.get("/health").text == #"{"health":"true"}"#)
        #expect(await client.get("/v3/kv/range").status == 405)
        #expect(await client.send("OPTIONS", "/v3/kv/range").status == 200)
        #expect(await client.send("POST", "/v3beta/kv/range?x=y", body: Array(#"{"key":"YQ=="}"#.utf8)).status == 200)
        let token = await client.send("POST", "/v3/kv/range", headers: [("Authorization", "x")], body: [])
        #expect(token.status == 401 && token.text.contains(#""code":16"#))
        #expect(
            await call("maintenance/status", "{}")
                == #"{\#(header(1)),"version":"3.5.0","leader":"2","raftIndex":"41","#
                + #""raftTerm":"3","raftAppliedIndex":"40"}"#)
        let members = await call("cluster/member/list", "")
        #expect(members.contains(#""members":[{"ID":"1","name":"node1","peerURLs":["http://localhost:9091"],"#))
        client.fail(.notLeader(leader: nil))
        #expect(
            await call("kv/put", #"{"key":"YQ=="}"#)
                == #"{"error":"etcdserver: no leader","message":"etcdserver: no leader","code":14}"#)
        #expect(await call("kv/range", #"{"key":"YQ==","serializable":true}"#) == "{\(header(1))}")
        #expect(
            await call("kv/txn", #"{"success":[{"request_range":{"key":"YQ==","serializable":true}}]}"#).contains(
                "succeeded"))
        let stream = await client.send("POST", "/v3/lease/keepalive", body: Array(#"{"ID":1}"#.utf8))
        #expect(stream.status == 503 && stream.text.hasPrefix(#"{"error":{"grpc_code":14,"http_code":503,"#))
    }

    // MARK: Watches

    private func open(_ body: String) async -> HTTPResponse {
        let request = HTTPRequest(
            method: "POST", path: "/v3/watch", body: Array(body.utf8), connection: client.connection)
        return await withCheckedContinuation { continuation in
            client.router.handle(request, HTTPResponder { continuation.resume(returning: $0) })
        }
    }

    private func next(_ response: HTTPResponse) -> String? {
        var out: [UInt8] = []
        while response.stream?.produce(&out) == .more, out.isEmpty {}
        return out.isEmpty ? nil : String(decoding: out, as: UTF8.self)
    }

    @Test func eachMessageIsOneChunk() async {
        let stream = await open(
            #"{"create_request":{"key":"ZA==","range_end":"ZQ==","prev_kv":true}}{"progress_request":{}}"#)
        #expect(next(stream) == #"{"result":{\#(header(1)),"created":true}}"# + "\n")
        #expect(next(stream) == #"{"result":{\#(header(1)),"watch_id":"-1"}}"# + "\n")
        #expect(next(stream) == nil)
        _ = await call("kv/put", #"{"key":"ZA==","value":"eA=="}"#)
        let first = #"{"key":"ZA==","create_revision":"2","mod_revision":"2","version":"1","value":"eA=="}"#
        #expect(next(stream) == #"{"result":{\#(header(2)),"events":[{"kv":\#(first)}]}}"# + "\n")
        let both = #"{"success":[{"request_put":{"key":"ZGI="}},{"request_delete_range":{"key":"ZA=="}}]}"#
        _ = await call("kv/txn", both)
        #expect(
            next(stream) == #"{"result":{\#(header(3)),"events":[{"kv":{"key":"ZGI=","create_revision":"3","#
                + #""mod_revision":"3","version":"1"}},{"type":"DELETE","kv":{"key":"ZA==","mod_revision":"3"},"#
                + #""prev_kv":\#(first)}]}}"# + "\n")
        #expect(next(stream) == nil)
    }

    @Test func fromARevisionOn() async {
        let first = await open(#"{"create_request":{"key":"ZA==","start_revision":"1"}}"#)
        #expect(next(first) == #"{"result":{\#(header(1)),"created":true}}"# + "\n", "an empty store is at 1")
        let negative = await open(#"{"create_request":{"key":"ZA==","start_revision":-1}}"#)
        _ = next(negative)
        #expect(next(negative) == #"{"result":{\#(header(1)),"canceled":true,"compact_revision":"1"}}"# + "\n")
        for value in ["MQ==", "Mg==", "Mw=="] { _ = await call("kv/put", #"{"key":"ZA==","value":"\#(value)"}"#) }
        let stream = await open(#"{"create_request":{"key":"ZA==","start_revision":"3","watch_id":5}}"#)
        #expect(next(stream) == #"{"result":{\#(header(2)),"watch_id":"5","created":true}}"# + "\n")
        let events = next(stream) ?? ""
        #expect(events.contains(#""mod_revision":"3""#))
        #expect((events + (next(stream) ?? "")).contains(#""mod_revision":"4""#))
        _ = await call("kv/compaction", #"{"revision":4}"#)
        let late = await open(#"{"create_request":{"key":"ZA==","start_revision":2}}"#)
        #expect(next(late) == #"{"result":{\#(header(4)),"created":true}}"# + "\n")
        #expect(next(late) == #"{"result":{\#(header(4)),"canceled":true,"compact_revision":"4"}}"# + "\n")
        let empty = await open(#"{"create_request":{"key":"ZA==","range_end":"Yw=="}}"#)
        #expect(next(empty)?.contains("mvcc: watcher range is empty") == true)
        let filtered = await open(#"{"create_request":{"key":"ZA==","filters":["NOPUT"]}}"#)
        _ = next(filtered)
        _ = await call("kv/put", #"{"key":"ZA=="}"#)
        #expect(next(filtered) == nil)
    }
}
