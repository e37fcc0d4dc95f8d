import Testing

@testable import dmq_metadata

@Suite struct YAMLReaderTests {
    private func read(_ text: String) throws -> [String] {
        try YAMLReader.read(Array(text.utf8)).map { "\($0.line):\($0.column) \($0.key)=\($0.value ?? "<null>")" }
    }

    @Test(arguments: [
        ("", []),
        ("# only a comment\n\n   \n", []),
        ("a: 1", ["1:1 a=1"]),
        ("---\na: 1\n", ["2:1 a=1"]),
        ("\u{FEFF}a: 1\r\nb: 2\r\n", ["1:1 a=1", "2:1 b=2"]),
        ("a:\n  b:\n    c: 1\n    d: 2\n  e: 3\nf: 4", ["3:5 a.b.c=1", "4:5 a.b.d=2", "5:3 a.e=3", "6:1 f=4"]),
        ("a.b:\n  c.d: 1", ["2:3 a.b.c.d=1"]),
        ("a.b: 1\na:\n c: 2", ["1:1 a.b=1", "3:2 a.c=2"]),
        (
            "a: x # comment\nb: x#no\nc: 'it''s # in'  # out\nd: \"q\\\"\\\\\\n\"",
            ["1:1 a=x", "2:1 b=x#no", "3:1 c=it's # in", "4:1 d=q\"\\\n"]
        ),
        ("\"a\": 1\n'b' : 2\nc  :   3", ["1:1 a=1", "2:1 b=2", "3:1 c=3"]),
        (
            "a: http://h:1/x?y\nb: -5\nc: two words \nd: ''",
            ["1:1 a=http://h:1/x?y", "2:1 b=-5", "3:1 c=two words", "4:1 d="]
        ),
        ("a:\nb: ~\nc: null # none\nd: 'null'", ["1:1 a=<null>", "2:1 b=<null>", "3:1 c=<null>", "4:1 d=null"]),
        ("a:\n  # nothing\nb: 1", ["1:1 a=<null>", "3:1 b=1"]),
        ("ä: ö", ["1:1 ä=ö"]),
    ])
    func reads(text: String, expected: [String]) throws {
        #expect(try read(text) == expected)
    }

    @Test(arguments: [
        ("a", "1:2: expected \"key: value\", found no colon after the key"),
        ("a b: 1", "1:3: expected \"key: value\", found no colon after the key"),
        (": 1", "1:1: expected a key before the colon"),
        ("a:1", "1:3: expected a space after the colon"),
        ("\ta: 1", "1:1: a tab can not indent in YAML; use spaces"),
        ("a:\n  b: 1\n c: 2", "3:2: the indentation fits no map above"),
        ("a: 1\n  b: 2", "2:3: indented deeper than the line above, which is no map; align it or quote the value"),
        ("  a: 1", "1:3: indented deeper than the line above, which is no map; align it or quote the value"),
        ("a: 1\nb: 2\na: 3", "3:1: \"a\" stands in line 1 already"),
        ("a.b: 1\na:\n  b: 2", "3:3: \"a.b\" stands in line 1 already"),
        ("a:\n  b: 1\na:\n  c: 1", "3:1: \"a\" stands in line 1 already"),
        ("- a: 1", "1:1: lists are not supported; only \"key: value\""),
        ("a: [1]", "1:4: […] and {…} are not supported; write nested keys, or quote a value"),
        ("{a: 1}", "1:1: […] and {…} are not supported; write nested keys, or quote a value"),
        ("a: &x 1", "1:4: anchors and aliases are not supported; quote a value that starts with &"),
        ("a: *x", "1:4: anchors and aliases are not supported; quote a value that starts with *"),
        ("a: !!str 1", "1:4: tags are not supported; quote a value that starts with !"),
        ("a: |\n  x", "1:4: block texts are not supported; write the value on one line, in quotes"),
        ("a: > x", "1:4: block texts are not supported; write the value on one line, in quotes"),
        ("a: @x", "1:4: YAML reserves @ here; quote it"),
        ("? a", "1:1: \"?\" keys are not supported; only \"key: value\""),
        ("a: 1\n---\nb: 2", "2:1: only one document is supported"),
        ("a: b: c", "1:5: a value with a colon followed by a blank must be quoted"),
        ("a: \"x", "1:4: the quote is not closed on this line"),
        ("a: 'x' y", "1:8: unexpected text after the quoted value"),
        ("a: 'x'y", "1:7: unexpected text after the quote"),
        ("a: \"\\q\"", "1:6: unknown escape; there are \\\" \\\\ \\/ \\n \\t \\r, or use single quotes"),
        ("a: 'x'# no", "1:7: unexpected text after the quote"),
    ])
    func refuses(text: String, expected: String) {
        do throws(YAMLReader.SyntaxError) {
            let entries = try YAMLReader.read(Array(text.utf8))
            Issue.record("read \(entries)")
        } catch {
            #expect(error.description == expected)
        }
    }

    @Test func refusesWhatIsNotUTF8() {
        #expect(throws: YAMLReader.SyntaxError(line: 1, column: 1, message: "the file is not UTF-8 text")) {
            try YAMLReader.read([0x61, 0x3A, 0x20, 0xFF])
        }
    }
}
