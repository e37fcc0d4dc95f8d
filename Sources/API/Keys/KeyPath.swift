import Metadata
import Server

/// What the path behind `/api/v1/kv/` names: a key, or with a slash at the end everything below one.
enum KeyPath {
    case key(Key)
    /// The directory without its slash; the root is `/`.
    case directory(Key)

    var keys: KeySpan {
        switch self {
        case .key(let key): .key(key)
        case .directory(let directory): .subtree(of: directory)
        }
    }

    init(_ tail: ArraySlice<UInt8>) throws(Problem) {
        guard let decoded = PercentDecoding.decode(tail) else {
            throw Problem(.invalidKey, "% must be followed by two hexadecimal digits")
        }
        let slash = UInt8(ascii: "/")
        do throws(KeyError) { try self.init([slash] + decoded) } catch { throw Problem(.invalidKey, error.description) }
    }

    init(_ bytes: [UInt8]) throws(KeyError) {
        self =
            bytes.last == UInt8(ascii: "/")
            ? .directory(try Key.validateDirectory(bytes)) : .key(try Key.validate(bytes))
    }
}
