import Storage
import Testing

@Suite struct SHA256Tests {
    private func hash(_ bytes: [UInt8], in pieces: Int) -> String {
        var hash = SHA256()
        for start in stride(from: 0, to: bytes.count, by: pieces) {
            hash.update(Array(bytes[start..<min(start + pieces, bytes.count)]))
        }
        return hash.finish().map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }

    /// FIPS 180-4's examples, and the lengths about the ends of blocks.
    @Test(arguments: [1, 7, 63, 64, 65, 1000])
    func isThatOfTheStandard(pieces: Int) {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        #expect(hash(Array("abc".utf8), in: pieces) == abc)
        #expect(hash([], in: pieces) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(
            hash(Array("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8), in: pieces)
                == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
        let million = [UInt8](repeating: UInt8(ascii: "a"), count: 100_000)
        #expect(
            pieces < 64
                || hash(million, in: pieces) == "6d1cf22d7cc09b085dfc25ee1a1f3ae0265804c607bc2074ad253bcc82fd81ee")
    }
}
