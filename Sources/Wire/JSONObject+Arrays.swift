// Arrays that may be missing or `null`, as in what brokers are told.
extension JSONObject {
    package func objectsIfPresent<Element>(
        _ name: String, _ read: (JSONObject) throws(JSONInputError) -> Element
    ) throws(JSONInputError) -> [Element]? {
        isPresent(name) ? try objects(name, read) : nil
    }

    package func integersIfPresent(_ name: String) throws(JSONInputError) -> [Int64]? {
        try elementsIfPresent(name, "an array of integers") {
            if case .integer(let number) = $0 { number } else { nil }
        }
    }

    package func integerArraysIfPresent(_ name: String) throws(JSONInputError) -> [[Int64]]? {
        try elementsIfPresent(name, "an array of arrays of integers") { value in
            guard case .array(let elements) = value else { return nil }
            let numbers = elements.compactMap { if case .integer(let number) = $0 { number } else { nil } }
            return numbers.count == elements.count ? numbers : nil
        }
    }

    package func stringsIfPresent(_ name: String) throws(JSONInputError) -> [String]? {
        try elementsIfPresent(name, "an array of strings") { if case .string(let text) = $0 { text } else { nil } }
    }

    private func isPresent(_ name: String) -> Bool {
        fields.last { $0.name == name }.map { $0.value != .null } ?? false
    }

    private func elementsIfPresent<Element>(
        _ name: String, _ wanted: String, _ read: (JSONValue) -> Element?
    ) throws(JSONInputError) -> [Element]? {
        guard isPresent(name), let value = fields.last(where: { $0.name == name })?.value else { return nil }
        guard case .array(let values) = value else { throw .wrongType(name, wanted: wanted, found: value) }
        let elements = values.compactMap(read)
        guard elements.count == values.count else { throw .wrongType(name, wanted: wanted, found: value) }
        return elements
    }
}
