import Storage
import Testing

@Suite struct ReadableTextTests {
    @Test(arguments: ["", "a", "12345678", "\u{1}\u{7f}", "/config/ä", "e\u{301}", "🚀 and some more text"])
    func textIsReadable(text: String) {
        #expect(ReadableText.isReadable(Array(text.utf8)))
    }

    @Test func nulIsNotReadableAnywhere() {
        for count in 1...24 {
            for position in 0..<count {
                for filler in [UInt8(1), 0x7f] {
                    var bytes = [UInt8](repeating: filler, count: count)
                    bytes[position] = 0
                    #expect(!ReadableText.isReadable(bytes))
                    #expect(!ReadableText.isReadable(Array("ä".utf8) + bytes))
                }
            }
        }
    }

    /// Stray and missing continuations, overlong forms, surrogates, beyond U+10FFFF.
    @Test(
        arguments: [
            [0x80], [0xc3], [0xc0, 0x80], [0xe0, 0x80, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xff],
        ] as [[UInt8]])
    func invalidUTF8IsNotReadable(bytes: [UInt8]) {
        #expect(!ReadableText.isReadable(bytes))
        #expect(!ReadableText.isReadable(Array("12345678".utf8) + bytes))
    }
}
