/// Names a topic for its life: one that is deleted and created again is another one (KIP-516).
public struct TopicID: Hashable, Sendable, CustomStringConvertible {
    public var high: UInt64
    public var low: UInt64

    public init(high: UInt64, low: UInt64) { (self.high, self.low) = (high, low) }

    /// From 32 hexadecimal digits in lower case; `nil` for anything else.
    public init?(_ text: String) {
        guard text.utf8.count == 32, let high = UInt64(text.prefix(16), radix: 16),
            let low = UInt64(text.suffix(16), radix: 16)
        else { return nil }
        self.init(high: high, low: low)
        // A sign, and capitals, are read as well.
        guard isSameText(description, text) else { return nil }
    }

    /// 32 hexadecimal digits.
    public var description: String { Digest(high: high, low: low).description }
}

/// Which topic somebody means: a name may be another one's by now.
public enum TopicReference: Equatable, Sendable {
    case id(TopicID)
    case name(String)
}

extension Topic {
    /// The one that was drawn for it; of a topic from before ids were drawn, one that follows from its name and its birth.
    public var id: TopicID {
        drawnID ?? Self.derivedID(name: name, createdAt: createdAt, partitionCount: partitionCount)
    }

    /// Of a topic that had so many partitions when ids were not drawn yet.
    public static func derivedID(name: String, createdAt: Int64, partitionCount: Int) -> TopicID {
        var hasher = RowHasher()
        hasher.combine(name)
        hasher.combine(createdAt, Int64(partitionCount))
        let hash = hasher.finalize()
        return TopicID(high: hash.high, low: hash.low)
    }
}
