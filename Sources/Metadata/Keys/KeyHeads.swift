/// The first eight bytes of each of a node's keys behind the beginning that all of them share, as numbers.
///
/// Keys are far apart in memory, and a search among a million of them mostly waits for memory. The heads of a node are
/// beside each other: a search touches the one or two keys that its heads do not tell apart.
struct KeyHeads: Sendable {
    /// How many bytes all keys of the node share. May be fewer than they do.
    private(set) var prefixLength = 0
    private(set) var heads: [UInt64] = []

    /// The heads of `keys`, in order.
    init(_ keys: some Collection<Key>) {
        guard let first = keys.first else { return }
        prefixLength = first.bytes.count
        for key in keys.dropFirst() { prefixLength = Self.commonPrefix(first.bytes, key.bytes, limit: prefixLength) }
        heads.reserveCapacity(keys.count)
        for key in keys { heads.append(key.bytes.withUnsafeBytes { head($0) }) }
    }

    private static func commonPrefix(_ a: [UInt8], _ b: [UInt8], limit: Int) -> Int {
        let end = min(a.count, b.count, limit)
        var length = 0
        while length < end, a[length] == b[length] { length += 1 }
        return length
    }

    /// As a number these bytes are ordered like the bytes; zeros stand for those that the key does not have.
    @inline(__always)
    private func head(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        if prefixLength &+ 8 <= bytes.count {
            return UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: prefixLength, as: UInt64.self))
        }
        var head: UInt64 = 0
        for offset in 0..<8 {
            let index = prefixLength &+ offset
            head = (head &<< 8) | (index < bytes.count ? UInt64(bytes[index]) : 0)
        }
        return head
    }

    /// How the first bytes of `bytes` compare to those that all keys share, `sample` being one of the keys: -1, 0 or 1.
    @inline(__always)
    func comparePrefix(of bytes: UnsafeRawBufferPointer, with sample: Key) -> Int {
        sample.bytes.withUnsafeBytes { sample in
            let shared = UnsafeRawBufferPointer(rebasing: sample[..<prefixLength])
            let start = UnsafeRawBufferPointer(rebasing: bytes[..<min(prefixLength, bytes.count)])
            if equalBytes(start, shared) { return 0 }
            return precedes(start, shared) ? -1 : 1
        }
    }

    /// The indices of the keys with the same head as `bytes`, or where they would be. Only for bytes that share the prefix.
    @inline(__always)
    func indices(like bytes: UnsafeRawBufferPointer) -> Range<Int> {
        let wanted = head(bytes)
        return heads.withUnsafeBufferPointer { heads in
            var low = 0
            var high = heads.count
            while low < high {
                let middle = (low &+ high) &>> 1
                if heads[middle] < wanted { low = middle &+ 1 } else { high = middle }
            }
            let start = low
            while low < heads.count, heads[low] == wanted { low &+= 1 }
            return start..<low
        }
    }

    /// Adds a key's head if the key shares the prefix with `sample`, one of the others; else all must be made anew.
    mutating func insert(_ bytes: UnsafeRawBufferPointer, at index: Int, sample: Key) -> Bool {
        guard comparePrefix(of: bytes, with: sample) == 0 else { return false }
        heads.insert(head(bytes), at: index)
        return true
    }

    mutating func removeSubrange(_ range: Range<Int>) { heads.removeSubrange(range) }
}
