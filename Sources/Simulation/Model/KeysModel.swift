import Metadata

/// The key-values by the rules of the contract (§7, §10, §11), as they are and as they were at every revision, and the leases.
struct KeysModel {
    struct Value: Equatable {
        var bytes: [UInt8]
        let createRevision: UInt64
        var modRevision: UInt64
        /// 1 for a new key, +1 for each change.
        var version: UInt64
        var lease: LeaseID?
    }

    enum Entry: Equatable {
        case value(Key, Value)
        case directory([UInt8])
    }

    struct Version: Equatable {
        let revision: UInt64
        /// `nil` when it was deleted.
        var value: Value?
        /// Its number among the changes of the revision, from 0.
        var number = 0
    }

    var revision: UInt64 = 0
    /// With their times in seconds. Looked up, never iterated where the order could be seen.
    var leases: [LeaseID: Int64] = [:]
    /// The oldest revision that can be read; `nil` while only the present can.
    private(set) var horizon: UInt64?
    /// Of every key that ever was, in order. Looked up by key, never iterated.
    private var changes: [Key: [Version]] = [:]
    /// In byte order.
    private(set) var everNamed: [Key] = []

    func value(_ key: Key) -> Value? { changes[key]?.last?.value }

    /// What it was when the store had that revision.
    func value(_ key: Key, at revision: UInt64) -> Value? {
        changes[key]?.last { $0.revision <= revision }?.value
    }

    /// In the order in which they came about.
    func versions(of key: Key) -> [Version] { changes[key] ?? [] }

    /// What it was from `oldest` to `revision`, the newest first.
    func versions(of key: Key, from oldest: UInt64, through revision: UInt64) -> [Version] {
        let known = (changes[key] ?? []).filter { $0.revision <= revision }
        let first = known.last { $0.revision <= oldest }
        return known.reversed().filter { $0.revision > oldest } + [first].compactMap { $0?.value == nil ? nil : $0 }
    }

    /// In byte order.
    var present: [(key: Key, value: Value)] { everNamed.compactMap { key in value(key).map { (key, $0) } } }

    mutating func record(_ key: Key, _ value: Value?, at revision: UInt64, number: Int = 0) {
        if changes[key] == nil { everNamed.insert(key, at: place(of: key)) }
        changes[key, default: []].append(Version(revision: revision, value: value, number: number))
    }

    private func place(of key: Key) -> Int {
        var (low, high) = (0, everNamed.count)
        while low < high {
            let middle = (low + high) / 2
            if everNamed[middle].comesBehind(key) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    // Changes

    mutating func put(_ put: Put) -> ModelAnswer {
        let old = value(put.key)
        if let refusal = put.precondition.refusal(of: old) { return refusal }
        revision += 1
        let new = Value(
            bytes: put.value, createRevision: old?.createRevision ?? revision, modRevision: revision,
            version: (old?.version ?? 0) + 1)
        record(put.key, new, at: revision)
        return .put(revision: revision, version: new.version)
    }

    mutating func delete(_ delete: Delete) -> ModelAnswer {
        var doomed: [Key] = []
        if delete.isRecursive {
            if delete.precondition != .none { return .refused("invalidCommand") }
            doomed = everNamed.filter { $0.isBelow(delete.key) && value($0) != nil }
        } else {
            if let refusal = delete.precondition.refusal(of: value(delete.key)) { return refusal }
            if value(delete.key) != nil { doomed = [delete.key] }
        }
        guard !doomed.isEmpty else { return .refused("unknownKey") }
        revision += 1
        for (number, key) in doomed.enumerated() { record(key, nil, at: revision, number: number) }
        return .deleted(count: doomed.count, revision: revision)
    }

    mutating func keepHistory() {
        revision = max(revision, 1)
        horizon = revision
    }

    mutating func compact(through wanted: UInt64) -> ModelAnswer {
        guard let horizon else { return .refused("invalidCommand") }
        guard wanted <= revision else { return .refused("futureRevision") }
        guard wanted > horizon else { return .refused("revisionCompacted") }
        self.horizon = wanted
        return .done
    }

    // Lists

    /// What is below `directory` at `revision`, from behind `after` on; of what is deeper than its children only the
    /// directories, unless it is recursive.
    func list(
        below directory: Key, isRecursive: Bool, after: [UInt8]?, limit: Int, at revision: UInt64
    ) -> (entries: [Entry], isLast: Bool) {
        let depth = directory.bytes == [slash] ? 1 : directory.bytes.count + 1
        var entries: [Entry] = []
        for key in everNamed where key.isBelow(directory) {
            guard let value = value(key, at: revision) else { continue }
            var entry = Entry.value(key, value)
            if !isRecursive, let end = key.bytes[depth...].firstIndex(of: slash) {
                entry = .directory(Array(key.bytes[...end]))
                if entries.last == entry { continue }
            }
            if let after, !after.lexicographicallyPrecedes(entry.name) { continue }
            if entries.count == limit { return (entries, false) }
            entries.append(entry)
        }
        return (entries, true)
    }
}

private let slash = UInt8(ascii: "/")

extension KeysModel.Entry {
    var name: [UInt8] {
        switch self {
        case .value(let key, _): key.bytes
        case .directory(let name): name
        }
    }
}

extension Key {
    fileprivate func comesBehind(_ other: Key) -> Bool { other.bytes.lexicographicallyPrecedes(bytes) }

    fileprivate func isBelow(_ directory: Key) -> Bool {
        directory.bytes == [slash] && bytes.first == slash
            || bytes.count > directory.bytes.count && bytes[directory.bytes.count] == slash
                && bytes.starts(with: directory.bytes)
    }
}

extension Precondition {
    fileprivate func refusal(of present: KeysModel.Value?) -> ModelAnswer? {
        let holds =
            switch self {
            case .none: true
            case .absent: present == nil
            case .modRevision(let wanted): present?.modRevision == wanted
            }
        return holds ? nil : .refused("revisionMismatch", present: present?.modRevision)
    }
}
