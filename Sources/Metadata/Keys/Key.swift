/// A key of the tree. Mostly a path, UTF-8 bytes that start with `/` (``validate(_:)``); transactions write any bytes.
/// Compared and ordered by bytes, never as a `String`, for which canonically equivalent Unicode texts are equal.
public struct Key: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The longest key in bytes, the leading slash included.
    public static let maximumLength = 4096
    /// Greater than every key.
    static let behindAll = [UInt8](repeating: 0xff, count: maximumLength + 1)

    public let bytes: [UInt8]

    /// The bytes must already be a valid key; see ``KeyError``.
    public init(validated bytes: [UInt8]) { self.bytes = bytes }

    public static func == (a: Self, b: Self) -> Bool { equalBytes(a.bytes, b.bytes) }
    public static func < (a: Self, b: Self) -> Bool { precedes(a.bytes, b.bytes) }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(bytes.count)
        bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
    }

    public var description: String { String(decoding: bytes, as: UTF8.self) }
}

/// Why bytes are no key.
public enum KeyError: Error, Equatable, Sendable, CustomStringConvertible {
    case empty
    /// More than ``Key/maximumLength`` bytes.
    case tooLong(count: Int)
    case noLeadingSlash
    case invalidUTF8
    /// Two slashes in a row.
    case emptySegment
    /// A segment that is `.` or `..`.
    case dotSegment
    /// A slash at the end names a directory, which holds no value.
    case trailingSlash

    public var description: String {
        switch self {
        case .empty: "The key is empty; it must start with a slash."
        case .tooLong(let count): "The key is \(count) bytes long; at most \(Key.maximumLength) are allowed."
        case .noLeadingSlash: "The key does not start with a slash."
        case .invalidUTF8: "The key is not valid UTF-8."
        case .emptySegment: "The key has an empty segment (two slashes in a row)."
        case .dotSegment: "The key has a segment “.” or “..”; paths are not resolved."
        case .trailingSlash: "The key ends in a slash, which names a directory; leave it out."
        }
    }
}

extension Key {
    private static let slash = UInt8(ascii: "/")
    private static let dot = UInt8(ascii: ".")

    /// The key that `bytes` are: 1 to 4096 bytes of valid UTF-8 that start with `/`, without an empty, `.` or `..`
    /// segment and without a slash at the end.
    public static func validate(_ bytes: [UInt8]) throws(KeyError) -> Key {
        guard let first = bytes.first else { throw .empty }
        guard bytes.count <= maximumLength else { throw .tooLong(count: bytes.count) }
        guard first == slash else { throw .noLeadingSlash }
        guard bytes.count > 1, bytes.last != slash else { throw .trailingSlash }
        try validateSegments(bytes)
        guard isValidUTF8(bytes) else { throw .invalidUTF8 }
        return Key(validated: bytes)
    }

    /// The key that `bytes` are, whatever they are: 1 to 4096.
    public static func validateLength(_ bytes: [UInt8]) throws(KeyError) -> Key {
        guard !bytes.isEmpty else { throw .empty }
        guard bytes.count <= maximumLength else { throw .tooLong(count: bytes.count) }
        return Key(validated: bytes)
    }

    /// Whether ``validate(_:)`` accepts `bytes`.
    public static func isValid(_ bytes: [UInt8]) -> Bool {
        do throws(KeyError) {
            _ = try validate(bytes)
            return true
        } catch {
            return false
        }
    }

    /// The directory that `bytes` name, with or without a slash at the end, as the key without it. The root is `/`.
    public static func validateDirectory(_ bytes: [UInt8]) throws(KeyError) -> Key {
        if bytes == [slash] { return Key(validated: bytes) }
        guard bytes.last == slash else { return try validate(bytes) }
        guard bytes.count <= maximumLength + 1 else { throw .tooLong(count: bytes.count) }
        let parent = Array(bytes.dropLast())
        if parent.last == slash { throw .emptySegment }
        return try validate(parent)
    }

    /// Expects a leading slash and none at the end. In UTF-8 no byte of a longer character equals `/` or `.`.
    private static func validateSegments(_ bytes: [UInt8]) throws(KeyError) {
        var start = 1
        for index in 1...bytes.count where index == bytes.count || bytes[index] == slash {
            switch index - start {
            case 0: throw .emptySegment
            case 1 where bytes[start] == dot: throw .dotSegment
            case 2 where bytes[start] == dot && bytes[start + 1] == dot: throw .dotSegment
            default: break
            }
            start = index + 1
        }
    }

    private static func isValidUTF8(_ bytes: [UInt8]) -> Bool {
        do {
            _ = try UTF8Span(validating: bytes.span)
            return true
        } catch {
            return false
        }
    }
}

extension Key {
    /// What every key below this one starts with.
    package var subtreePrefix: [UInt8] { bytes.last == Key.slash ? bytes : bytes + [Key.slash] }

    /// The first bytes behind every key below this one: `0` follows `/` in ASCII.
    package var subtreeEnd: [UInt8] {
        var end = subtreePrefix
        end[end.count - 1] = Key.slash + 1
        return end
    }
}
