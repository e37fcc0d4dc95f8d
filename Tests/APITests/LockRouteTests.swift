import HTTP
import Metadata
import Synchronization
import Testing

@testable import API
@testable import Server

/// Contract §12: locks, elections, and the fence.
@Suite struct LockRouteTests {
    private let client = Client()

    init() { client.node.state.withLock { _ = $0.metadata.apply(.raiseLevel(to: 2), timestamp: 0) } }

    private func grant(_ id: Int) async { _ = await client.post("/api/v1/leases", #"{"ttlSeconds":10,"id":\#(id)}"#) }

    private func lock(_ lease: Int, _ more: String = "") async -> Answer {
        await client.post("/api/v1/locks/l", #"{"lease":"\#(lease)","holder":"h\#(lease)"\#(more)}"#)
    }

    @Test func oneHasIt() async {
        for id in 1...2 { await grant(id) }
        #expect(
            await client.get("/api/v1/locks/l").text
                == #"{"name":"l","holder":null,"token":null,"lease":null,"waiting":0}"#)
        #expect(await lock(1).text == #"{"name":"l","token":2,"lease":"1","holder":"h1"}"#)
        #expect(await lock(1).text == #"{"name":"l","token":2,"lease":"1","holder":"h1"}"#, "he has it already")
        let held = await lock(2)
        #expect(held.status == 409 && held.code == "lock_held" && held.text.contains(#""token":2,"holder":"h1""#))
        #expect(
            await client.get("/api/v1/locks/l").text
                == #"{"name":"l","holder":"h1","token":2,"lease":"1","waiting":0}"#)
        #expect(await client.send("DELETE", "/api/v1/locks/l?token=9").code == "stale_fence")
        #expect(await client.send("DELETE", "/api/v1/locks/l").code == "invalid_parameter")
        #expect(await client.send("DELETE", "/api/v1/locks/l?token=2").status == 204)
        let next = await lock(2)
        #expect(next.status == 200 && next.text.contains(#""token":4"#), "\(next.text)")
        // It goes with its lease.
        _ = await client.send("DELETE", "/api/v1/leases/2")
        #expect(await client.get("/api/v1/locks/l").text.contains(#""holder":null"#))
    }

    @Test func withALeaseOfItsOwn() async {
        let own = await client.post("/api/v1/locks/l", #"{"ttlSeconds":5}"#)
        #expect(own.status == 200 && own.text.contains(#""token":2"#))
        #expect(await client.post("/api/v1/locks/l", #"{"ttlSeconds":5}"#).code == "lock_held")
        #expect(client.node.state.withLock { $0.metadata.leaseCount } == 1, "the one of who did not get it is gone")
        #expect(await client.send("DELETE", "/api/v1/locks/l?token=2").status == 204)
        #expect(client.node.state.withLock { $0.metadata.leaseCount } == 0)
    }

    @Test func firstComeFirstServed() async {
        for id in 1...3 { await grant(id) }
        _ = await lock(1)
        async let second = lock(2, #","wait":60"#)
        while client.node.state.withLock({ $0.watches.count }) < 1 { await Task.yield() }
        async let third = lock(3, #","wait":60"#)
        while client.node.state.withLock({ $0.watches.count }) < 2 { await Task.yield() }
        #expect(await client.get("/api/v1/locks/l").text.contains(#""waiting":2"#))
        _ = await client.send("DELETE", "/api/v1/locks/l?token=2")
        #expect(await second.text == #"{"name":"l","token":3,"lease":"2","holder":"h2"}"#)
        // A lease that ends takes its holder out of the queue.
        _ = await client.send("DELETE", "/api/v1/leases/2")
        #expect(await third.text == #"{"name":"l","token":4,"lease":"3","holder":"h3"}"#)
        #expect(client.node.state.withLock { $0.watches.count } == 0)
    }

    @Test func whoWaitsInVain() async {
        for id in 1...3 { await grant(id) }
        _ = await lock(1)
        let late = await lock(2, #","wait":1"#)
        #expect(late.status == 409 && late.code == "lock_held")
        #expect(await client.get("/api/v1/locks/l").text.contains(#""waiting":0"#), "his place is given up")
        async let gone = lock(3, #","wait":60"#)
        while client.node.state.withLock({ $0.watches.count }) < 1 { await Task.yield() }
        _ = await client.send("DELETE", "/api/v1/leases/3")
        #expect(await gone.code == "unknown_lease")
        _ = await client.send("DELETE", "/api/v1/locks/l?token=2")
        #expect(await lock(9).code == "unknown_lease")
    }

    @Test func theFenceIsEnforced() async {
        for id in 1...2 { await grant(id) }
        _ = await lock(1)
        let fence = [(name: "X-Fence", value: "l:2")]
        #expect(await client.put("/api/v1/kv/a", "v", headers: fence).status == 201)
        #expect(await client.post("/api/v1/txn", "{}").status == 200)
        _ = await client.send("DELETE", "/api/v1/locks/l?token=2")
        _ = await lock(2)
        let stale = await client.put("/api/v1/kv/a", "w", headers: fence)
        #expect(stale.status == 412 && stale.code == "stale_fence")
        #expect(await client.send("DELETE", "/api/v1/kv/a", headers: fence).code == "stale_fence")
        #expect(await client.send("DELETE", "/api/v1/kv/?recursive=true", headers: fence).code == "stale_fence")
        let body = Array(#"{"then":[{"put":"/a","value":"w"}]}"#.utf8)
        let json = fence + [(name: "Content-Type", value: "application/json")]
        #expect(await client.send("POST", "/api/v1/txn", headers: json, body: body).code == "stale_fence")
        #expect(await client.get("/api/v1/kv/a").text == "v")
        for wrong in ["l", "l:", ":2", "l:x", "a/b:2"] {
            let answer = await client.put("/api/v1/kv/a", "v", headers: [("X-Fence", wrong)])
            #expect(answer.code == "invalid_precondition")
        }
    }

    @Test(arguments: [
        (#"{}"#, "missing_field"), (#"{"lease":"1","ttlSeconds":5}"#, "out_of_range"),
        (#"{"ttlSeconds":0}"#, "out_of_range"), (#"{"ttlSeconds":1,"wait":301}"#, "out_of_range"),
        (#"{"ttlSeconds":1,"holder":1}"#, "invalid_type"),
    ])
    func whatIsWrong(body: String, code: String) async {
        #expect(await client.post("/api/v1/locks/l", body).code == code)
        #expect(await client.post("/api/v1/locks/%20", body).code == "invalid_parameter")
    }

    @Test(arguments: [("*/*", ""), ("text/event-stream", "id: 1\ndata: ")])
    func anElectionIsWatched(accept: String, prefix: String) async {
        for id in 1...2 { await grant(id) }
        let request = HTTPRequest(
            method: "GET", path: "/api/v1/locks/l", query: "watch=true",
            headers: HTTPHeaders([(name: "Accept", value: accept)]), connection: client.connection)
        let response = await withCheckedContinuation { continuation in
            client.router.handle(request, HTTPResponder { continuation.resume(returning: $0) })
        }
        func line(_ wanted: String) async {
            while true {
                let text = String(decoding: response.collectBody(), as: UTF8.self)
                if text.contains(wanted) { return }
                await Task.yield()
            }
        }
        await line(
            prefix + #"{"type":"lock","name":"l","holder":null,"token":null,"lease":null,"waiting":0,"revision":1}"#
                + "\n")
        _ = await lock(1)
        await line(#""holder":"h1","token":2"#)
        _ = await client.send("DELETE", "/api/v1/locks/l?token=2")
        await line(#""holder":null"#)
    }
}
