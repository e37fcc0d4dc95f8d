import Defects

/// One page of a subtree.
public struct Listing: Equatable, Sendable {
    public enum Entry: Equatable, Sendable {
        case keyValue(KeyValue)
        /// A child that has keys below it, with its trailing slash; only in listings that are not recursive.
        case directory([UInt8])
    }

    public var entries: [Entry]
    /// What to pass as `after` for the next page; `nil` on the last. After a directory it ends in a slash.
    public var next: Key?

    public init(entries: [Entry], next: Key?) {
        self.entries = entries
        self.next = next
    }
}

extension MetadataStateMachine {
    /// The keys strictly below `directory` (the root is `/`) in byte order, from behind `after` on.
    ///
    /// A page ends before the entry that would be more than `limit`, or with which keys and values would be more
    /// than `byteLimit` bytes, but holds one entry in any case. A listing that is not recursive has the direct children: keys,
    /// and as a directory each child that has keys below it. `/a` with a value and with keys below it is listed twice, as
    /// `/a` and as `/a/`. A directory in `after` (`/a/`) skips all of it.
    public func list(
        below directory: Key, isRecursive: Bool, after: Key?, limit: Int, byteLimit: Int
    ) -> Listing {
        list(below: directory, isRecursive: isRecursive, after: after, limit: limit, byteLimit: byteLimit) { _, end in
            { keys.visit(from: $0, before: end, $1) }
        }
    }

    /// The same, as it was at `revision`. Work for each change since then.
    public func list(
        below directory: Key, at revision: UInt64, isRecursive: Bool, after: Key?, limit: Int, byteLimit: Int
    ) throws(RevisionFault) -> Listing {
        try check(revision)
        return list(below: directory, isRecursive: isRecursive, after: after, limit: limit, byteLimit: byteLimit) {
            lower, end in
            let past = keys(at: revision, from: lower, before: end)
            return { past.visit(from: $0, before: end, $1) }
        }
    }

    /// Visits the pairs from a key on and before the end, until it is told to stop.
    private typealias Visit = (_ lower: [UInt8], _ body: (KeyValue) -> Bool) -> Void

    private func list(
        below directory: Key, isRecursive: Bool, after: Key?, limit: Int, byteLimit: Int,
        source: (_ lower: [UInt8], _ end: [UInt8]) -> Visit
    ) -> Listing {
        let prefix = directory.subtreePrefix
        let end = directory.subtreeEnd
        var page = Page(limit: max(limit, 1), byteLimit: byteLimit)
        var lower = prefix
        if let after {
            let isDirectory = !isRecursive && after.bytes.count > prefix.count && after.bytes.last == UInt8(ascii: "/")
            // The least bytes behind a key are the key and a zero.
            let first = Defect.pageBeginsWithTheLast.isOn ? after.bytes : after.bytes + [0]
            let behind = isDirectory ? after.subtreeEnd : first
            if precedes(lower, behind) { lower = behind }
        }
        let visit = source(lower, end)
        if isRecursive {
            visit(lower) { page.append(.keyValue($0)) }
        } else {
            listChildren(from: lower, prefixLength: prefix.count, &page, visit)
        }
        return page.listing
    }

    private func listChildren(from lower: [UInt8], prefixLength: Int, _ page: inout Page, _ visit: Visit) {
        var from: [UInt8]? = lower
        while let lower = from {
            from = nil
            visit(lower) { pair in
                guard let slash = pair.key.bytes[prefixLength...].firstIndex(of: UInt8(ascii: "/")) else {
                    return page.append(.keyValue(pair))
                }
                // Seeks behind the directory: it may hold millions of keys.
                let child = Key(validated: Array(pair.key.bytes[...slash]))
                if page.append(.directory(child.bytes)) { from = child.subtreeEnd }
                return false
            }
        }
    }
}

private struct Page {
    var listing = Listing(entries: [], next: nil)
    let limit: Int
    let byteLimit: Int
    var byteCount = 0

    init(limit: Int, byteLimit: Int) {
        self.limit = limit
        self.byteLimit = byteLimit
    }

    /// False when the page is full; the entry is then the first of the next page.
    mutating func append(_ entry: Listing.Entry) -> Bool {
        let added =
            switch entry {
            case .keyValue(let pair): pair.key.bytes.count + pair.value.count
            case .directory(let bytes): bytes.count
            }
        if let last = listing.entries.last,
            listing.entries.count >= limit + (Defect.pageBeyondLimit.isOn ? 1 : 0) || byteCount + added > byteLimit
        {
            listing.next = last.text
            return false
        }
        listing.entries.append(entry)
        byteCount += added
        return true
    }
}

extension Listing.Entry {
    fileprivate var text: Key {
        switch self {
        case .keyValue(let pair): pair.key
        case .directory(let bytes): Key(validated: bytes)
        }
    }
}
