import HTTP
import Metadata
import Synchronization
import Testing

@testable import API

@Suite struct KeyValueRouteTests {
    let client = Client()

    @Test func `a key is put, read and deleted`() async {
        let created = await client.put("/api/v1/kv/config/service/a", "v1")
        #expect(created.status == 201)
        #expect(created.header("ETag") == "\"1\"")
        #expect(created.header("Content-Type") == "application/json")
        #expect(created.text == #"{"key":"/config/service/a","revision":1,"version":1}"#)
        let changed = await client.put("/api/v1/kv/config/service/a", "v2")
        #expect(changed.status == 200)
        #expect(changed.header("ETag") == "\"2\"")
        #expect(changed.text == #"{"key":"/config/service/a","revision":2,"version":2}"#)
        _ = await client.put("/api/v1/kv/other", "x")

        let read = await client.get("/api/v1/kv/config/service/a")
        #expect(read.status == 200)
        #expect(read.text == "v2")
        #expect(read.header("Content-Type") == "text/plain; charset=utf-8")
        #expect(read.header("ETag") == "\"2\"")
        #expect(read.header("X-Revision") == "3")
        #expect(await client.get("/api/v1/kv/config/service/a?consistency=stale").text == "v2")

        let deleted = await client.send("DELETE", "/api/v1/kv/config/service/a")
        #expect(deleted.status == 200)
        #expect(deleted.text == #"{"deleted":1,"revision":4}"#)
        for method in ["GET", "DELETE"] {
            let missing = await client.send(method, "/api/v1/kv/config/service/a")
            #expect(missing.status == 404)
            #expect(missing.code == "unknown_key")
        }
    }

    @Test func `JSON is given to those who ask for it`() async {
        _ = await client.put("/api/v1/kv/a", "v\"1")
        _ = await client.send("PUT", "/api/v1/kv/b", body: [0xFF, 0x00])
        let json = [(name: "Accept", value: "application/json")]
        let text = await client.get("/api/v1/kv/a", headers: json)
        #expect(text.header("Content-Type") == "application/json")
        #expect(text.header("ETag") == "\"1\"")
        #expect(text.text == #"{"key":"/a","value":"v\"1","createRevision":1,"modRevision":1,"version":1}"#)
        let binary = await client.get("/api/v1/kv/b", headers: json)
        #expect(binary.text == #"{"key":"/b","valueBase64":"/wA=","createRevision":2,"modRevision":2,"version":1}"#)
        let raw = await client.get("/api/v1/kv/b", headers: [(name: "Accept", value: "*/*")])
        #expect(raw.header("Content-Type") == "application/octet-stream")
        #expect(raw.response.body == [0xFF, 0x00])
    }

    @Test func `keys are percent-decoded`() async {
        for (path, key) in [("%C3%BC", "/ü"), ("a%2Fb", "/a/b"), ("a%20b+c", "/a b+c"), ("x%0Ay", "/x\\ny")] {
            #expect(await client.put("/api/v1/kv/\(path)", "v").text.hasPrefix(#"{"key":"\#(key)","#))
            #expect(await client.get("/api/v1/kv/\(path)").text == "v")
        }
    }

    @Test(arguments: ["%zz", "%", "a%f", "%FF", "%C3", "a//b", "./a", "a/..", "..", "a/./b", "/a", "a/%2E%2E/b"])
    func `what is no key is refused`(path: String) async {
        for method in ["PUT", "GET", "DELETE"] {
            let answer = await client.send(method, "/api/v1/kv/\(path)")
            #expect(answer.status == 400)
            #expect(answer.code == "invalid_key")
        }
    }

    @Test func `keys and values have limits`() async {
        let longest = String(repeating: "k", count: 4095)
        #expect(await client.put("/api/v1/kv/\(longest)", "").status == 201)
        #expect(await client.put("/api/v1/kv/\(longest)k", "").code == "invalid_key")
        let value = [UInt8](repeating: 7, count: 1_572_864)
        #expect(await client.send("PUT", "/api/v1/kv/big", body: value).status == 201)
        #expect(await client.get("/api/v1/kv/big").response.body == value)
        let answer = await client.send("PUT", "/api/v1/kv/big", body: value + [7])
        #expect(answer.status == 413)
        #expect(answer.code == "body_too_large")
    }

