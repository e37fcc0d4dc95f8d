import Testing
import Wire

@Suite struct JSONObjectTests {
    private static let any = Int64.min...Int64.max

    private func parse(_ text: String) throws(JSONInputError) -> JSONObject {
        try JSONObject(parsing: Array(text.utf8))
    }

    private func failure<Value>(
        _ text: String, _ read: (JSONObject) throws(JSONInputError) -> Value
    ) -> JSONInputError? {
        do {
            _ = try read(try parse(text))
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [
        "", " ", "{", "}", "{\"a\":1", "{\"a\":1,}", "{\"a\":1}x", "{\"a\":1}{}", "{a:1}", "{'a':1}", "{\"a\" 1}",
        "{\"a\":01}", "{\"a\":+1}", "{\"a\":1.}", "{\"a\":.5}", "{\"a\":1e}", "{\"a\":-}", "{\"a\":0x1}", "{\"a\":NaN}",
        "{\"a\":tru}", "{\"a\":True}", "{\"a\":\"\\q\"}", "{\"a\":\"\\u12g4\"}", "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\\ud800\\u0041\"}", "{\"a\":\"\\udc00\"}", "{\"a\":\"\n\"}", "{\"a\":\"", "{\"a\":\"\\",
        "{\"a\":[1,]}",
        "{\"a\":[,1]}", "{\"a\":[1 2]}", "{\"a\":1,,\"b\":2}", "\u{FEFF}{}", "{\"a\":1}\u{0C}", "// x\n{}",
    ])
    func `what is no JSON is malformed, wherever it is`(text: String) {
        #expect(failure(text) { _ in }?.code == .malformed)
    }

    @Test func `text that is not UTF-8 is malformed also in fields that nobody reads`() {
        for bytes: [UInt8] in [[0xFF], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xC3]] {
            let text = Array("{\"a\":\"".utf8) + bytes + Array("\"}".utf8)
            #expect(throws: JSONInputError.self) { try JSONObject(parsing: text) }
            let escaped = Array("{\"a\":\"\\n".utf8) + bytes + Array("\"}".utf8)
            #expect(throws: JSONInputError.self) { try JSONObject(parsing: escaped) }
        }
    }

    @Test func `depth is bounded`() {
        let deep = String(repeating: "[", count: 100_000)
        #expect(failure("{\"a\":\(deep)") { _ in }?.code == .malformed)
        let allowed = String(repeating: "[", count: 60) + String(repeating: "]", count: 60)
        #expect(failure("{\"a\":\(allowed)}") { _ in } == nil)
    }

    @Test(arguments: ["[1]", "1", "\"x\"", "null", "true"])
    func `the whole must be an object`(text: String) {
        #expect(failure(text) { _ in }?.code == .wrongType)
    }

    @Test func `escapes and surrogate pairs are decoded`() throws {
        let json = try parse(#" { "a" : "\"\\\/\b\f\n\r\t\u00e9\ud83d\ude80x" } "#)
        #expect(try json.string("a") == "\"\\/\u{08}\u{0C}\n\r\t\u{E9}🚀x")
    }

    @Test func `integers may be written with an exponent or a zero fraction`() throws {
        let json = try parse(#"{"a":3.0,"b":1e2,"c":-0,"d":-9223372036854775808,"e":12.50e2}"#)
        #expect(try json.integer("a", in: Self.any) == 3)
        #expect(try json.integer("b", in: Self.any) == 100)
        #expect(try json.integer("c", in: Self.any) == 0)
        #expect(try json.integer("d", in: Self.any) == .min)
        #expect(try json.integer("e", in: Self.any) == 1250)
    }

    /// By way of a `Double` some would be other numbers. The first was found by fuzzing.
    @Test(arguments: [
        ("2922334775807e5", 292_233_477_580_700_000), ("922337203685477580.7E+1", Int64.max),
        ("-9223372036854775808000e-3", .min), ("0.0009007199254740993e19", 9_007_199_254_740_993),
        ("0.00e-99999999999999999999", 0), ("-0e99999999999999999999", 0),
    ])
    func `integers written with an exponent are exact`(text: String, number: Int64) throws {
        #expect(try parse("{\"a\":\(text)}").integer("a", in: Self.any) == number)
    }

    @Test(arguments: [
        ("{}", JSONInputError.Code.missingField), ("{\"a\":3.5}", .wrongType), ("{\"a\":true}", .wrongType),
        ("{\"a\":\"1\"}", .wrongType), ("{\"a\":null}", .wrongType), ("{\"a\":[]}", .wrongType),
        ("{\"a\":{}}", .wrongType), ("{\"a\":0}", .outOfRange), ("{\"a\":11}", .outOfRange),
        ("{\"a\":9223372036854775808}", .outOfRange), ("{\"a\":1e300}", .outOfRange), ("{\"a\":1e999}", .outOfRange),
        ("{\"a\":1.00000000000000000001}", .wrongType), ("{\"a\":4503599627370497.4}", .wrongType),
        ("{\"a\":1e-400}", .wrongType), ("{\"a\":1e-99999999999999999999}", .wrongType),
        ("{\"a\":1e99999999999999999999}", .outOfRange), ("{\"a\":-9223372036854775809}", .outOfRange),
    ])
    func `a wrong integer is named with its fault`(text: String, code: JSONInputError.Code) {
        let error = failure(text) { json throws(JSONInputError) in try json.integer("a", in: 1...10) }
        #expect(error?.code == code)
        #expect(error?.field == "a")
    }

    @Test func `an alias counts when the name is absent`() throws {
        #expect(try parse(#"{"id":7}"#).integer("brokerId", or: "id", in: Self.any) == 7)
        #expect(try parse(#"{"id":7,"brokerId":8}"#).integer("brokerId", or: "id", in: Self.any) == 8)
        let error = failure("{}") { json throws(JSONInputError) in try json.integer("brokerId", or: "id", in: Self.any)
        }
        #expect(error?.field == "brokerId")
    }

    @Test func `null is as good as absent where a field is optional`() throws {
        let json = try parse(#"{"a":null}"#)
        #expect(try json.integerIfPresent("a", in: Self.any) == nil)
        #expect(try json.stringIfPresent("a") == nil)
        #expect(try json.boolIfPresent("a") == nil)
        #expect(try json.objectIfPresent("a") { _ in 1 } == nil)
        #expect(
            failure(#"{"a":1}"#) { json throws(JSONInputError) in try json.stringIfPresent("a") }?.code == .wrongType)
        #expect(failure(#"{"a":1}"#) { json throws(JSONInputError) in try json.boolIfPresent("a") }?.code == .wrongType)
    }

    @Test func `errors in nested values name the whole path`() {
        let read = { (json: JSONObject) throws(JSONInputError) in
            try json.objects("list") { json throws(JSONInputError) in
                try json.objectIfPresent("x") { json throws(JSONInputError) in try json.bool("y") }
            }
        }
        #expect(failure(#"{"list":[{},{"x":{"y":1}}]}"#, read)?.field == "list[1].x.y")
        #expect(failure(#"{"list":[{},3]}"#, read)?.field == "list[1]")
        #expect(failure(#"{"list":{}}"#, read)?.field == "list")
        #expect(
            failure(#"{"list":[{"x":{}}]}"#, read)?.description == "field `list[0].x.y` is missing")
    }

    @Test func `of two fields with one name the last counts`() throws {
        #expect(try parse(#"{"a":1,"a":2}"#).integer("a", in: Self.any) == 2)
    }
}
