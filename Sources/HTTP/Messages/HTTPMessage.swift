/// A request as the server hands it to its handler: complete, checked, its body read.
public struct HTTPRequest: Sendable {
    /// The method's token, for example `GET`.
    public var method: String
    /// The path as it came, still percent-encoded, without the query; starts with `/` (only `OPTIONS *` has `*`).
    public var path: String
    /// What follows `?`, still percent-encoded; `nil` without a `?`.
    public var query: String?
    public var headers: HTTPHeaders
    public var body: [UInt8]
    /// The connection that the request came on.
    public var connection: HTTPServerConnection

    public init(
        method: String, path: String, query: String? = nil, headers: HTTPHeaders = HTTPHeaders(), body: [UInt8] = [],
        connection: HTTPServerConnection
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.connection = connection
    }
}

/// A response, to be sent by the server or as the client received it.
public struct HTTPResponse: Sendable, Equatable {
    /// 200...599 from a handler.
    public var status: Int
    /// From a handler: without `Content-Length`, `Transfer-Encoding` and `Date`, which the server writes itself.
    /// `Connection: close` ends the connection after this response.
    public var headers: HTTPHeaders
    /// To a `HEAD` request: the body that `GET` would have, of which only the length is sent.
    public var body: [UInt8]
    /// If there is one, the body is pulled from it and ``body`` is empty.
    public var stream: HTTPBodyStream?

    public init(status: Int, headers: HTTPHeaders = HTTPHeaders(), body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A response whose body is produced as the connection takes it, and sent in chunks (RFC 9112 §7.1).
    public init(status: Int, headers: HTTPHeaders = HTTPHeaders(), stream: HTTPBodyStream) {
        self.init(status: status, headers: headers)
        self.stream = stream
    }

    /// The whole body, pulled to its end if need be, or of a live one what there is; after that a stream is empty.
    public func collectBody() -> [UInt8] {
        guard let stream else { return body }
        var whole = body
        while stream.produce(&whole) == .more {}
        return whole
    }
}
