/// The Castagnoli checksum (RFC 3720 §12.1), eight bytes a step ("slicing-by-8") so that it needs no special hardware.
package struct CRC32C {
    private var state = UInt32.max

    package init() {}

    package var value: UInt32 { ~state }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        var crc = state
        Self.table.withUnsafeBufferPointer { table in
            var offset = 0
            while offset &+ 8 <= bytes.count {
                let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                crc = Self.step(word ^ UInt64(crc), table)
                offset &+= 8
            }
            while offset < bytes.count {
                crc = (crc &>> 8) ^ table[Int((crc ^ UInt32(bytes[offset])) & 0xff)]
                offset &+= 1
            }
        }
        state = crc
    }

    package mutating func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }

    /// As eight bytes, the least significant first.
    package mutating func update(_ number: UInt64) {
        state = Self.table.withUnsafeBufferPointer { Self.step(number ^ UInt64(state), $0) }
    }

    package mutating func update(_ number: Int64) { update(UInt64(bitPattern: number)) }

    /// With its length, so that neighbouring fields can not trade bytes.
    package mutating func update(_ text: String?) {
        guard var text else { return update(UInt64.max) }
        text.withUTF8 { utf8 in
            update(UInt64(utf8.count))
            update(UnsafeRawBufferPointer(utf8))
        }
    }

    @inline(__always)
    private static func step(_ word: UInt64, _ table: UnsafeBufferPointer<UInt32>) -> UInt32 {
        @inline(__always)
        func lookUp(_ row: Int, _ shift: UInt64) -> UInt32 {
            table[row &* 256 &+ Int(truncatingIfNeeded: (word &>> shift) & 0xff)]
        }
        return lookUp(7, 0) ^ lookUp(6, 8) ^ lookUp(5, 16) ^ lookUp(4, 24)
            ^ lookUp(3, 32) ^ lookUp(2, 40) ^ lookUp(1, 48) ^ lookUp(0, 56)
    }

    /// Eight tables of 256: row k advances a byte by k more zero bytes.
    private static let table: [UInt32] = {
        let reversedPolynomial: UInt32 = 0x82f6_3b78
        var table = (0..<256).map { byte -> UInt32 in
            (0..<8).reduce(UInt32(byte)) { crc, _ in crc & 1 == 1 ? (crc >> 1) ^ reversedPolynomial : crc >> 1 }
        }
        for row in 1..<8 {
            for byte in 0..<256 {
                let previous = table[(row - 1) * 256 + byte]
                table.append((previous >> 8) ^ table[Int(previous & 0xff)])
            }
        }
        return table
    }()
}
