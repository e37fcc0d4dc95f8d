import Defects

/// Why there is no reading at a revision.
public enum RevisionFault: Error, Equatable, Sendable {
    /// It is gone; `oldest` is the first that can be read.
    case compacted(oldest: UInt64)
    case future(present: UInt64)
}

/// A change of one key, for those who ask what became of it.
public enum KeyVersion: Equatable, Sendable {
    case put(KeyValue)
    case deletion(revision: UInt64)

    public var revision: UInt64 {
        switch self {
        case .put(let pair): pair.modRevision
        case .deletion(let revision): revision
        }
    }
}

extension MetadataStateMachine {
    /// The oldest revision that can be read.
    public var oldestRevision: UInt64 { keepsHistory ? history.horizon : counters.revision }

    public func check(_ revision: UInt64) throws(RevisionFault) {
        guard revision <= counters.revision else { throw .future(present: counters.revision) }
        guard revision >= oldestRevision else { throw .compacted(oldest: oldestRevision) }
    }

    /// What `key` was at `revision`.
    public func value(_ key: Key, at revision: UInt64) throws(RevisionFault) -> KeyValue? {
        try check(revision)
        guard keepsHistory, !Defect.pastIsThePresent.isOn,
            let previous = history.previous(of: key, changedAfter: revision)
        else { return keys[key] }
        return previous
    }

    /// The keys as they were at `revision`, for a listing of those from `lower` on and before `upper`. Work for each change
    /// since then: not for a thread that others wait for.
    func keys(at revision: UInt64, from lower: [UInt8], before upper: [UInt8]) -> PastKeys {
        PastKeys(
            present: keys, changed: keepsHistory ? history.replaced(after: revision, from: lower, before: upper) : [:])
    }

    /// The kept versions of `key` from before revision `end` on, the newest first, at most `limit`.
    public func versions(of key: Key, before end: UInt64, limit: Int) -> [KeyVersion] {
        guard keepsHistory else { return keys[key].map { $0.modRevision < end ? [.put($0)] : [] } ?? [] }
        return history.versions(of: key, present: keys[key], before: end, limit: limit)
    }
}

extension KeyHistory {
    /// What `key` was before its first change behind `revision`; `nil` if there is none.
    func previous(of key: Key, changedAfter revision: UInt64) -> KeyValue?? {
        let hash = key.stableHash
        var next = revision + 1
        while next <= last {
            let (chunk, offset) = place(of: next)
            if chunks[chunk].mayHave(key, hash) {
                for entry in chunks[chunk].entries[offset...] {
                    for change in entry.changes {
                        if let previous = change.previous(of: key) { return previous }
                    }
                }
            }
            next = firstRevision(of: chunk + 1)
        }
        return nil
    }

    /// For each key of the range that was changed behind `revision`: what it was then.
    func replaced(after revision: UInt64, from lower: [UInt8], before upper: [UInt8]) -> [Key: KeyValue?] {
        var replaced: [Key: KeyValue?] = [:]
        func add(_ key: Key, _ previous: KeyValue?) {
            guard !precedes(key.bytes, lower), precedes(key.bytes, upper), replaced[key] == nil else { return }
            replaced[key] = .some(previous)
        }
        var next = revision + 1
        while next <= last {
            for change in changes(at: next) {
                switch change {
                case .keyPut(let pair, let previous): add(pair.key, previous)
                case .keyDeleted(let pair) where !Defect.pastWithoutTheDeleted.isOn: add(pair.key, pair)
                case .keysDeleted(let deleted): for pair in deleted { add(pair.key, pair) }
                default: break
                }
            }
            next += 1
        }
        return replaced
    }

    /// `present` is what the key is now.
    func versions(of key: Key, present: KeyValue?, before end: UInt64, limit: Int) -> [KeyVersion] {
        var versions: [KeyVersion] = []
        var oldest = present
        let hash = key.stableHash
        for chunk in chunks.indices.reversed() where chunks[chunk].mayHave(key, hash) {
            let first = firstRevision(of: chunk)
            for offset in chunks[chunk].entries.indices.reversed() {
                for change in chunks[chunk].entries[offset].changes {
                    guard let previous = change.previous(of: key) else { continue }
                    let revision = first + UInt64(offset)
                    let version = change.version(of: key, at: revision)
                    let isHidden = Defect.historyWithoutDeletions.isOn && version == .deletion(revision: revision)
                    if revision < end, !isHidden { versions.append(version) }
                    if versions.count == limit { return versions }
                    oldest = previous
                }
            }
        }
        // What the oldest change replaced, or what was never changed.
        if let oldest, oldest.modRevision < end, versions.last?.revision != oldest.modRevision {
            versions.append(.put(oldest))
        }
        return versions
    }
}

extension KeyHistory.Chunk {
    fileprivate func mayHave(_ key: Key, _ hash: UInt64) -> Bool {
        !isFull || hasSweep || index.mayHave(hash, in: entries)
    }
}

extension Change {
    /// What the key was before, if it is one that this changed.
    fileprivate func previous(of key: Key) -> KeyValue?? {
        switch self {
        case .keyPut(let pair, let previous): pair.key == key ? .some(previous) : nil
        case .keyDeleted(let pair): pair.key == key ? .some(pair) : nil
        case .keysDeleted(let deleted): deleted[key].map { .some($0) }
        default: nil
        }
    }

    fileprivate func version(of key: Key, at revision: UInt64) -> KeyVersion {
        if case .keyPut(let pair, _) = self { .put(pair) } else { .deletion(revision: revision) }
    }
}
