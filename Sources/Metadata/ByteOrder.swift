// Lookups spend most of their time comparing keys that share a long beginning, so bytes are compared eight at a time.
// There is no `memcmp` without an import.

/// Whether `a` comes before `b` in byte order.
@inline(__always)
func precedes(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
    let common = min(a.count, b.count)
    var offset = 0
    while offset &+ 8 <= common {
        let x = a.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        let y = b.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        if x != y { return UInt64(bigEndian: x) < UInt64(bigEndian: y) }
        offset &+= 8
    }
    while offset < common {
        if a[offset] != b[offset] { return a[offset] < b[offset] }
        offset &+= 1
    }
    return a.count < b.count
}

@inline(__always)
func equalBytes(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
    guard a.count == b.count else { return false }
    var offset = 0
    while offset &+ 8 <= a.count {
        if a.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            != b.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        {
            return false
        }
        offset &+= 8
    }
    while offset < a.count {
        if a[offset] != b[offset] { return false }
        offset &+= 1
    }
    return true
}

func precedes(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    a.withUnsafeBytes { a in b.withUnsafeBytes { b in precedes(a, b) } }
}

func equalBytes(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    a.withUnsafeBytes { a in b.withUnsafeBytes { b in equalBytes(a, b) } }
}

/// Byte for byte: `==` on `String` depends on the Unicode tables of the Swift runtime, which nodes need not share.
func isSameText(_ a: String, _ b: String) -> Bool { a.utf8.elementsEqual(b.utf8) }

func isSameText(_ a: String?, _ b: String?) -> Bool {
    switch (a, b) {
    case (nil, nil): true
    case (let a?, let b?): isSameText(a, b)
    default: false
    }
}