    // MARK: Preconditions

    @Test func `preconditions compare at apply`() async {
        let absent = [(name: "If-None-Match", value: "*")]
        #expect(await client.put("/api/v1/kv/a", "1", headers: absent).status == 201)
        let exists = await client.put("/api/v1/kv/a", "2", headers: absent)
        #expect(exists.status == 412)
        #expect(exists.code == "revision_mismatch")
        #expect(exists.header("ETag") == "\"1\"")
        #expect(await client.put("/api/v1/kv/a", "2", headers: [(name: "If-Match", value: "\"1\"")]).status == 200)
        let stale = await client.put("/api/v1/kv/a", "3", headers: [(name: "If-Match", value: "1")])
        #expect(stale.status == 412)
        #expect(stale.header("ETag") == "\"2\"")
        let gone = await client.put("/api/v1/kv/b", "3", headers: [(name: "If-Match", value: "\"1\"")])
        #expect(gone.status == 412)
        #expect(gone.header("ETag") == nil)
        let path = "/api/v1/kv/a"
        #expect(await client.send("DELETE", path, headers: [(name: "if-match", value: "\"1\"")]).status == 412)
        #expect(await client.send("DELETE", path, headers: [(name: "if-match", value: "\"2\"")]).status == 200)
    }

    @Test(arguments: [
        [("If-Match", "")], [("If-Match", " , ")], [("If-Match", "-1")], [("If-Match", "\"1")],
        [("If-Match", "\"1\"x")],
        [("If-Match", "\"1\" \"2\"")], [("If-Match", "*, \"1\"")], [("If-Match", "W/1")], [("If-Match", "\"a b\"")],
        [("If-None-Match", "x")], [("If-None-Match", "*"), ("If-None-Match", "*")],
    ])
    func `malformed preconditions are refused, never ignored`(fields: [(String, String)]) async {
        for method in ["GET", "PUT", "DELETE"] {
            let headers = fields.map { (name: $0.0, value: $0.1) }
            let answer = await client.send(method, "/api/v1/kv/a", headers: headers)
            #expect(answer.status == 400)
            #expect(answer.code == "invalid_precondition")
        }
        #expect(client.node.state.withLock { $0.submitted.isEmpty })
    }

    /// Fields, whether they hold for a key at revision 2, and whether they hold for none.
    private static let conditions: [(fields: [(String, String)], holdsForTwo: Bool, holdsForNone: Bool)] = [
        ([("If-Match", "*")], true, false),
        ([("If-Match", "\"2\"")], true, false),
        ([("If-Match", "2")], true, false),
        ([("If-Match", "\"1\"")], false, false),
        ([("If-Match", "\"1\", \"2\"")], true, false),
        ([("If-Match", ",\"1\",, \"2\" ,")], true, false),
        ([("If-Match", "\"1\""), ("If-Match", "\"2\"")], true, false),
        ([("If-Match", "\"x\", \"y\"")], false, false),
        ([("If-Match", "\"02\"")], false, false),
        ([("If-Match", "W/\"2\"")], false, false),
        ([("If-None-Match", "*")], false, true),
        ([("If-None-Match", "\"2\"")], false, true),
        ([("If-None-Match", "W/\"2\"")], false, true),
        ([("If-None-Match", "\"x\"")], true, true),
        ([("If-None-Match", "\"1\""), ("if-none-match", "\"2\"")], false, true),
        ([("If-Match", "\"2\""), ("If-None-Match", "\"1\"")], true, false),
        ([("If-Match", "\"2\""), ("If-None-Match", "*")], false, false),
    ]

