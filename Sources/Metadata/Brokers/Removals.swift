/// Which brokers, topics and groups went, so that whoever follows the changes of rows hears of those that have none any more.
/// Derived from what was applied: no part of the digest, and not stored. A state that was restored begins without.
struct Removals: Sendable {
    struct Removal: Sendable {
        enum What: Sendable {
            case broker(BrokerID)
            case topic(name: String, id: TopicID)
            case group(String)
        }

        let version: UInt64
        let what: What
    }

    /// Of the latest ones that are remembered.
    static let maximumCount = 100_000
    /// In chunks: the first removal behind an image of the state copies one.
    private static let chunkSize = 500

    private var chunks: [[Removal]] = []
    private(set) var count = 0
    /// What went up to there is not known.
    private(set) var floor: UInt64

    init(floor: UInt64) { self.floor = floor }

    mutating func append(_ what: Removal.What, at version: UInt64) {
        if (chunks.last?.count ?? Self.chunkSize) >= Self.chunkSize { chunks.append([]) }
        chunks[chunks.count - 1].append(Removal(version: version, what: what))
        count += 1
        guard count > Self.maximumCount else { return }
        let oldest = chunks.removeFirst()
        count -= oldest.count
        floor = oldest[oldest.count - 1].version
    }

    /// What went at `version` and later, in order. One version removes one thing.
    func from(_ version: UInt64) -> some Sequence<Removal> {
        chunks.lazy.drop { $0[$0.count - 1].version < version }.joined().lazy.filter { $0.version >= version }
    }
}
