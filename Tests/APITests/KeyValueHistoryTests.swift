import Metadata
import Server
import Synchronization
import Testing

/// Contract §10: what keys were.
@Suite struct KeyValueHistoryTests {
    private let client = Client()

    /// /a was put at 1 and 3 and deleted at 4, /d/b was put at 2.
    private func fill(compactedThrough horizon: UInt64? = nil) async {
        client.node.state.withLock { $0.metadata = .keepingHistory }
        _ = await client.put("/api/v1/kv/a", "one")
        _ = await client.put("/api/v1/kv/d/b", "two")
        _ = await client.put("/api/v1/kv/a", "three")
        _ = await client.send("DELETE", "/api/v1/kv/a")
        if let horizon { _ = await client.post("/api/v1/kv-compaction", #"{"revision":\#(horizon)}"#) }
    }

    @Test func aKeyAsItWas() async {
        await fill()
        let first = await client.get("/api/v1/kv/a?revision=2")
        #expect(first.status == 200 && first.text == "one")
        #expect(first.header("ETag") == "\"1\"" && first.header("X-Revision") == "4")
        #expect(await client.get("/api/v1/kv/a?revision=3").text == "three")
        #expect(await client.get("/api/v1/kv/a?revision=4").code == "unknown_key")
        #expect(await client.get("/api/v1/kv/a?revision=0").code == "unknown_key")
        let shown = await client.get("/api/v1/kv/a?revision=3", headers: [("Accept", "application/json")])
        #expect(shown.text == #"{"key":"/a","value":"three","createRevision":1,"modRevision":3,"version":2}"#)
    }

    @Test func aListingAsItWas() async {
        await fill()
        let page = await client.get("/api/v1/kv/?revision=3&limit=1")
        #expect(
            page.text == #"{"revision":3,"entries":[{"key":"/a","value":"three","createRevision":1,"modRevision":3,"#
                + #""version":2}],"next":"/a"}"#)
        #expect(page.header("X-Revision") == "4")
        #expect(
            await client.get("/api/v1/kv/?revision=3&after=%2Fa&recursive=false").text
                == #"{"revision":3,"entries":[{"directory":"/d/"}],"next":null}"#)
        #expect(await client.get("/api/v1/kv/?revision=0").text == #"{"revision":0,"entries":[],"next":null}"#)
    }

    @Test func whatAKeyHasBeen() async {
        await fill()
        let versions = [
            #"{"deleted":true,"modRevision":4}"#,
            #"{"key":"/a","value":"three","createRevision":1,"modRevision":3,"version":2}"#,
            #"{"key":"/a","value":"one","createRevision":1,"modRevision":1,"version":1}"#,
        ]
        func text(_ versions: ArraySlice<String>, next: String = "null") -> String {
            #"{"key":"/a","revision":4,"versions":["# + versions.joined(separator: ",") + #"],"next":\#(next)}"#
        }
        #expect(await client.get("/api/v1/kv/a?history=true").text == text(versions[...]))
        #expect(await client.get("/api/v1/kv/a?history=true&limit=2").text == text(versions[..<2], next: "3"))
        #expect(await client.get("/api/v1/kv/a?history=true&before=3").text == text(versions[2...]))
        #expect(await client.get("/api/v1/kv/a?history=false").code == "unknown_key")
        #expect(await client.get("/api/v1/kv/c?history=true").code == "unknown_key")
        #expect(await client.get("/api/v1/kv/d/?history=true").code == "invalid_parameter")
        #expect(await client.get("/api/v1/kv/a?before=3").code == "invalid_parameter")
    }

    @Test func whatCanNotBeRead() async {
        await fill(compactedThrough: 3)
        for path in ["a", "d/", ""] {
            let gone = await client.get("/api/v1/kv/\(path)?revision=2")
            #expect(gone.status == 410 && gone.code == "revision_compacted")
            #expect(gone.text.hasSuffix(#""code":"revision_compacted","oldestRevision":3}"#))
            let future = await client.get("/api/v1/kv/\(path)?revision=5")
            #expect(future.status == 400 && future.code == "future_revision")
            #expect(await client.get("/api/v1/kv/\(path)?revision=-1").code == "invalid_parameter")
        }
        #expect(await client.get("/api/v1/kv/a?revision=3").text == "three", "the horizon itself can be read")
        #expect(await client.get("/api/v1/kv/d/b?history=true").status == 200, "it has not been changed since")
    }

    @Test func compaction() async {
        await fill()
        #expect(await client.post("/api/v1/kv-compaction", #"{"revision":3}"#).text == #"{"oldestRevision":3}"#)
        let again = await client.post("/api/v1/kv-compaction", #"{"revision":3}"#)
        #expect(again.status == 410 && again.code == "revision_compacted")
        #expect(await client.post("/api/v1/kv-compaction", #"{"revision":5}"#).code == "future_revision")
        #expect(await client.post("/api/v1/kv-compaction", #"{"revision":0}"#).code == "out_of_range")
        #expect(await client.post("/api/v1/kv-compaction", "{}").code == "missing_field")
        client.fail(.levelTooLow(needed: 2))
        let early = await client.post("/api/v1/kv-compaction", #"{"revision":4}"#)
        #expect(early.status == 409 && early.code == "feature_not_enabled")
    }

    @Test func beforeTheLevelThereIsThePresentOnly() async {
        _ = await client.put("/api/v1/kv/a", "one")
        _ = await client.put("/api/v1/kv/a", "two")
        #expect(await client.get("/api/v1/kv/a?revision=2").text == "two")
        #expect(await client.get("/api/v1/kv/a?revision=1").code == "revision_compacted")
        #expect(await client.get("/api/v1/kv/a?history=true").text.contains(#""modRevision":2"#))
    }
}