    @Test(arguments: 0..<17) func `conditions are evaluated as RFC 9110 says`(row: Int) async throws {
        #expect(Self.conditions.count == 17)
        let (fields, holdsForTwo, holdsForNone) = Self.conditions[row]
        let headers = fields.map { (name: $0.0, value: $0.1) }
        let isNoneMatch = fields.contains { $0.0.lowercased() == "if-none-match" }

        _ = await client.put("/api/v1/kv/other", "1")
        _ = await client.put("/api/v1/kv/a", "1")
        let get = await client.get("/api/v1/kv/a", headers: headers)
        if holdsForTwo {
            #expect(get.status == 200)
        } else {
            #expect(get.status == (isNoneMatch ? 304 : 412))
            #expect(get.header("ETag") == "\"2\"")
            #expect(get.status == 412 || get.response.body.isEmpty)
        }
        // What is not there is not there, whatever the conditions (RFC 9110 §13.2.1).
        #expect(await client.get("/api/v1/kv/none", headers: headers).status == 404)

        let put = await client.put("/api/v1/kv/a", "2", headers: headers)
        #expect(put.status == (holdsForTwo ? 200 : 412))
        if !holdsForTwo { #expect(put.code == "revision_mismatch" && put.header("ETag") == "\"2\"") }
        let new = await client.put("/api/v1/kv/none", "1", headers: headers)
        #expect(new.status == (holdsForNone ? 201 : 412))
        if !holdsForNone { #expect(new.code == "revision_mismatch" && new.header("ETag") == nil) }
    }

    @Test(arguments: 0..<17) func `a deletion takes the same conditions`(row: Int) async {
        let (fields, holdsForTwo, _) = Self.conditions[row]
        _ = await client.put("/api/v1/kv/other", "1")
        _ = await client.put("/api/v1/kv/a", "1")
        let headers = fields.map { (name: $0.0, value: $0.1) }
        #expect(await client.send("DELETE", "/api/v1/kv/a", headers: headers).status == (holdsForTwo ? 200 : 412))
        #expect(await client.get("/api/v1/kv/a").status == (holdsForTwo ? 404 : 200))
    }

    /// Between the look and the change somebody else changes the key.
    @Test func `conditions that need a look are atomic`() async {
        _ = await client.put("/api/v1/kv/a", "1")
        let headers = [(name: "If-Match", value: "\"1\", \"7\"")]
        client.node.state.withLock {
            $0.changeBeforeNext = [.put(Put(key: Key(validated: Array("/a".utf8)), value: [1]))]
        }
        let answer = await client.put("/api/v1/kv/a", "2", headers: headers)
        #expect(answer.status == 412)
        #expect(answer.header("ETag") == "\"2\"")
        // Where the new version fits as well, the change is made on that.
        client.node.state.withLock {
            $0.changeBeforeNext = [.put(Put(key: Key(validated: Array("/a".utf8)), value: [1]))]
        }
        let any = [(name: "If-Match", value: "*")]
        #expect(await client.put("/api/v1/kv/a", "2", headers: any).text.contains("\"version\":4"))
        // One that changes all the time is given up.
        client.node.state.withLock {
            $0.changeBeforeNext = Array(
                repeating: .put(Put(key: Key(validated: Array("/a".utf8)), value: [1])), count: 8)
        }
        #expect(await client.put("/api/v1/kv/a", "2", headers: any).code == "overloaded")
        #expect(client.node.state.withLock { $0.changeBeforeNext.isEmpty })
    }

    // MARK: Subtrees

    private func fill() async {
        for key in ["config/a", "config/service/a", "config/service/b", "zoo"] {
            _ = await client.put("/api/v1/kv/\(key)", "v")
        }
    }

    private func keys(_ answer: Answer) -> [String] {
        answer.text.split(separator: #""key":""#).dropFirst().map { String($0.prefix { $0 != "\"" }) }
    }

    @Test func `a subtree is listed in key order`() async {
        await fill()
        let all = await client.get("/api/v1/kv/config/")
        #expect(all.header("Content-Type") == "application/json")
        #expect(all.header("X-Revision") == "4")
        let first = #"{"key":"/config/a","value":"v","createRevision":1,"modRevision":1,"version":1}"#
        let second = #"{"key":"/config/service/a","value":"v","createRevision":2,"modRevision":2,"version":1}"#
        let third = #"{"key":"/config/service/b","value":"v","createRevision":3,"modRevision":3,"version":1}"#
        #expect(all.text == #"{"revision":4,"entries":[\#(first),\#(second),\#(third)],"next":null}"#)
        let children = await client.get("/api/v1/kv/config/?recursive=false&consistency=stale")
        #expect(children.text == #"{"revision":4,"entries":[\#(first),{"directory":"/config/service/"}],"next":null}"#)
        #expect(
            keys(await client.get("/api/v1/kv/")) == ["/config/a", "/config/service/a", "/config/service/b", "/zoo"])
        #expect(await client.get("/api/v1/kv/none/").text == #"{"revision":4,"entries":[],"next":null}"#)
    }

    @Test func `pages go on where the last ended`() async {
        await fill()
        let first = await client.get("/api/v1/kv/?limit=2")
        #expect(keys(first) == ["/config/a", "/config/service/a"])
        #expect(first.text.hasSuffix(#""next":"/config/service/a"}"#))
        let second = await client.get("/api/v1/kv/?limit=2&after=%2Fconfig%2Fservice%2Fa")
        #expect(keys(second) == ["/config/service/b", "/zoo"])
        #expect(second.text.hasSuffix(#""next":null}"#))
        let directory = await client.get("/api/v1/kv/?recursive=false&limit=1")
        #expect(directory.text.hasSuffix(#""entries":[{"directory":"/config/"}],"next":"/config/"}"#))
        #expect(keys(await client.get("/api/v1/kv/?recursive=false&limit=1&after=/config/")) == ["/zoo"])
    }

    @Test func `a page is bounded in bytes too`() async {
        let value = [UInt8](repeating: UInt8(ascii: "x"), count: 1_500_000)
        for key in ["a", "b", "c", "d"] { _ = await client.send("PUT", "/api/v1/kv/big/\(key)", body: value) }
        let page = await client.get("/api/v1/kv/big/")
        #expect(keys(page) == ["/big/a", "/big/b"])
        #expect(page.text.hasSuffix(#""next":"/big/b"}"#))
    }

    @Test(arguments: [
        "limit=0", "limit=10001", "limit=x", "limit=-1", "limit=", "recursive=yes", "after=a", "after=%2Fa%2F..",
        "after=%zz", "consistency=none", "consistency=",
    ])
    func `bad parameters are refused`(query: String) async {
        let answer = await client.get("/api/v1/kv/?\(query)")
        #expect(answer.status == 400)
        #expect(answer.code == "invalid_parameter")
    }

    @Test func `a subtree is deleted only on purpose`() async {
        await fill()
        let answer = await client.send("DELETE", "/api/v1/kv/config/")
        #expect(answer.status == 400)
        #expect(answer.code == "recursive_required")
        #expect(await client.send("DELETE", "/api/v1/kv/config/?recursive=false").code == "recursive_required")
        #expect(await client.send("DELETE", "/api/v1/kv/config?recursive=true").code == "invalid_parameter")
        #expect(await client.send("DELETE", "/api/v1/kv/config/?recursive=1").code == "invalid_parameter")
        let match = [(name: "If-Match", value: "\"1\"")]
        #expect(
            await client.send("DELETE", "/api/v1/kv/config/?recursive=true", headers: match).code
                == "invalid_precondition")
        #expect(
            await client.send("DELETE", "/api/v1/kv/config/?recursive=true").text == #"{"deleted":3,"revision":5}"#)
        #expect(await client.send("DELETE", "/api/v1/kv/config/?recursive=true").code == "unknown_key")
        #expect(await client.send("DELETE", "/api/v1/kv/?recursive=true").text == #"{"deleted":1,"revision":6}"#)
    }

    @Test func `a directory holds no value`() async {
        #expect(await client.put("/api/v1/kv/a/", "v").code == "invalid_key")
        #expect(await client.put("/api/v1/kv/", "v").code == "invalid_key")
    }
}
