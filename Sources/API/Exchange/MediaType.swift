/// What the API needs to know of media types (RFC 9110 §8.3.1).
enum MediaType {
    /// The type of a `Content-Type` or of one element of `Accept`, without parameters, in lower case.
    private static func essence(_ value: some StringProtocol) -> String {
        let type = value.prefix { $0 != ";" }
        return type.lowercased().filter { $0 != " " && $0 != "\t" }
    }

    static func isJSON(_ contentType: String) -> Bool {
        let type = essence(contentType)
        return type == "application/json" || type.hasSuffix("+json") || type == "text/json"
    }

    static func isSame(_ contentType: String, _ type: String) -> Bool { essence(contentType) == type }

    /// Whether an `Accept` field names JSON, and not only to refuse it.
    static func acceptsJSON(_ accept: String) -> Bool {
        accept.split(separator: ",").contains { element in
            guard essence(element) == "application/json" else { return false }
            let parameters = element.lowercased().filter { $0 != " " && $0 != "\t" }.split(separator: ";").dropFirst()
            return !parameters.contains { ["q=0", "q=0.0", "q=0.00", "q=0.000"].contains($0) }
        }
    }
}
