import Storage
import Testing

@Suite struct CRC32CTests {
    private func checksum(_ bytes: [UInt8]) -> UInt32 {
        var crc = CRC32C()
        crc.update(bytes)
        return crc.value
    }

    /// RFC 3720 appendix B.4, and the check value of the CRC catalogues.
    @Test func publishedVectors() {
        #expect(checksum(Array("123456789".utf8)) == 0xe306_9283)
        #expect(checksum([]) == 0)
        #expect(checksum([UInt8](repeating: 0, count: 32)) == 0x8a91_36aa)
        #expect(checksum([UInt8](repeating: 0xff, count: 32)) == 0x62a8_ab43)
        #expect(checksum(Array(0..<32)) == 0x46dd_794e)
        #expect(checksum((0..<32).reversed()) == 0x113f_db5c)
    }

    @Test func piecesMakeTheWhole() {
        let bytes = (0..<100).map { UInt8(truncatingIfNeeded: $0 &* 37) }
        for cut in 0...100 {
            var crc = CRC32C()
            crc.update(Array(bytes[..<cut]))
            crc.update(Array(bytes[cut...]))
            #expect(crc.value == checksum(bytes))
        }
        var crc = CRC32C()
        crc.update(UInt64(0x0706_0504_0302_0100))
        #expect(crc.value == checksum([0, 1, 2, 3, 4, 5, 6, 7]))
    }

    @Test func neighbouringTextsCanNotTradeBytes() {
        func checksum(_ texts: String?...) -> UInt32 {
            var crc = CRC32C()
            for text in texts { crc.update(text) }
            return crc.value
        }
        #expect(checksum("ab", "c") != checksum("a", "bc"))
        #expect(checksum(nil) != checksum(""))
    }
}
