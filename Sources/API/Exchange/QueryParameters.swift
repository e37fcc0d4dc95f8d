import Server

/// The parameters of a query string. Of two with one name the first counts.
struct QueryParameters {
    private let query: String?

    init(_ query: String?) { self.query = query }

    /// A client that asks for what is not there must be told, and not get something else.
    func refuseUnknown(_ known: [String]) throws(Problem) {
        guard let query else { return }
        for pair in query.utf8.split(separator: UInt8(ascii: "&")) {
            let name = pair.prefix { $0 != UInt8(ascii: "=") }
            let decoded = PercentDecoding.decode(name, plusIsSpace: true) ?? []
            guard !known.contains(where: { decoded.elementsEqual($0.utf8) }) else { continue }
            let those = known.isEmpty ? "none are known" : "known are \(known.joined(separator: ", "))"
            throw Problem(.unknownParameter, "there is no parameter `\(String(Substring(name)))` here; \(those)")
        }
    }

    /// For one that has no meaning where others are passed over.
    func refuse(_ name: String) throws(Problem) {
        guard try bytes(name) == nil else {
            throw Problem(.unknownParameter, "there is no parameter `\(name)` here")
        }
    }

    /// The decoded octets of the value; empty for a name without `=`.
    func bytes(_ name: String) throws(Problem) -> [UInt8]? {
        guard let query else { return nil }
        for pair in query.utf8.split(separator: UInt8(ascii: "&")) {
            let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard let found = PercentDecoding.decode(parts[0], plusIsSpace: true), found.elementsEqual(name.utf8) else {
                continue
            }
            guard parts.count == 2 else { return [] }
            guard let value = PercentDecoding.decode(parts[1], plusIsSpace: true) else {
                throw Problem(.invalidParameter, "parameter `\(name)`: % must be followed by two hexadecimal digits")
            }
            return value
        }
        return nil
    }

    func text(_ name: String) throws(Problem) -> String? {
        guard let bytes = try bytes(name) else { return nil }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Problem(.invalidParameter, "parameter `\(name)` must be UTF-8")
        }
        return text
    }

    func integer(_ name: String, in range: ClosedRange<UInt64>) throws(Problem) -> UInt64? {
        guard let text = try text(name) else { return nil }
        guard let number = UInt64(text), range.contains(number) else {
            throw Problem(
                .invalidParameter,
                "parameter `\(name)` must be an integer from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func bool(_ name: String) throws(Problem) -> Bool? {
        switch try text(name) {
        case nil: nil
        case "true": true
        case "false": false
        default: throw Problem(.invalidParameter, "parameter `\(name)` must be true or false")
        }
    }

    /// Whether `view=full` is asked for; without it the parameters that go with it are errors.
    func isFullView(with parameters: String...) throws(Problem) -> Bool {
        switch try text("view") {
        case "full": return true
        case nil: break
        default: throw Problem(.invalidParameter, "parameter `view` must be full")
        }
        for name in parameters where try bytes(name) != nil {
            throw Problem(.invalidParameter, "parameter `\(name)` is for view=full")
        }
        return false
    }

    func consistency(default: Consistency) throws(Problem) -> Consistency {
        guard query != nil else { return `default` }
        switch try text("consistency") {
        case nil: return `default`
        case "linearizable": return .linearizable
        case "stale": return .stale
        default: throw Problem(.invalidParameter, "parameter `consistency` must be linearizable or stale")
        }
    }
}
