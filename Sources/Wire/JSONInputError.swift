/// What is wrong with a JSON text that came from outside.
public struct JSONInputError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The raw value is the stable code that clients are told.
    public enum Code: String, Sendable {
        case malformed = "invalid_json"
        case missingField = "missing_field"
        case wrongType = "invalid_type"
        case outOfRange = "out_of_range"
    }

    public var code: Code
    /// The path of the field, such as `partitions[3].offsetLag`; `nil` when it is the text as a whole.
    public var field: String?
    /// What would be right, or what was found, to follow the field's name in a sentence.
    public var problem: String

    public init(code: Code, field: String? = nil, problem: String) {
        self.code = code
        self.field = field
        self.problem = problem
    }

    public var description: String {
        field.map { "field `\($0)` \(problem)" } ?? problem
    }

    package static func missing(_ field: String) -> Self {
        Self(code: .missingField, field: field, problem: "is missing")
    }

    package static func wrongType(_ field: String, wanted: String, found: JSONValue) -> Self {
        Self(code: .wrongType, field: field, problem: "must be \(wanted), not \(found.typeName)")
    }

    static func outOfRange(_ field: String, _ range: ClosedRange<Int64>) -> Self {
        Self(
            code: .outOfRange, field: field,
            problem: "must be at least \(range.lowerBound) and at most \(range.upperBound)")
    }

    /// The same error seen from one level further out.
    package func inside(_ outer: String) -> Self {
        var error = self
        error.field = field.map { "\(outer).\($0)" } ?? outer
        return error
    }
}
