/// A 128-bit hash of a sequence of 64-bit words and byte strings: the block and final mixing of MurmurHash3 x64 128
/// (Appleby, public domain) with seed 0.
///
/// Digests are stored and compared between machines, so nothing here may ever change: `Hasher` would not do, it is
/// seeded anew in every process. Every string is preceded by its length and padded to whole blocks with zeros, which
/// makes the encoding one-to-one. It guards against divergence, not against forgery.
struct RowHasher {
    private var low: UInt64 = 0
    private var high: UInt64 = 0
    private var blocks: UInt64 = 0

    private static let c1: UInt64 = 0x87c3_7b91_1142_53d5
    private static let c2: UInt64 = 0x4cf5_ad43_2745_937f

    @inline(__always)
    mutating func combine(_ first: UInt64, _ second: UInt64) {
        low ^= Self.rotateLeft(first &* Self.c1, 31) &* Self.c2
        low = (Self.rotateLeft(low, 27) &+ high) &* 5 &+ 0x52dc_e729
        high ^= Self.rotateLeft(second &* Self.c2, 33) &* Self.c1
        high = (Self.rotateLeft(high, 31) &+ low) &* 5 &+ 0x3849_5ab5
        blocks &+= 1
    }

    @inline(__always)
    mutating func combine(_ first: Int64, _ second: Int64) {
        combine(UInt64(bitPattern: first), UInt64(bitPattern: second))
    }

    /// The bytes without their length: the caller has combined it.
    @inline(__always)
    mutating func combine(contentOf bytes: UnsafeRawBufferPointer) {
        var offset = 0
        while offset &+ 16 <= bytes.count {
            combine(
                UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)),
                UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset &+ 8, as: UInt64.self)))
            offset &+= 16
        }
        guard offset < bytes.count else { return }
        var words: (UInt64, UInt64) = (0, 0)
        for index in offset..<bytes.count {
            let position = index &- offset
            let byte = UInt64(bytes[index])
            if position < 8 {
                words.0 |= byte &<< UInt64(position &* 8)
            } else {
                words.1 |= byte &<< UInt64((position &- 8) &* 8)
            }
        }
        combine(words.0, words.1)
    }

    mutating func combine(_ text: String) {
        combine(UInt64(text.utf8.count), 1)
        var text = text
        text.withUTF8 { combine(contentOf: UnsafeRawBufferPointer($0)) }
    }

    mutating func combine(_ text: String?) {
        guard let text else { return combine(0 as UInt64, 0) }
        combine(text)
    }

    mutating func combine(_ numbers: [Int64]) {
        combine(Int64(numbers.count), 2)
        for number in numbers { combine(number, 0) }
    }

    @inline(__always)
    func finalize() -> Digest {
        var low = low ^ (blocks &* 16)
        var high = high ^ (blocks &* 16)
        low &+= high
        high &+= low
        low = Self.avalanche(low)
        high = Self.avalanche(high)
        low &+= high
        high &+= low
        return Digest(high: high, low: low)
    }

    @inline(__always)
    private static func rotateLeft(_ word: UInt64, _ count: UInt64) -> UInt64 {
        (word &<< count) | (word &>> (64 &- count))
    }

    @inline(__always)
    private static func avalanche(_ word: UInt64) -> UInt64 {
        var word = word
        word ^= word &>> 33
        word &*= 0xff51_afd7_ed55_8ccd
        word ^= word &>> 33
        word &*= 0xc4ce_b9fe_1a85_ec53
        word ^= word &>> 33
        return word
    }
}
