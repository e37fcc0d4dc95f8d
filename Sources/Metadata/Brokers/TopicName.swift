/// Why a text is no topic name.
public enum TopicNameError: Error, Equatable, Sendable, CustomStringConvertible {
    case empty
    /// More than ``Topic/maximumNameLength`` characters.
    case tooLong(count: Int)
    /// `.` or `..`: brokers name directories after topics.
    case reserved
    /// A character outside `A-Za-z0-9._-`.
    case invalidCharacter

    public var description: String {
        switch self {
        case .empty: "The topic name is empty."
        case .tooLong(let count):
            "The topic name has \(count) bytes; at most \(Topic.maximumNameLength) are allowed."
        case .reserved: "“.” and “..” can not be topic names."
        case .invalidCharacter: "A topic name may only hold the characters A-Z, a-z, 0-9, “.”, “_” and “-”."
        }
    }
}

extension Topic {
    /// The longest topic name in characters.
    public static let maximumNameLength = 249
    /// How many partitions a topic may have.
    public static let partitionCounts = 1...10_000
    /// How many replicas the partitions of a topic may be given together.
    public static let maximumReplicas = 100_000

    /// A topic name is 1 to 249 of `A-Za-z0-9._-`, and neither `.` nor `..`.
    public static func validateName(_ name: String) throws(TopicNameError) {
        let length = name.utf8.count
        guard length > 0 else { throw .empty }
        guard length <= maximumNameLength else { throw .tooLong(count: length) }
        guard name.utf8.allSatisfy(isNameByte) else { throw .invalidCharacter }
        guard name != ".", name != ".." else { throw .reserved }
    }

    /// Whether ``validateName(_:)`` accepts `name`.
    public static func isValidName(_ name: String) -> Bool {
        do throws(TopicNameError) {
            try validateName(name)
            return true
        } catch {
            return false
        }
    }

    /// The same for names that differ only in `.` and `_`: metrics of brokers can not tell these apart. `nil` of a name without.
    static func metricName(of name: String) -> String? {
        guard name.utf8.contains(where: { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_") }) else { return nil }
        let bytes = name.utf8.map { $0 == UInt8(ascii: ".") ? UInt8(ascii: "_") : $0 }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
