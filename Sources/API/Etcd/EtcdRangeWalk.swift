import Metadata
import Wire

/// What a long range finds in the order of the keys, looked up as the connection takes it: a million keys are never held for one
/// client.
struct EtcdRangeWalk: Sequence, IteratorProtocol {
    private let range: EtcdRange
    private var walk: PairWalk
    private var pending: ArraySlice<KeyValue> = []
    private var taken = 0
    /// Of all keys of the span; `nil` while that is what is being found out.
    private let known: Int?
    private var seen = 0
    private var isCut = false
    private var hasBegun = false
    private var hasEnded = false
    /// How many keys, and bytes of them, are looked at at once.
    private static let keysAtOnce = 256
    private static let bytesAtOnce = 32 * 1024

    init(_ range: EtcdRange, in state: MetadataStateMachine) {
        self.range = range
        known = range.revision == nil ? state.count(in: range.keys) : nil
        walk = state.walk(range.keys, at: range.revision)
    }

    /// `"kvs":[…],"more":true,"count":"2"`.
    mutating func next() -> JSONStream.Step? {
        if let pair = pending.popFirst() {
            return .write { [keysOnly = range.keysOnly] json in json.proto(pair, keysOnly: keysOnly) }
        }
        if hasEnded { return nil }
        if walk.isAtEnd || known != nil && (isCut || range.countOnly) { return end() }
        look()
        if pending.isEmpty { return walk.isAtEnd ? end() : .others }
        if hasBegun { return next() }
        hasBegun = true
        return .write { json in
            json.key("kvs")
            json.beginArray()
        }
    }

    private mutating func look() {
        let found = walk.next(limit: Self.keysAtOnce, byteLimit: Self.bytesAtOnce)
        seen += found.count
        guard !range.countOnly, !isCut else { return }
        for pair in found where range.isWanted(pair) {
            isCut = range.limit > 0 && taken == range.limit
            if isCut { return }
            pending.append(pair)
            taken += 1
        }
    }

    private mutating func end() -> JSONStream.Step {
        hasEnded = true
        return .write { [self] json in
            if hasBegun { json.endArray() }
            json.proto("more", isCut)
            json.proto("count", known ?? seen)
        }
    }
}
