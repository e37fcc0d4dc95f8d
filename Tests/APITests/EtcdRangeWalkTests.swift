import Metadata
import Testing
import Wire

@testable import API

/// Long ranges are looked up as they are taken; short ones at once. Both must say the same.
@Suite struct EtcdRangeWalkTests {
    /// 1,500 keys with values of all lengths, some of them changed and deleted behind revision 1,501.
    private static let state: MetadataStateMachine = {
        var state = MetadataStateMachine()
        func apply(_ command: Command) { _ = state.apply(command, timestamp: 0) }
        func key(_ number: Int) -> Key { Key(validated: Array("/k\(10_000 + number)".utf8)) }
        apply(.raiseLevel(to: 2))
        for number in 0..<1500 {
            apply(.put(Put(key: key(number), value: [UInt8](repeating: 0x78, count: number % 400))))
        }
        for number in stride(from: 0, to: 1500, by: 3) { apply(.put(Put(key: key(number), value: [0x79]))) }
        for number in stride(from: 1, to: 1500, by: 7) { apply(.delete(Delete(key: key(number)))) }
        precondition(state.keyCount == 1285)
        return state
    }()

    private func text(_ steps: AnySequence<JSONStream.Step>) -> (text: String, pieces: Int) {
        var stream = JSONStream(AnySequence([.one { $0.beginObject() }, steps, .one { $0.endObject() }].joined()))
        var (bytes, pieces) = ([UInt8](), 1)
        while stream.produce(&bytes) { pieces += 1 }
        return (String(decoding: bytes, as: UTF8.self), pieces)
    }

    @Test(
        "the walk finds what is found at once",
        arguments: [
            "", #","limit":"1""#, #","limit":"256""#, #","limit":"257""#, #","limit":5000"#, #","keys_only":true"#,
            #","count_only":true"#, #","min_mod_revision":"1502""#, #","max_mod_revision":"600","limit":"3""#,
            #","min_create_revision":"1499""#, #","sort_order":"ASCEND""#, #","sort_order":"DESCEND","limit":"4""#,
            #","sort_target":"VALUE","limit":"10""#, #","min_mod_revision":"999999""#,
        ])
    func walk(options: String) throws {
        for revision in ["", #","revision":"1501""#, #","revision":"700""#] {
            // All of them, some, none.
            for (key, end) in [("AA==", "AA=="), ("L2sxMDEwMA==", "L2sxMDk5OQ=="), ("eg==", "AA==")] {
                let json = #"{"key":"\#(key)","range_end":"\#(end)"\#(options)\#(revision)}"#
                let range = try EtcdRange(try JSONObject(parsing: Array(json.utf8)))
                var right = JSONWriter(capacity: 1000)
                right.object { range.write(range.find(in: Self.state), to: &$0) }
                #expect(
                    text(range.steps(in: Self.state)).text == String(decoding: right.bytes, as: UTF8.self), "\(json)")
            }
        }
    }

    @Test func whatFindsNothingGivesWayToOthers() throws {
        let json = #"{"key":"AA==","range_end":"AA==","min_mod_revision":"999999"}"#
        let range = try EtcdRange(try JSONObject(parsing: Array(json.utf8)))
        let (text, pieces) = text(range.steps(in: Self.state))
        #expect(text == #"{"count":"1285"}"# && pieces >= 5, "\(text.prefix(200)) in \(pieces) pieces")
    }
}
