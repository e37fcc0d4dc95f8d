import HTTP
import Metadata
import Synchronization
import Testing

@testable import API
@testable import Server

/// Contract §10: to be told of changes.
@Suite struct KeyValueWatchTests {
    private let client = Client()

    init() { client.node.state.withLock { $0.metadata = .keepingHistory } }

    private func open(_ target: String, headers: [(name: String, value: String)] = []) async -> HTTPResponse {
        let parts = target.split(separator: "?", maxSplits: 1).map { String($0) }
        let request = HTTPRequest(
            method: "GET", path: parts[0], query: parts[1], headers: HTTPHeaders(headers),
            connection: client.connection)
        return await withCheckedContinuation { continuation in
            client.router.handle(request, HTTPResponder { continuation.resume(returning: $0) })
        }
    }

    /// The lines since they were last asked for.
    private func lines(_ response: HTTPResponse) -> [String] {
        String(decoding: response.collectBody(), as: UTF8.self).split(separator: "\n").map { String($0) }
    }

    @Test func linesOfAKey() async {
        _ = await client.put("/api/v1/kv/a", "v0")
        let stream = await open("/api/v1/kv/a?watch=true")
        #expect(stream.status == 200 && stream.headers["Content-Type"] == "application/x-ndjson")
        #expect(lines(stream) == [#"{"type":"progress","revision":1}"#])
        #expect(lines(stream).isEmpty)
        _ = await client.put("/api/v1/kv/a", "v1")
        _ = await client.put("/api/v1/kv/b", "other")
        _ = await client.send("PUT", "/api/v1/kv/a", body: [0xFF])
        _ = await client.send("DELETE", "/api/v1/kv/a")
        #expect(
            lines(stream) == [
                #"{"type":"put","key":"/a","value":"v1","modRevision":2,"createRevision":1,"version":2}"#,
                #"{"type":"put","key":"/a","valueBase64":"/w==","modRevision":4,"createRevision":1,"version":3}"#,
                #"{"type":"delete","key":"/a","modRevision":5}"#,
            ])
    }

    @Test func resumedWithPreviousAndFiltered() async {
        for value in ["v1", "v2"] { _ = await client.put("/api/v1/kv/d/a", value) }
        _ = await client.send("DELETE", "/api/v1/kv/d/?recursive=true")
        let all = await open("/api/v1/kv/d/?watch=true&after=1&previous=true")
        #expect(
            lines(all) == [
                #"{"type":"progress","revision":1}"#,
                #"{"type":"put","key":"/d/a","value":"v2","modRevision":2,"createRevision":1,"version":2,"previous":"#
                    + #"{"key":"/d/a","value":"v1","createRevision":1,"modRevision":1,"version":1}}"#,
                #"{"type":"delete","key":"/d/a","modRevision":3,"previous":"#
                    + #"{"key":"/d/a","value":"v2","createRevision":1,"modRevision":2,"version":2}}"#,
            ])
        let deletions = lines(await open("/api/v1/kv/d/?watch=true&after=0&events=delete"))
        #expect(deletions.dropFirst() == [#"{"type":"delete","key":"/d/a","modRevision":3}"#])
        #expect(lines(await open("/api/v1/kv/?watch=true&after=0&events=put")).count == 3)
        #expect(lines(await open("/api/v1/kv/?watch=true&after=9")) == [#"{"type":"progress","revision":9}"#])
    }

    @Test func serverSentEvents() async {
        for value in ["v1", "v2"] { _ = await client.put("/api/v1/kv/a", value) }
        let stream = await open(
            "/api/v1/kv/a?watch=true", headers: [("Accept", "text/event-stream"), ("Last-Event-ID", "1")])
        #expect(stream.headers["Content-Type"] == "text/event-stream")
        #expect(
            String(decoding: stream.collectBody(), as: UTF8.self)
                == "id: 1\ndata: {\"type\":\"progress\",\"revision\":1}\n\nid: 2\ndata: "
                + #"{"type":"put","key":"/a","value":"v2","modRevision":2,"createRevision":1,"version":2}"# + "\n\n")
    }

    @Test func whoIsCutOffWithinARevisionResumesBeforeIt() async {
        for key in ["a", "b", "c"] { _ = await client.put("/api/v1/kv/d/\(key)", "v") }
        _ = await client.send("DELETE", "/api/v1/kv/d/?recursive=true")
        let headers = [("Accept", "text/event-stream")]
        func ids(_ query: String) async -> [Substring] {
            let stream = await open("/api/v1/kv/d/?watch=true&after=2\(query)", headers: headers)
            return String(decoding: stream.collectBody(), as: UTF8.self).split(separator: "\n").filter {
                $0.hasPrefix("id: ")
            }
        }
        #expect(await ids("") == ["id: 2", "id: 3", "id: 4"])
        #expect(await ids("&events=delete") == ["id: 2", "id: 4"])
    }

    @Test func whatIsGone() async {
        for value in ["v1", "v2", "v3"] { _ = await client.put("/api/v1/kv/a", value) }
        let slow = await open("/api/v1/kv/a?watch=true&after=0")
        _ = await client.put("/api/v1/kv/a", "v4")
        _ = await client.post("/api/v1/kv-compaction", #"{"revision":3}"#)
        let early = await client.get("/api/v1/kv/a?watch=true&after=2")
        #expect(early.status == 410 && early.code == "revision_compacted")
        _ = await client.put("/api/v1/kv/a", "v5")
        #expect(lines(slow).last == #"{"type":"compacted","oldestRevision":3}"#)
        #expect(client.node.state.withLock { $0.watches.count } == 0, "it has ended")
    }

    @Test func whatIsWrong() async {
        for query in [
            "watch=maybe", "watch=true&after=x", "watch=true&events=all", "watch=true&progress=0", "wait=0&after=1",
            "wait=1", "wait=1&after=1&watch=true", "previous=true", "events=put", "progress=5",
        ] {
            #expect(await client.get("/api/v1/kv/a?\(query)").code == "invalid_parameter", "\(query)")
        }
        client.node.state.withLock { $0.staleFailure = .overloaded }
        #expect(await client.get("/api/v1/kv/a?watch=true").code == "overloaded")
        #expect(await client.get("/api/v1/kv/a?wait=1&after=1").code == "overloaded")
    }

    @Test func aLongPollIsAnsweredWithWhatIsNewer() async {
        _ = await client.put("/api/v1/kv/a", "v1")
        #expect(await client.get("/api/v1/kv/a?wait=60&after=0").text == "v1", "it is newer already")
        async let answer = client.get("/api/v1/kv/a?wait=60&after=1")
        while client.node.state.withLock({ $0.watches.count }) == 0 { await Task.yield() }
        _ = await client.put("/api/v1/kv/b", "other")
        _ = await client.put("/api/v1/kv/a", "v2")
        #expect(await answer.text == "v2")
        #expect(client.node.state.withLock { $0.watches.count } == 0)
        #expect(await client.get("/api/v1/kv/?wait=60&after=2").text.contains(#""value":"v2""#))
        #expect(await client.get("/api/v1/kv/a?wait=1&after=3").status == 304)
    }
}
