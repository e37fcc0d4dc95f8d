/// Writes responses (RFC 9112 §4, §6) at the end of a connection's output.
enum ResponseEncoder {
    enum ConnectionField { case none, close, keepAlive }

    /// How the recipient learns where the body ends (RFC 9112 §6.3).
    enum BodyFraming {
        /// There is none, which is not the same as an empty one (RFC 9110 §8.6).
        case none
        case length(Int)
        case chunked
        /// With the connection: HTTP/1.0 knows no chunks.
        case close
    }

    static func framing(of response: HTTPResponse, isVersion10: Bool) -> BodyFraming {
        if response.status == 204 || response.status == 304 { return .none }
        guard let stream = response.stream else { return .length(response.body.count) }
        if let length = stream.length { return .length(length) }
        return isVersion10 ? .close : .chunked
    }

    /// Everything before the body.
    static func encodeHead(
        _ response: HTTPResponse, framing: BodyFraming, connection: ConnectionField, date: [UInt8],
        into out: inout [UInt8]
    ) {
        appendStatusLine(response.status, to: &out)
        out.append(contentsOf: date)
        switch connection {
        case .none: break
        case .close: out.append("Connection: close\r\n")
        case .keepAlive: out.append("Connection: keep-alive\r\n")
        }
        response.headers.append(to: &out)
        switch framing {
        case .length(let length):
            out.append("Content-Length: ")
            out.append(decimal: length)
            out.append("\r\n")
        case .chunked: out.append("Transfer-Encoding: chunked\r\n")
        case .none, .close: break
        }
        out.append("\r\n")
    }

    /// Appends `piece` as one chunk. An empty one would end the body.
    static func appendChunk(_ piece: [UInt8], to out: inout [UInt8]) {
        guard !piece.isEmpty else { return }
        out.append(contentsOf: String(piece.count, radix: 16).utf8)
        out.append("\r\n")
        out.append(contentsOf: piece)
        out.append("\r\n")
    }

    static func appendLastChunk(to out: inout [UInt8]) { out.append("0\r\n\r\n") }

    private static func appendStatusLine(_ status: Int, to out: inout [UInt8]) {
        switch status {
        case 200: out.append("HTTP/1.1 200 OK\r\n")
        case 201: out.append("HTTP/1.1 201 Created\r\n")
        case 204: out.append("HTTP/1.1 204 No Content\r\n")
        case 404: out.append("HTTP/1.1 404 Not Found\r\n")
        case 503: out.append("HTTP/1.1 503 Service Unavailable\r\n")
        default:
            precondition((200...599).contains(status), "\(status) is no final HTTP status")
            out.append("HTTP/1.1 ")
            out.append(decimal: status)
            out.append(ByteClass.space)
            out.append(contentsOf: reason(status).utf8)
            out.append("\r\n")
        }
    }

    /// The phrases of RFC 9110 §15 and RFC 6585, for the statuses that servers of this kind give.
    static func reason(_ status: Int) -> String {
        switch status {
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 204: "No Content"
        case 206: "Partial Content"
        case 301: "Moved Permanently"
        case 302: "Found"
        case 303: "See Other"
        case 304: "Not Modified"
        case 307: "Temporary Redirect"
        case 308: "Permanent Redirect"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 406: "Not Acceptable"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 410: "Gone"
        case 411: "Length Required"
        case 412: "Precondition Failed"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 417: "Expectation Failed"
        case 421: "Misdirected Request"
        case 422: "Unprocessable Content"
        case 428: "Precondition Required"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        case 507: "Insufficient Storage"
        default: "Status"
        }
    }

    /// The server's own answer to a request it cannot hand on (RFC 9457).
    static func problem(_ error: HTTPParseError) -> HTTPResponse {
        let status = error.rejection.status
        var body: [UInt8] = []
        body.append("{\"status\":")
        body.append(decimal: status)
        body.append(",\"title\":\"")
        body.append(contentsOf: reason(status).utf8)
        body.append("\",\"detail\":\"")
        for byte in error.detail.utf8 {
            // Details are our own sentences, without control characters.
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { body.append(UInt8(ascii: "\\")) }
            body.append(byte)
        }
        body.append("\",\"code\":\"")
        body.append(contentsOf: error.rejection.rawValue.utf8)
        body.append("\"}")
        var headers = HTTPHeaders([("Content-Type", "application/problem+json")])
        if status == 503 { headers.add("Retry-After", "1") }
        return HTTPResponse(status: status, headers: headers, body: body)
    }
}
