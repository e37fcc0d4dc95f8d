/// A parsed JSON value.
package enum JSONValue: Equatable, Sendable {
    case null
    case bool(Bool)
    /// A number without a fractional part, however it was written (`3`, `3.0`, `3e0`).
    case integer(Int64)
    /// Any other number, also an integer that is out of the range of `Int64`.
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    package var typeName: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .integer: "an integer"
        case .number: "a fraction"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

/// A JSON object that came from outside, read field by field: every accessor says exactly which field is missing, of
/// the wrong type or out of range. Fields that nobody asks for are ignored; of two with one name the last counts.
public struct JSONObject: Equatable, Sendable {
    struct Field: Equatable, Sendable {
        var name: String
        var value: JSONValue
    }

    var fields: [Field] = []

    /// Parses a text whose whole is one object.
    public init(parsing text: [UInt8]) throws(JSONInputError) {
        var parser = JSONParser(text)
        guard case .object(let object) = try parser.parse() else {
            throw JSONInputError(code: .wrongType, problem: "the text must be a JSON object")
        }
        self = object
    }

    package init() {}

    package func find(_ name: String, _ alias: String? = nil) -> JSONValue? {
        if let field = fields.last(where: { $0.name == name }) { return field.value }
        return alias.flatMap { find($0) }
    }

    // MARK: Required fields

    /// - Parameter alias: another name that is taken when `name` is absent.
    public func integer(
        _ name: String, or alias: String? = nil, in range: ClosedRange<Int64>
    ) throws(JSONInputError) -> Int64 {
        guard let value = find(name, alias) else { throw .missing(name) }
        return try Self.integer(value, name, range)
    }

    public func string(_ name: String) throws(JSONInputError) -> String {
        guard let value = find(name) else { throw .missing(name) }
        guard case .string(let text) = value else { throw .wrongType(name, wanted: "a string", found: value) }
        return text
    }

    public func bool(_ name: String) throws(JSONInputError) -> Bool {
        guard let value = find(name) else { throw .missing(name) }
        guard case .bool(let flag) = value else { throw .wrongType(name, wanted: "a boolean", found: value) }
        return flag
    }

    /// The array's elements, all objects, each read by `read`; errors name the element.
    public func objects<Element>(
        _ name: String, atMost limit: Int = .max, _ read: (JSONObject) throws(JSONInputError) -> Element
    ) throws(JSONInputError) -> [Element] {
        guard let value = find(name) else { throw .missing(name) }
        guard case .array(let values) = value else { throw .wrongType(name, wanted: "an array", found: value) }
        guard values.count <= limit else {
            throw JSONInputError(
                code: .outOfRange, field: name, problem: "must have at most \(limit) elements, not \(values.count)")
        }
        var elements: [Element] = []
        elements.reserveCapacity(values.count)
        for (offset, value) in values.enumerated() {
            guard case .object(let object) = value else {
                throw .wrongType("\(name)[\(offset)]", wanted: "an object", found: value)
            }
            do {
                elements.append(try read(object))
            } catch {
                throw error.inside("\(name)[\(offset)]")
            }
        }
        return elements
    }

    // MARK: Optional fields, for which `null` is as good as absent

    public func integerIfPresent(_ name: String, in range: ClosedRange<Int64>) throws(JSONInputError) -> Int64? {
        guard let value = find(name), value != .null else { return nil }
        return try Self.integer(value, name, range)
    }

    public func stringIfPresent(_ name: String) throws(JSONInputError) -> String? {
        guard let value = find(name), value != .null else { return nil }
        return try string(name)
    }

    public func boolIfPresent(_ name: String) throws(JSONInputError) -> Bool? {
        guard let value = find(name), value != .null else { return nil }
        return try bool(name)
    }

    /// The nested object, read by `read`; errors name both levels.
    public func objectIfPresent<Value>(
        _ name: String, _ read: (JSONObject) throws(JSONInputError) -> Value
    ) throws(JSONInputError) -> Value? {
        guard let value = find(name), value != .null else { return nil }
        guard case .object(let object) = value else { throw .wrongType(name, wanted: "an object", found: value) }
        do {
            return try read(object)
        } catch {
            throw error.inside(name)
        }
    }

    private static func integer(
        _ value: JSONValue, _ name: String, _ range: ClosedRange<Int64>
    ) throws(JSONInputError) -> Int64 {
        switch value {
        case .integer(let number) where range.contains(number): return number
        case .integer: throw .outOfRange(name, range)
        case .number(let number) where number.magnitude >= 0x1p63: throw .outOfRange(name, range)
        default: throw .wrongType(name, wanted: "an integer", found: value)
        }
    }
}
