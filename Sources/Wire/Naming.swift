import Metadata

/// The rules for keys and topic names, for bytes that come from outside.
enum Naming {
    static let maxKeyBytes = 4096
    static let maxTopicBytes = 249

    /// - Parameter isDirectory: whether `/`, the root of a recursive delete, is allowed.
    static func key(_ bytes: [UInt8], isDirectory: Bool = false) throws(WireError) -> Key {
        if isDirectory, bytes == [UInt8(ascii: "/")] { return Key(validated: bytes) }
        guard bytes.first == UInt8(ascii: "/"), bytes.count <= maxKeyBytes else {
            throw WireError("a key must start with / and have at most \(maxKeyBytes) bytes")
        }
        let segments = bytes.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        let dot = UInt8(ascii: ".")
        for segment in segments
        where segment.isEmpty || segment.elementsEqual([dot]) || segment.elementsEqual([dot, dot]) {
            throw WireError("a key must not have an empty segment, nor . or ..")
        }
        guard String(validating: bytes, as: UTF8.self) != nil else { throw WireError("a key must be UTF-8") }
        return Key(validated: bytes)
    }

    static func isTopic(_ name: String) -> Bool {
        let bytes = name.utf8
        guard !bytes.isEmpty, bytes.count <= maxTopicBytes, name != ".", name != ".." else { return false }
        return bytes.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
    }
}
