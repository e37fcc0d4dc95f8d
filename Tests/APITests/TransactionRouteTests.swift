import HTTP
import Metadata
import Synchronization
import Testing

@testable import API
@testable import Server

/// Contract §11: transactions and leases.
@Suite struct TransactionRouteTests {
    private let client = Client()

    init() { client.node.state.withLock { $0.metadata = .keepingHistory } }

    @Test func bothBranches() async {
        _ = await client.put("/api/v1/kv/a", "x")
        let body = #"""
            {"if":[{"key":"/a","modRevision":1},{"key":"/b","exists":false},{"key":"/a","value":"x"},
            {"key":"/a","version":{"less":2}}],
            "then":[{"put":"/b","value":"y"},{"delete":"/a"},{"get":"/b"},{"get":"/a"},{"get":"/"}],
            "else":[{"get":"/b"},{"delete":"/none/","recursive":true}]}
            """#
        let first = await client.post("/api/v1/txn", body)
        #expect(first.status == 200 && first.header("X-Revision") == "2")
        let pair = #"{"key":"/b","value":"y","createRevision":2,"modRevision":2,"version":1}"#
        #expect(
            first.text == #"{"succeeded":true,"revision":2,"results":[{"key":"/b","revision":2,"version":1},"#
                + #"{"deleted":1,"revision":2},\#(pair),{"status":404,"title":"Not Found","detail":"key /a does not "#
                + #"exist","code":"unknown_key"},{"revision":2,"entries":[\#(pair)],"next":null}]}"#)
        #expect(
            await client.post("/api/v1/txn", body).text
                == #"{"succeeded":false,"revision":2,"results":[\#(pair),{"deleted":0,"revision":2}]}"#)
        #expect(await client.post("/api/v1/txn", "{}").text == #"{"succeeded":true,"revision":2,"results":[]}"#)
    }

    @Test func nestedAndOctets() async {
        let body = #"""
            {"then":[{"txn":{"if":[{"key":"/a","exists":true}],"else":[{"put":"/a","valueBase64":"/w=="}]}},
            {"putBase64":"/wA=","value":"v"},{"getBase64":"/wA="}]}
            """#
        #expect(
            await client.post("/api/v1/txn", body).text
                == #"{"succeeded":true,"revision":1,"results":[{"succeeded":false,"results":[{"key":"/a","revision":1,"#
                + #""version":1}]},{"keyBase64":"/wA=","revision":1,"version":1},{"keyBase64":"/wA=","value":"v","#
                + #""createRevision":1,"modRevision":1,"version":1}]}"#)
    }

    @Test(arguments: [
        (#"{"if":[{"key":"/a"}]}"#, "missing_field"), (#"{"if":[{"modRevision":1}]}"#, "missing_field"),
        (#"{"if":[{"key":"/a","modRevision":1,"version":1}]}"#, "out_of_range"),
        (#"{"if":[{"key":"a","exists":true}]}"#, "out_of_range"),
        (#"{"if":[{"key":"/a","version":"1"}]}"#, "invalid_type"),
        (#"{"if":[{"key":"/a","version":{"greater":-1}}]}"#, "out_of_range"), (#"{"then":{}}"#, "invalid_type"),
        (#"{"then":[{}]}"#, "missing_field"), (#"{"then":[{"put":"/a"}]}"#, "missing_field"),
        (#"{"then":[{"put":"/a/","value":""}]}"#, "out_of_range"), (#"{"then":[{"delete":"/a/"}]}"#, "out_of_range"),
        (#"{"then":[{"put":"/a","get":"/a","value":""}]}"#, "out_of_range"),
        (#"{"then":[{"put":"/a","valueBase64":"%"}]}"#, "out_of_range"),
        (#"{"then":[{"put":"/a","value":"x","lease":"0"}]}"#, "out_of_range"),
        (#"{"then":[{"put":"/a","value":""},{"delete":"/","recursive":true}]}"#, "key_changed_twice"),
        (#"{"else":[{"put":"/a","value":""},{"txn":{"then":[{"put":"/a","value":""}]}}]}"#, "key_changed_twice"),
        (#"{"then":[{"get":"/a","revision":9}]}"#, "future_revision"),
        (#"{"then":[{"put":"/a","value":"","lease":"9"}]}"#, "unknown_lease"),
    ])
    func whatCanNotBeMeant(body: String, code: String) async {
        #expect(await client.post("/api/v1/txn", body).code == code)
        #expect(client.node.state.withLock { $0.metadata.counters.revision } == 0)
    }

    @Test func bounds() async {
        let operation = #"{"get":"/a"}"#
        func body(_ count: Int) -> String {
            #"{"then":["# + Array(repeating: operation, count: count).joined(separator: ",") + "]}"
        }
        #expect(await client.post("/api/v1/txn", body(1000)).status == 200)
        #expect(await client.post("/api/v1/txn", body(1001)).code == "out_of_range")
        func nested(_ depth: Int) -> String {
            depth == 1 ? "{}" : #"{"then":[{"txn":\#(nested(depth - 1))}]}"#
        }
        #expect(await client.post("/api/v1/txn", nested(8)).status == 200)
        #expect(await client.post("/api/v1/txn", nested(9)).code == "out_of_range")
    }

    @Test func leases() async {
        let granted = await client.post("/api/v1/leases", #"{"ttlSeconds":10,"id":"9007199254740993"}"#)
        #expect(granted.status == 201 && granted.text == #"{"id":"9007199254740993","ttlSeconds":10}"#)
        #expect(await client.post("/api/v1/leases", #"{"ttlSeconds":10,"id":9007199254740993}"#).code == "lease_exists")
        #expect(await client.post("/api/v1/leases", #"{"ttlSeconds":1}"#).status == 201)
        for body in [#"{"ttlSeconds":0}"#, #"{"ttlSeconds":31536001}"#, #"{"ttlSeconds":1,"id":"-1"}"#] {
            #expect(await client.post("/api/v1/leases", body).code == "out_of_range")
        }
        let path = "/api/v1/leases/9007199254740993"
        #expect(await client.put("/api/v1/kv/a?lease=9007199254740993", "v").status == 201)
        #expect(await client.put("/api/v1/kv/a?lease=7", "v").code == "unknown_lease")
        #expect(
            await client.get("/api/v1/kv/a", headers: [("Accept", "application/json")]).text
                == #"{"key":"/a","value":"v","createRevision":1,"modRevision":1,"version":1,"lease":"9007199254740993"}"#
        )
        #expect(
            await client.post(path + "/keepalive", "").text
                == #"{"id":"9007199254740993","ttlSeconds":10,"remainingSeconds":10}"#)
        #expect(
            await client.get(path).text
                == #"{"id":"9007199254740993","ttlSeconds":10,"remainingSeconds":10,"keys":["/a"]}"#)
        #expect(await client.get("/api/v1/leases?limit=1").text.contains(#""next":""#))
        #expect(await client.get("/api/v1/leases?after=9223372036854775807").text == #"{"leases":[],"next":null}"#)
        #expect(await client.send("DELETE", path).text == #"{"deleted":1,"revision":2}"#)
        for answer in [await client.send("DELETE", path), await client.get(path)] {
            #expect(answer.status == 404 && answer.code == "unknown_lease")
        }
        #expect(await client.post(path + "/keepalive", "").code == "unknown_lease")
        #expect(await client.post("/api/v1/leases/x/keepalive", "").code == "invalid_parameter")
        #expect(await client.get("/api/v1/kv/a").code == "unknown_key")
    }

    @Test func aWriteWithALeaseHasItsConditions() async {
        _ = await client.post("/api/v1/leases", #"{"ttlSeconds":10,"id":"7"}"#)
        let absent = [(name: "If-None-Match", value: "*")]
        #expect(await client.put("/api/v1/kv/a?lease=7", "v", headers: absent).status == 201)
        let again = await client.put("/api/v1/kv/a?lease=7", "v", headers: absent)
        #expect(again.status == 412 && again.header("ETag") == "\"1\"")
        #expect(await client.put("/api/v1/kv/a?lease=7", "w", headers: [("If-Match", "\"1\"")]).status == 200)
        #expect(await client.put("/api/v1/kv/a?lease=7", "w", headers: [("If-Match", "\"1\"")]).status == 412)
    }
}
