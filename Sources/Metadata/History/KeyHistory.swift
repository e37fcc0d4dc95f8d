/// What the commands that changed keys changed: one entry for each revision behind the horizon. Together with the present
/// keys it tells what there was at each of these revisions, and at the horizon itself.
///
/// Entries are held in chunks: a copy of the whole costs nothing, and the first change after that copies one chunk.
public struct KeyHistory: Sendable {
    /// The oldest revision that can be read. All behind it have an entry here.
    public private(set) var horizon: UInt64
    /// The revision of the last entry; the horizon when there is none.
    public private(set) var last: UInt64
    /// Of all entries.
    private(set) var past = Past()

    /// All but the last are full.
    private(set) var chunks: [Chunk] = []
    /// The revision before the first chunk's.
    private var base: UInt64
    /// Chunks behind the horizon, let go one by one: to free a million values takes a while.
    private var dropped: [Chunk] = []

    /// Without entries.
    public init(horizon: UInt64) {
        (self.horizon, last, base) = (horizon, horizon, horizon)
    }

    /// Of all past versions.
    var digest: Digest { past.digest }
    /// About what the entries hold in memory.
    public var byteCount: Int { past.byteCount }
    /// How many versions are past.
    public var versionCount: Int { past.versionCount }

    /// Adds the entry of the next revision.
    mutating func append(_ entry: Entry) {
        if chunks.last?.isFull ?? true { chunks.append(Chunk()) }
        chunks[chunks.count - 1].append(entry)
        last += 1
        past.add(entry.past)
        _ = dropped.popLast()
    }

    /// Adds what the last revision has changed besides.
    mutating func extendLast(_ changes: [Change], _ past: Past) {
        chunks[chunks.count - 1].extendLast(changes, past)
        self.past.add(past)
    }

    /// What a revision that is kept changed.
    public func changes(at revision: UInt64) -> [Change] {
        let (chunk, offset) = place(of: revision)
        return chunks[chunk].entries[offset].changes
    }

    func place(of revision: UInt64) -> (chunk: Int, offset: Int) {
        precondition(revision > horizon && revision <= last, "revision \(revision) of \(horizon)...\(last)")
        let offset = Int(revision - base - 1)
        return (offset / Chunk.capacity, offset % Chunk.capacity)
    }

    /// The first revision of a chunk.
    func firstRevision(of chunk: Int) -> UInt64 { base + UInt64(chunk * Chunk.capacity) + 1 }

    /// Lets go of all up to `revision`, which becomes the oldest that can be read.
    mutating func compact(through revision: UInt64) {
        precondition(revision >= horizon && revision <= last, "compaction through \(revision) of \(horizon)...\(last)")
        let whole = Int(revision - base) / Chunk.capacity
        for chunk in chunks[..<whole] { past.subtract(chunk.past) }
        dropped.append(contentsOf: chunks[..<whole])
        chunks.removeFirst(whole)
        base += UInt64(whole * Chunk.capacity)
        horizon = max(horizon, base)
        while horizon < revision {
            past.subtract(chunks[0].clear(place(of: horizon + 1).offset))
            horizon += 1
        }
    }

    /// The last revision that must be given up for the rest to hold at most `limit` bytes, to within a chunk; `nil` if none
    /// must.
    public func revision(toHoldAtMost limit: Int) -> UInt64? {
        guard byteCount > limit else { return nil }
        var bytes = byteCount
        var revision = base
        for chunk in chunks where bytes > limit {
            bytes -= chunk.past.byteCount
            revision += UInt64(chunk.entries.count)
        }
        return revision
    }
}

extension KeyHistory {
    /// Versions that are past: what they come to.
    struct Past: Sendable {
        var digest = Digest()
        var versionCount = 0
        var byteCount = 0

        mutating func add(_ other: Past) {
            digest.add(other.digest)
            versionCount += other.versionCount
            byteCount += other.byteCount
        }

        mutating func subtract(_ other: Past) {
            digest.subtract(other.digest)
            versionCount -= other.versionCount
            byteCount -= other.byteCount
        }
    }

    /// What one revision changed, and what became past by it.
    struct Entry: Sendable {
        var changes: [Change] = []
        var past = Past()
    }

    struct Chunk: Sendable {
        static let capacity = 256
        private(set) var entries: [Entry] = []
        private(set) var past = Past()
        /// Whether a subtree was deleted as a whole.
        private(set) var hasSweep = false
        /// Of a full one.
        private(set) var index = ChunkIndex()

        var isFull: Bool { entries.count == Self.capacity }

        mutating func append(_ entry: Entry) {
            entries.append(entry)
            past.add(entry.past)
            noteSweeps(entry.changes)
        }

        mutating func extendLast(_ changes: [Change], _ past: Past) {
            entries[entries.count - 1].changes += changes
            entries[entries.count - 1].past.add(past)
            self.past.add(past)
            noteSweeps(changes)
            // A copy may have made one without them.
            index = ChunkIndex()
        }

        private mutating func noteSweeps(_ changes: [Change]) {
            for case .keysDeleted in changes { hasSweep = true }
        }

        mutating func clear(_ offset: Int) -> Past {
            let gone = entries[offset].past
            entries[offset] = Entry()
            past.subtract(gone)
            return gone
        }
    }
}
