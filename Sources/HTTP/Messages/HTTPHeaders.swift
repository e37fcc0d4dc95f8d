/// Header fields in order; names compare without case.
///
/// The octets stay as they came in one buffer, with the places of names and values beside it: a request with ten fields
/// costs two allocations, and a `String` only for the field somebody asks for.
public struct HTTPHeaders: Sendable {
    struct Field {
        var nameStart: UInt32
        var nameEnd: UInt32
        var valueStart: UInt32
        var valueEnd: UInt32

        var name: Range<Int> { Int(nameStart)..<Int(nameEnd) }
        var value: Range<Int> { Int(valueStart)..<Int(valueEnd) }
    }

    private(set) var bytes: [UInt8] = []
    private(set) var fields: [Field] = []
    /// Whether `bytes` can go out as they are: every field was added here as `name: value CRLF`, and none is one that the
    /// sender of the message writes itself.
    private(set) var isReadyToSend = true

    public init() {}

    /// See `add(_:_:)`.
    public init(_ fields: [(name: String, value: String)]) {
        bytes.reserveCapacity(fields.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 4 })
        self.fields.reserveCapacity(fields.count)
        for (name, value) in fields {
            add(name, value)
        }
    }

    /// Fields as a parser found them, already checked.
    init(bytes: [UInt8], fields: [Field]) {
        self.bytes = bytes
        self.fields = fields
        isReadyToSend = fields.isEmpty
    }

    /// The number of fields.
    public var count: Int { fields.count }

    /// The first field of that name.
    public subscript(name: String) -> String? {
        guard let field = fields.first(where: { nameMatches($0, name) }) else { return nil }
        return string(field.value)
    }

    /// The values of every field of that name, in order.
    public func all(_ name: String) -> [String] {
        fields.lazy.filter { nameMatches($0, name) }.map { string($0.value) }
    }

    public func contains(_ name: String) -> Bool {
        fields.contains { nameMatches($0, name) }
    }

    /// Appends a field. `name` must be a token (RFC 9110 §5.6.2). Line breaks and other control characters in `value`
    /// become spaces, so that a value from outside cannot split a response.
    public mutating func add(_ name: String, _ value: String) {
        precondition(!name.isEmpty && name.utf8.allSatisfy(ByteClass.isToken), "\"\(name)\" is no header field name")
        let nameStart = bytes.count
        bytes.append(contentsOf: name.utf8)
        let nameEnd = bytes.count
        bytes.append(ByteClass.colon)
        bytes.append(ByteClass.space)
        let valueStart = bytes.count
        var end = valueStart
        for byte in value.utf8 where bytes.count > valueStart || !ByteClass.isWhitespace(byte) {
            bytes.append(ByteClass.isFieldContent(byte) ? byte : ByteClass.space)
            if !ByteClass.isWhitespace(bytes[bytes.count - 1]) { end = bytes.count }
        }
        bytes.removeSubrange(end...)
        bytes.append(ByteClass.carriageReturn)
        bytes.append(ByteClass.lineFeed)
        precondition(bytes.count <= UInt32.max, "Header fields of more than 4 GiB")
        fields.append(
            Field(
                nameStart: UInt32(nameStart), nameEnd: UInt32(nameEnd), valueStart: UInt32(valueStart),
                valueEnd: UInt32(end)))
        if Self.isWrittenBySender(bytes, nameStart..<nameEnd) { isReadyToSend = false }
    }

    /// All fields as text, in order.
    public func forEach(_ body: (_ name: String, _ value: String) throws -> Void) rethrows {
        for field in fields {
            try body(string(field.name), string(field.value))
        }
    }

    /// Appends the fields to a message that is being written, but for those that its sender writes itself.
    func append(to out: inout [UInt8]) {
        if isReadyToSend {
            out.append(contentsOf: bytes)
            return
        }
        for field in fields where !Self.isWrittenBySender(bytes, field.name) {
            out.append(contentsOf: bytes[field.name])
            out.append(ByteClass.colon)
            out.append(ByteClass.space)
            out.append(contentsOf: bytes[field.value])
            out.append(ByteClass.carriageReturn)
            out.append(ByteClass.lineFeed)
        }
    }

    /// Whether a `Connection` field holds `close`.
    var asksToClose: Bool {
        guard !isReadyToSend else { return false }
        return fields.contains { field in
            guard nameMatches(field, "connection") else { return false }
            var found = false
            bytes.span.forEachListElement(in: field.value) { found = found || bytes.span.matches($0, "close") }
            return found
        }
    }

    /// Framing and connection fields: two opinions about where a message ends are what request smuggling is made of.
    private static func isWrittenBySender(_ bytes: [UInt8], _ name: Range<Int>) -> Bool {
        switch name.count {
        case 4: bytes.span.matches(name, "date")
        case 7: bytes.span.matches(name, "upgrade")
        case 10: bytes.span.matches(name, "connection") || bytes.span.matches(name, "keep-alive")
        case 14: bytes.span.matches(name, "content-length")
        case 17: bytes.span.matches(name, "transfer-encoding")
        default: false
        }
    }

    private func nameMatches(_ field: Field, _ name: String) -> Bool {
        var position = Int(field.nameStart)
        guard name.utf8.count == field.name.count else { return false }
        for byte in name.utf8 {
            guard ByteClass.lowercased(byte) == ByteClass.lowercased(bytes[position]) else { return false }
            position += 1
        }
        return true
    }

    private func string(_ range: Range<Int>) -> String {
        String(decoding: bytes[range], as: UTF8.self)
    }
}

extension HTTPHeaders: Equatable {
    /// The same fields in the same order; names without case, values to the octet.
    public static func == (left: HTTPHeaders, right: HTTPHeaders) -> Bool {
        guard left.fields.count == right.fields.count else { return false }
        return zip(left.fields, right.fields).allSatisfy { first, second in
            let names = (left.bytes[first.name], right.bytes[second.name])
            return left.bytes[first.value] == right.bytes[second.value]
                && names.0.count == names.1.count
                && zip(names.0, names.1).allSatisfy { ByteClass.lowercased($0) == ByteClass.lowercased($1) }
        }
    }
}
