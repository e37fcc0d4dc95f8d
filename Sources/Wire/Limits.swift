import Metadata

/// The ranges of values that cross a border of the process. Everything outside is refused before it can reach the log:
/// a huge term or index from a stranger could otherwise never be outgrown.
public enum Limits {
    /// The largest integer that every JSON implementation carries exactly (RFC 7493 §2.2).
    public static let maxInteger: Int64 = 9_007_199_254_740_991
    /// Terms, indices, revisions and times.
    public static let counter: ClosedRange<Int64> = 0...maxInteger
    /// Ids of brokers and nodes.
    public static let id: ClosedRange<Int64> = 1...maxInteger
    /// Of a cluster. Beyond seven every write waits for too many disks.
    public static let maxMembers = 7
    /// Of the text of a configuration: sixteen members with names and addresses of 255 bytes.
    static let maxMembersBytes = 16 * 1024
    /// Of one feature.
    static let maxFeatureLevel: Int64 = 1000
    /// Of the features that a node announces.
    static let maxFeatures = 64
    /// A member's id.
    public static let nodeID: ClosedRange<Int64> = 1...9_999
    public static let port: ClosedRange<Int64> = 1...65_535
    public static let partitionCount: ClosedRange<Int64> = 1...10_000
    public static let partition: ClosedRange<Int64> = 0...9_999
    public static let replicationFactor: ClosedRange<Int64> = 1...1_000
    /// Of a command in the log: what one message between nodes carries, with room for all else in it.
    public static let maxCommandBytes = 2 * 1024 * 1024 - 64 * 1024
    /// In one report.
    public static let maxLagReportPartitions = 10_000
    /// In one report of a leader.
    public static let maxAlteredPartitions = 10_000
    /// In one command that elects leaders.
    public static let maxElections = 10_000
    /// `-1` stands for "without limit".
    public static let retention: ClosedRange<Int64> = -1...maxInteger
    public static let segmentBytes: ClosedRange<Int64> = 1...maxInteger
    public static let leaseID: ClosedRange<Int64> = 1...Int64.max
    /// That one entry keeps alive.
    public static let maxLeasesAtOnce = 10_000
    /// Of a value, in bytes.
    public static let maxValueBytes = 1_572_864
    /// Of a host name, a rack and a compression type, in bytes.
    public static let maxNameBytes = 255

    /// Whether `host` can be a host name or an IP address: 1 to 255 of letters, digits, `.`, `-`, `_`, and `:`, `[`,
    /// `]`, `%` for IPv6.
    public static func isHost(_ host: String) -> Bool {
        let bytes = host.utf8
        return !bytes.isEmpty && bytes.count <= maxNameBytes && bytes.allSatisfy(isHostByte)
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"),
            UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "%"):
            true
        default: false
        }
    }

    /// Whether `text` may name a rack or a compression type: 1 to 255 bytes, no control characters.
    public static func isLabel(_ text: String) -> Bool {
        let bytes = text.utf8
        return !bytes.isEmpty && bytes.count <= maxNameBytes && bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    }

    /// Whether `text` may name a consumer group: at most so many bytes of printable ASCII.
    public static func isGroupID(_ text: String) -> Bool {
        let bytes = text.utf8
        let longest = Topic.maximumNameLength + ConsumerGroup.maximumAppIDLength + 3
        return (1...longest).contains(bytes.count) && bytes.allSatisfy { (0x20...0x7e).contains($0) }
    }

    /// Whether `text` names a cluster, or a broker's process: 32 hexadecimal digits in lower case.
    public static func isDrawnID(_ text: String) -> Bool {
        // In every message between nodes: over bytes, not through the view's iterator.
        var text = text
        return text.withUTF8 { bytes in
            bytes.count == 32
                && bytes.allSatisfy {
                    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                        || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
                }
        }
    }
}
