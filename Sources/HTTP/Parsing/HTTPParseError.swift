/// Why the server answers a request itself; the raw values are the stable `code`s of those answers.
public enum HTTPRejection: String, Sendable, CaseIterable {
    case malformedRequest = "malformed_request"
    case requestTimeout = "request_timeout"
    case bodyTooLarge = "body_too_large"
    case uriTooLong = "uri_too_long"
    case expectationFailed = "expectation_failed"
    case headerTooLarge = "header_too_large"
    case notImplemented = "not_implemented"
    case overloaded = "overloaded"
    case versionNotSupported = "version_not_supported"

    public var status: Int {
        switch self {
        case .malformedRequest: 400
        case .requestTimeout: 408
        case .bodyTooLarge: 413
        case .uriTooLong: 414
        case .expectationFailed: 417
        case .headerTooLarge: 431
        case .notImplemented: 501
        case .overloaded: 503
        case .versionNotSupported: 505
        }
    }
}

/// A message that breaks RFC 9112 or a limit. Nothing after it can be understood: the connection must end.
public struct HTTPParseError: Error, Sendable, Equatable {
    public var rejection: HTTPRejection
    /// What exactly is wrong, as a sentence.
    public var detail: String

    public init(_ rejection: HTTPRejection, _ detail: String) {
        self.rejection = rejection
        self.detail = detail
    }

    static func malformed(_ detail: String) -> HTTPParseError {
        HTTPParseError(.malformedRequest, detail)
    }
}

/// Bounds on what a parser holds for one message.
public struct HTTPParserLimits: Sendable {
    /// Of the request line or status line, without its line break.
    public var maxStartLineBytes = 8 * 1024
    /// Of all header fields together, with their line breaks; again of the trailer fields.
    public var maxHeaderBytes = 16 * 1024
    /// Of header fields; again of trailer fields.
    public var maxHeaderFields = 100
    public var maxBodyBytes = 2 * 1024 * 1024
    /// Of all chunk extensions of one body together.
    public var maxChunkExtensionBytes = 4 * 1024

    public init() {}
}
