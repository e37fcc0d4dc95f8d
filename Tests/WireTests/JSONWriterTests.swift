import Testing
import Wire

@Suite struct JSONWriterTests {
    private func text(_ write: (inout JSONWriter) -> Void) -> String {
        var json = JSONWriter()
        write(&json)
        return String(decoding: json.bytes, as: UTF8.self)
    }

    @Test func `fields keep their order and commas stand between values only`() {
        let written = text { json in
            json.object { json in
                json.field("z", 1)
                json.field("a", -2 as Int64)
                json.objectField("empty") { _ in }
                json.arrayField("list") { json in
                    json.value(true)
                    json.null()
                    json.array { _ in }
                    json.object { $0.field("x", false) }
                }
                json.field("none", nil as String?)
                json.field("noNumber", nil as Int?)
                json.field("last", "x")
            }
        }
        #expect(
            written
                == #"{"z":1,"a":-2,"empty":{},"list":[true,null,[],{"x":false}],"none":null,"noNumber":null,"last":"x"}"#
        )
    }

    @Test func `only quotes, backslashes and control characters are escaped`() {
        #expect(
            text { $0.value("a/b\"c\\d\u{08}\u{09}\n\u{0C}\r\u{00}\u{1F}\u{7F}ü🚀\u{2028}") }
                == "\"a/b\\\"c\\\\d\\b\\t\\n\\f\\r\\u0000\\u001f\u{7F}ü🚀\u{2028}\"")
        #expect(text { $0.value("") } == "\"\"")
    }

    @Test func `integers are written at their extremes`() {
        #expect(text { $0.value(UInt64.max) } == "18446744073709551615")
        #expect(text { $0.value(Int64.min) } == "-9223372036854775808")
        #expect(text { $0.value(0) } == "0")
    }

    @Test func `binary values are base64 with padding and without escapes`() {
        func base64(_ fragments: [UInt8]...) -> String {
            text { json in
                json.beginString()
                for fragment in fragments { json.base64Fragment(fragment[...]) }
                json.endString()
            }
        }
        #expect(base64([0xFB, 0xFF, 0xFE, 0x00]) == "\"+//+AA==\"")
        #expect(base64([0xFB, 0xFF, 0xFE], [0x00]) == "\"+//+AA==\"")
        #expect(base64([]) == "\"\"")
    }

    @Test func `raw text counts as one value`() {
        let written = text { json in
            json.array { json in
                json.raw(Array("{\"a\":1}".utf8))
                json.raw(Array("2".utf8))
            }
        }
        #expect(written == #"[{"a":1},2]"#)
    }
}
