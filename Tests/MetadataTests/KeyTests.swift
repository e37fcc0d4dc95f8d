import Metadata
import Testing

@Suite struct KeyTests {
    @Test(arguments: ["/a", "/config/service/a", "/...", "/.a", "/a..", "/ä/\u{1F600}", "/ ", "/a\0b"])
    func validKeys(text: String) throws {
        #expect(try Key.validate(Array(text.utf8)) == Key(text))
        #expect(try Key.validateDirectory(Array((text + "/").utf8)) == Key(text))
        #expect(try Key.validateDirectory(Array(text.utf8)) == Key(text))
    }

    @Test(
        arguments: [
            ("", .empty), ("a", .noLeadingSlash), ("/", .trailingSlash), ("/a/", .trailingSlash),
            ("//", .trailingSlash), ("//a", .emptySegment), ("/a//b", .emptySegment), ("/.", .dotSegment),
            ("/..", .dotSegment), ("/a/./b", .dotSegment), ("/a/../b", .dotSegment), ("/../a", .dotSegment),
        ] as [(String, KeyError)])
    func invalidKeys(text: String, error: KeyError) {
        #expect(throws: error) { try Key.validate(Array(text.utf8)) }
    }

    @Test func invalidUTF8() {
        for bytes: [UInt8] in [[0x2F, 0xFF], [0x2F, 0xC0, 0xAF], [0x2F, 0xE2, 0x82], [0x2F, 0xED, 0xA0, 0x80]] {
            #expect(throws: KeyError.invalidUTF8) { try Key.validate(bytes) }
        }
    }

    @Test func lengths() throws {
        let longest = [UInt8(ascii: "/")] + [UInt8](repeating: UInt8(ascii: "a"), count: 4095)
        #expect(try Key.validate(longest).bytes.count == 4096)
        #expect(throws: KeyError.tooLong(count: 4097)) { try Key.validate(longest + [UInt8(ascii: "a")]) }
        #expect(try Key.validateDirectory(longest + [UInt8(ascii: "/")]).bytes.count == 4096)
        #expect(throws: KeyError.tooLong(count: 4098)) {
            try Key.validateDirectory(longest + Array("a/".utf8))
        }
    }

    @Test func directories() throws {
        #expect(try Key.validateDirectory(Array("/".utf8)) == Key("/"))
        #expect(throws: KeyError.emptySegment) { try Key.validateDirectory(Array("//".utf8)) }
        #expect(throws: KeyError.emptySegment) { try Key.validateDirectory(Array("/a//".utf8)) }
        #expect(throws: KeyError.dotSegment) { try Key.validateDirectory(Array("/../".utf8)) }
        #expect(throws: KeyError.empty) { try Key.validateDirectory([]) }
        #expect(throws: KeyError.noLeadingSlash) { try Key.validateDirectory(Array("a/".utf8)) }
    }

    @Test func orderIsThatOfBytes() {
        var generator = SeededGenerator(seed: 1)
        func randomBytes() -> [UInt8] {
            (0..<Int.random(in: 0...20, using: &generator)).map { _ in
                [0, 1, 127, 128, 255].randomElement(using: &generator)!
            }
        }
        for _ in 0..<20_000 {
            let prefix = randomBytes()
            let (a, b) = (prefix + randomBytes(), prefix + randomBytes())
            #expect((Key(validated: a) < Key(validated: b)) == a.lexicographicallyPrecedes(b))
            #expect((Key(validated: a) == Key(validated: b)) == (a == b))
        }
        #expect(Key("/\u{e9}") != Key("/e\u{301}"), "canonically equivalent, other bytes")
    }
}
