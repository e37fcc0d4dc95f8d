import HTTP
import Wire

/// JSON text as a body that is pulled: made of steps, each of which writes a little, and of octets, which are written in
/// pieces however many there are.
struct JSONStream {
    enum Step {
        case write((inout JSONWriter) -> Void)
        /// The field `name` if the octets are UTF-8, else the field `base64` with their base64.
        case bytes(name: StaticString, base64: StaticString, [UInt8])
        /// Much was looked at: others come first.
        case others
    }

    private var steps: AnyIterator<Step>
    private var json: JSONWriter
    private var value: BytesInPieces?

    private init(_ parts: [AnySequence<Step>]) {
        steps = AnyIterator(parts.joined().makeIterator())
        json = JSONWriter(capacity: HTTPBodyStream.pieceBytes)
    }

    /// Of text that is usually short.
    init(_ steps: AnySequence<Step>) {
        self.steps = steps.makeIterator()
        json = JSONWriter(capacity: 256)
    }

    /// A body of what the parts write, one behind the other; each is gone through once, as far as the text is taken.
    static func body(_ parts: AnySequence<Step>...) -> HTTPBodyStream {
        var stream = JSONStream(parts)
        return HTTPBodyStream { stream.produce(&$0) }
    }

    /// Appends the next piece; false if it was the last.
    mutating func produce(_ out: inout [UInt8]) -> Bool {
        defer { json.moveBytes(to: &out) }
        while json.bytes.count < HTTPBodyStream.pieceBytes {
            if var unfinished = value {
                value = nil
                if unfinished.writePiece(to: &json) { value = unfinished }
                continue
            }
            switch steps.next() {
            case .write(let write): write(&json)
            case .bytes(let name, let base64, let bytes):
                value = BytesInPieces(bytes)
                json.key(value?.isText == true ? name : base64)
                json.beginString()
            case .others: return true
            case nil: return false
            }
        }
        return true
    }
}

/// Octets on their way into a JSON string.
private struct BytesInPieces {
    let bytes: [UInt8]
    let isText: Bool
    private var written = 0
    /// A multiple of three, for base64.
    private static let pieceBytes = 48 * 1024

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        isText = isUTF8(bytes)
    }

    /// False when the string has ended.
    mutating func writePiece(to json: inout JSONWriter) -> Bool {
        let end = min(written + Self.pieceBytes, bytes.count)
        if isText { json.fragment(bytes[written..<end]) } else { json.base64Fragment(bytes[written..<end]) }
        written = end
        if end == bytes.count { json.endString() }
        return end < bytes.count
    }
}

func isUTF8(_ bytes: [UInt8]) -> Bool {
    do {
        _ = try UTF8Span(validating: bytes.span)
        return true
    } catch {
        return false
    }
}

extension AnySequence<JSONStream.Step> {
    /// One step.
    static func one(_ write: @escaping (inout JSONWriter) -> Void) -> Self { Self([.write(write)]) }

    /// The steps of each element, in order.
    static func each<Elements: Sequence>(
        _ elements: Elements, _ steps: @escaping (Elements.Element) -> [JSONStream.Step]
    ) -> Self {
        Self(elements.lazy.flatMap(steps))
    }

    /// `[…]`
    static func array(_ rows: Self) -> Self {
        Self([one { $0.beginArray() }, rows, one { $0.endArray() }].joined())
    }

    /// `"name":[…]`
    static func array(_ name: StaticString, _ rows: Self) -> Self {
        Self([one { $0.key(name) }, array(rows)].joined())
    }

    /// `{…}`
    static func object(_ fields: Self...) -> Self {
        Self(([one { $0.beginObject() }] + fields + [one { $0.endObject() }]).joined())
    }
}
