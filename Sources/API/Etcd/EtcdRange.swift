import Metadata
import Wire

/// What a range request asks for.
struct EtcdRange: Sendable {
    enum SortTarget: Int { case key, version, create, mod, value }

    var keys: KeySpan
    var limit = 0
    var revision: UInt64?
    /// 0: none, 1: ascending, 2: descending.
    var order = 0
    var target = SortTarget.key
    var isSerializable = false
    var keysOnly = false
    var countOnly = false
    /// Of mod and create revisions; 0 for no bound.
    var modRevisions: (least: UInt64, greatest: UInt64) = (0, 0)
    var createRevisions: (least: UInt64, greatest: UInt64) = (0, 0)

    init(_ json: JSONObject) throws {
        keys = try KeySpan(etcd: json)
        limit = Int(clamping: max(0, try json.int64("limit")))
        let wanted = try json.int64("revision")
        revision = wanted > 0 ? UInt64(wanted) : nil
        order = try json.enumerator("sort_order", ["NONE", "ASCEND", "DESCEND"])
        let number = try json.enumerator("sort_target", ["KEY", "VERSION", "CREATE", "MOD", "VALUE"])
        target = SortTarget(rawValue: number) ?? .key
        // A target without an order is ascending.
        if target != .key, order == 0 { order = 1 }
        isSerializable = try json.flag("serializable")
        keysOnly = try json.flag("keys_only")
        countOnly = try json.flag("count_only")
        func bound(_ name: String) throws -> UInt64 { UInt64(max(0, try json.int64(name))) }
        modRevisions = (try bound("min_mod_revision"), try bound("max_mod_revision"))
        createRevisions = (try bound("min_create_revision"), try bound("max_create_revision"))
    }

    /// In the order of the keys: then only those that are wanted are looked at.
    var isPlain: Bool { order == 0 || order == 1 && target == .key }

    struct Found {
        var pairs: [KeyValue] = []
        var isCut = false
        var count = 0
    }

    /// Whether it looks at many keys.
    func isLong(in state: MetadataStateMachine) -> Bool { revision != nil || state.count(in: keys) > 1000 }

    /// At a revision that can be read.
    func find(in state: MetadataStateMachine) -> Found {
        var found = Found()
        let needsAll = revision != nil || !isPlain
        found.count = needsAll ? 0 : state.count(in: keys)
        if countOnly, !needsAll { return found }
        state.visit(keys, at: revision) { pair in
            if needsAll { found.count += 1 }
            guard !countOnly, isWanted(pair) else { return true }
            if isPlain, limit > 0, found.pairs.count == limit {
                found.isCut = true
                return needsAll
            }
            found.pairs.append(pair)
            return true
        }
        if !isPlain { sort(&found) }
        return found
    }

    private func sort(_ found: inout Found) {
        found.pairs.sort { order == 2 ? precedes($1, $0) : precedes($0, $1) }
        guard limit > 0, found.pairs.count > limit else { return }
        found.isCut = true
        found.pairs.removeSubrange(limit...)
    }

    func isWanted(_ pair: KeyValue) -> Bool {
        func isIn(_ bounds: (least: UInt64, greatest: UInt64), _ revision: UInt64) -> Bool {
            revision >= bounds.least && (bounds.greatest == 0 || revision <= bounds.greatest)
        }
        return isIn(modRevisions, pair.modRevision) && isIn(createRevisions, pair.createRevision)
    }

    private func precedes(_ a: KeyValue, _ b: KeyValue) -> Bool {
        switch target {
        case .key: a.key < b.key
        case .version: (a.version, a.key) < (b.version, b.key)
        case .create: (a.createRevision, a.key) < (b.createRevision, b.key)
        case .mod: (a.modRevision, a.key) < (b.modRevision, b.key)
        case .value: a.value.lexicographicallyPrecedes(b.value)
        }
    }

    // MARK: Answers

    /// `"kvs":[…],"more":true,"count":"2"`, piece by piece. An order that is not that of the keys needs all of them at once.
    func steps(in state: MetadataStateMachine) -> AnySequence<JSONStream.Step> {
        if isPlain { return AnySequence(EtcdRangeWalk(self, in: state)) }
        let found = find(in: state)
        guard !found.pairs.isEmpty else { return .one { $0.proto("count", found.count) } }
        return AnySequence(
            [
                .array(
                    "kvs",
                    .each(found.pairs) { [keysOnly] pair in [.write { json in json.proto(pair, keysOnly: keysOnly) }] }),
                AnySequence.one { json in
                    json.proto("more", found.isCut)
                    json.proto("count", found.count)
                },
            ].joined())
    }

    func write(_ found: Found, to json: inout JSONWriter) {
        if !found.pairs.isEmpty {
            json.arrayField("kvs") { json in for pair in found.pairs { json.proto(pair, keysOnly: keysOnly) } }
        }
        json.proto("more", found.isCut)
        json.proto("count", found.count)
    }
}

extension KeySpan {
    /// `key` and `range_end`: without an end one key; `\0` is the end of all; `\0` to `\0` are all.
    init(etcd json: JSONObject, isKeyNeeded: Bool = true) throws {
        var key = try json.octets("key") ?? []
        let end = try json.octets("range_end") ?? []
        if key.isEmpty {
            guard !isKeyNeeded else { throw EtcdError.keyMissing }
            key = [0]
        }
        guard key.count <= Key.maximumLength, end.count <= Key.maximumLength else { throw EtcdError.tooLarge }
        if end.isEmpty {
            self = .key(Key(validated: key))
        } else if end == [0] {
            // No key is empty, so all begin here.
            self = .range(from: key == [0] ? [] : key, before: nil)
        } else {
            self = .range(from: key, before: end)
        }
    }
}
