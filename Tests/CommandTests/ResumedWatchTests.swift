import Testing

@testable import dmq_metadata

@Suite struct ResumedWatchTests {
    private func put(_ revision: Int, _ key: String) -> String {
        #"{"type":"put","key":"\#(key)","value":"v","modRevision":\#(revision),"createRevision":1,"version":1}"#
    }

    private func progress(_ revision: Int) -> String { #"{"type":"progress","revision":\#(revision)}"# }

    /// The keys that it tells of.
    private func take(_ watch: inout ResumedWatch, _ lines: String...) throws -> [String] {
        var told: [String] = []
        for line in lines {
            // Cut anywhere.
            for part in [line.prefix(20), line.dropFirst(20) + "\n"] {
                try watch.take(Array(part.utf8)) { _, answer in if let key = answer.key { told.append(key) } }
            }
        }
        return told
    }

    @Test func itGoesOnBehindWhatWasTold() throws {
        var watch = ResumedWatch(path: "/w?watch=true", after: nil)
        #expect(watch.request().path == "/w?watch=true")
        #expect(try take(&watch, progress(4)).isEmpty)
        #expect(watch.request().path == "/w?watch=true&after=4")
        #expect(try take(&watch, progress(4), put(5, "a"), put(7, "b")) == ["a", "b"])
        // Of revision 7 there may have been more.
        #expect(watch.request().path == "/w?watch=true&after=6")
        #expect(try take(&watch, progress(6), put(7, "b"), put(7, "c"), progress(7)) == ["c"])
        #expect(watch.request().path == "/w?watch=true&after=7")
        #expect(try take(&watch, progress(7), put(8, "d")) == ["d"])
    }

    @Test func aRevisionThatIsToldInPartsSeveralTimes() throws {
        var watch = ResumedWatch(path: "/w?watch=true", after: 0)
        _ = watch.request()
        #expect(try take(&watch, put(1, "a"), put(1, "b")) == ["a", "b"])
        _ = watch.request()
        #expect(try take(&watch, progress(0), put(1, "a")).isEmpty)
        #expect(watch.request().path == "/w?watch=true&after=0")
        #expect(try take(&watch, progress(0), put(1, "a"), put(1, "b"), put(1, "c"), put(2, "d")) == ["c", "d"])
    }

    @Test func aLineThatIsNone() {
        var watch = ResumedWatch(path: "/w?watch=true", after: 0)
        #expect(throws: CommandFailure.self) { try take(&watch, "what a surprise, no JSON at all") }
    }
}
