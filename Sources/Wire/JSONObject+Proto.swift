import FoundationEssentials

// JSON as Protocol Buffers map to it (proto3, "JSON Mapping"): what etcd's clients send.
extension JSONObject {
    /// Of a unary call: the first value of the text, whatever follows; an empty text is an empty object.
    package init(firstOf text: [UInt8]) throws(JSONInputError) {
        self = try Self.sequence(text, limit: 1).first ?? JSONObject()
    }

    /// The objects that stand one behind the other, at most `limit`.
    package static func sequence(_ text: [UInt8], limit: Int) throws(JSONInputError) -> [JSONObject] {
        var parser = JSONParser(text)
        var objects: [JSONObject] = []
        while objects.count < limit, let value = try parser.parseNext() {
            guard case .object(let object) = value else {
                throw JSONInputError(code: .wrongType, problem: "the text must be a JSON object")
            }
            objects.append(object)
        }
        return objects
    }

    /// The field by its name in the `.proto` file, or in lowerCamelCase; `nil` if absent or `null`.
    private func field(_ name: String) -> JSONValue? {
        let value = fields.last { $0.name == name || Self.isCamelCase($0.name, of: name) }?.value
        return value == .null ? nil : value
    }

    /// Octet by octet: most fields of a message are absent, and each is looked for in every request.
    private static func isCamelCase(_ camel: String, of name: String) -> Bool {
        var rest = camel.utf8[...]
        var isUpper = false
        for byte in name.utf8 {
            if byte == UInt8(ascii: "_") {
                isUpper = true
                continue
            }
            guard rest.popFirst() == (isUpper ? byte & 0xdf : byte) else { return false }
            isUpper = false
        }
        return rest.isEmpty
    }

    /// An int64 as a number or a string; 0 if absent.
    package func int64(_ name: String) throws(JSONInputError) -> Int64 {
        switch field(name) {
        case nil: return 0
        case .integer(let number)?: return number
        case .string(let text)?:
            guard let number = Int64(text), !text.hasPrefix("+") else {
                throw JSONInputError(code: .outOfRange, field: name, problem: "is no integer: \(text)")
            }
            return number
        case let value?: throw .wrongType(name, wanted: "an integer", found: value)
        }
    }

    package func flag(_ name: String) throws(JSONInputError) -> Bool {
        switch field(name) {
        case nil: return false
        case .bool(let flag)?: return flag
        case let value?: throw .wrongType(name, wanted: "a boolean", found: value)
        }
    }

    /// Base64 with its padding; `nil` if absent.
    package func octets(_ name: String) throws(JSONInputError) -> [UInt8]? {
        switch field(name) {
        case nil: return nil
        case .string(let text)?:
            guard let data = Data(base64Encoded: text) else {
                throw JSONInputError(code: .outOfRange, field: name, problem: "is no base64")
            }
            return [UInt8](data)
        case let value?: throw .wrongType(name, wanted: "a string of base64", found: value)
        }
    }

    /// The number of an enumerator, by its name or its number; 0 if absent.
    package func enumerator(_ name: String, _ names: [String]) throws(JSONInputError) -> Int {
        guard let value = field(name) else { return 0 }
        return try Self.enumerator(value, name, names)
    }

    package func enumerators(_ name: String, _ names: [String]) throws(JSONInputError) -> [Int] {
        guard let value = field(name) else { return [] }
        guard case .array(let values) = value else { throw .wrongType(name, wanted: "an array", found: value) }
        var numbers: [Int] = []
        for value in values { numbers.append(try Self.enumerator(value, name, names)) }
        return numbers
    }

    private static func enumerator(
        _ value: JSONValue, _ name: String, _ names: [String]
    ) throws(JSONInputError) -> Int {
        switch value {
        case .integer(let number) where names.indices.contains(Int(truncatingIfNeeded: number)):
            return Int(truncatingIfNeeded: number)
        case .string(let text):
            if let number = names.firstIndex(of: text) { return number }
            throw JSONInputError(code: .outOfRange, field: name, problem: "has no enumerator \(text)")
        case .integer(let number):
            throw JSONInputError(code: .outOfRange, field: name, problem: "has no enumerator \(number)")
        default: throw .wrongType(name, wanted: "an enumerator", found: value)
        }
    }

    package func message(_ name: String) throws(JSONInputError) -> JSONObject? {
        switch field(name) {
        case nil: return nil
        case .object(let object)?: return object
        case let value?: throw .wrongType(name, wanted: "an object", found: value)
        }
    }

    package func messages(_ name: String) throws(JSONInputError) -> [JSONObject] {
        guard let value = field(name) else { return [] }
        guard case .array(let values) = value else { throw .wrongType(name, wanted: "an array", found: value) }
        var messages: [JSONObject] = []
        for value in values {
            guard case .object(let object) = value else { throw .wrongType(name, wanted: "objects", found: value) }
            messages.append(object)
        }
        return messages
    }

    /// Whether there is something other than `null`.
    package func hasField(_ name: String) -> Bool { field(name) != nil }

    package func text(_ name: String) throws(JSONInputError) -> String {
        switch field(name) {
        case nil: return ""
        case .string(let text)?: return text
        case let value?: throw .wrongType(name, wanted: "a string", found: value)
        }
    }
}
