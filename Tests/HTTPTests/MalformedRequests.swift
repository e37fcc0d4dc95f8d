import HTTP
import Testing

/// A request that must be refused, whole or cut anywhere.
struct MalformedRequest: CustomTestStringConvertible {
    var name: String
    var section: String
    var octets: [UInt8]
    var rejection: HTTPRejection

    init(_ name: String, _ section: String, _ text: String, _ rejection: HTTPRejection = .malformedRequest) {
        self.init(name, section, Array(text.utf8), rejection)
    }

    init(_ name: String, _ section: String, _ octets: [UInt8], _ rejection: HTTPRejection = .malformedRequest) {
        self.name = name
        self.section = section
        self.octets = octets
        self.rejection = rejection
    }

    var testDescription: String { "\(name) (\(section))" }

    static let all = lines + targets + versions + fields + hosts + lengths + codings + chunks + trailers + others

    /// A request with these field lines behind `Host`, each to end with CRLF.
    private static func post(_ fields: String, body: String = "") -> String {
        "POST /p HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\(body)"
    }

    private static func chunked(_ body: String) -> String {
        post("Transfer-Encoding: chunked\r\n", body: body)
    }

    static let lines: [MalformedRequest] = [
        .init("LF alone behind the request line", "RFC 9112 2.2", "GET / HTTP/1.1\nHost: a\r\n\r\n"),
        .init("LF alone behind a field", "RFC 9112 2.2", "GET / HTTP/1.1\r\nHost: a\n\r\n"),
        .init("LF alone as the head's end", "RFC 9112 2.2", "GET / HTTP/1.1\r\nHost: a\r\n\n"),
        .init("LF alone everywhere", "RFC 9112 2.2", "GET / HTTP/1.1\nHost: a\n\n"),
        .init("CR alone behind the request line", "RFC 9112 2.2", "GET / HTTP/1.1\rHost: a\r\n\r\n"),
        .init("CR alone in a field value", "RFC 9112 2.2", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n"),
        .init("CR alone between fields", "RFC 9112 2.2", "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n"),
        .init("CR CR LF behind a field", "RFC 9112 2.2", "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n"),
        .init("CR alone in the request line", "RFC 9112 2.2", "GET /\r HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init("two empty lines before the request", "RFC 9112 2.2", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init("LF alone before the request", "RFC 9112 2.2", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init("Host: a:b:c]", "RFC 9112 3.2", "GET / HTTP/1.1\r\nHost: a:b:c]\r\n\r\n"),
        .init("Host: a:b", "RFC 9112 3.2", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n"),
        .init("Host: [::1", "RFC 9112 3.2", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"),
        .init("Host: ::1", "RFC 9112 3.2", "GET / HTTP/1.1\r\nHost: ::1\r\n\r\n"),
        .init("Host: [::g]", "RFC 9112 3.2", "GET / HTTP/1.1\r\nHost: [::g]\r\n\r\n"),
        .init("Host: []", "RFC 9112 3.2", "GET / HTTP/1.1\r\nHost: []\r\n\r\n"),
        .init("Host: [1.2.3.4]", "RFC 9112 3.2", "GET / HTTP/1.1\r\nHost: [1.2.3.4]\r\n\r\n"),
        .init("Host: [::1]x", "RFC 9112 3.2", "GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n"),
        .init("Host: [::1]:x", "RFC 9112 3.2", "GET / HTTP/1.1\r\nHost: [::1]:x\r\n\r\n"),
        .init("Host: a:80:90", "RFC 9112 3.2", "GET / HTTP/1.1\r\nHost: a:80:90\r\n\r\n"),
        .init("Host: a%", "RFC 9112 3.2", "GET / HTTP/1.1\r\nHost: a%\r\n\r\n"),
        .init("Host: a%2", "RFC 9112 3.2", "GET / HTTP/1.1\r\nHost: a%2\r\n\r\n"),
        .init("Host: a%zz", "RFC 9112 3.2", "GET / HTTP/1.1\r\nHost: a%zz\r\n\r\n"),
        .init("Host: x[y]", "RFC 9112 3.2", "GET / HTTP/1.1\r\nHost: x[y]\r\n\r\n"),
        .init("a host with two ports in the target", "RFC 9112 3.2.2", "GET http://a:1:2/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init("space before the method", "RFC 9112 3", " GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init("tab behind the method", "RFC 9112 3", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init("two spaces behind the method", "RFC 9112 3", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init("two spaces before the version", "RFC 9112 3", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init("tab before the version", "RFC 9112 3", "GET /\tHTTP/1.1\r\nHost: a\r\n\r\n"),
        .init("space behind the version", "RFC 9112 3", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
        .init("only a method", "RFC 9112 3", "GET\r\nHost: a\r\n\r\n"),
        .init("method with a colon", "RFC 9110 9.1", "G:T / HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init("method with brackets", "RFC 9110 9.1", "G[E]T / HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init("method outside ASCII", "RFC 9110 9.1", "GÉT / HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init("no method", "RFC 9112 3", "/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init("a status line", "RFC 9112 2.1", "HTTP/1.1 200 OK\r\nHost: a\r\n\r\n"),
        .init("TLS ClientHello", "RFC 9112 2.2", [0x16, 0x03, 0x01, 0x02, 0x00, 0x01]),
        .init("NUL as the first octet", "RFC 9112 2.2", [0, 0x47, 0x45, 0x54]),
        .init("PROXY protocol version 2", "RFC 9112 2.2", [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51]),
    ]

    static let targets: [MalformedRequest] = [
        .init("target without a slash", "RFC 9112 3.2", "GET index HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init("fragment in the target", "RFC 9112 3.2", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init("octet outside ASCII in the target", "RFC 3986 2", "GET /ä HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init("backslash in the target", "RFC 3986 2", "GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init("NUL in the target", "RFC 3986 2", "GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init("DEL in the target", "RFC 3986 2", "GET /a\u{7F}b HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init("quotation mark in the query", "RFC 3986 3.4", "GET /?a=\"b\" HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init("space in the target", "RFC 9112 3.2", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init("asterisk with GET", "RFC 9112 3.2.4", "GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init("authority with GET", "RFC 9112 3.2.3", "GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init("URL of another scheme", "RFC 9112 3.2.2", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init("URL without a host", "RFC 9110 4.2.1", "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init("URL with a port only", "RFC 9110 4.2.1", "GET http://:80/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init("URL with user information", "RFC 9110 4.2.4", "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        .init("URL without Host", "RFC 9112 3.2", "GET http://a/ HTTP/1.1\r\n\r\n"),
        .init("CONNECT", "RFC 9110 9.3.6", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", .notImplemented),
        .init(
            "request line over the limit", "RFC 9112 3", "GET /\(String(repeating: "a", count: 300)) HTTP/1.1\r\n",
            .uriTooLong),
        .init("endless request line", "RFC 9112 3", "GET /\(String(repeating: "a", count: 300))", .uriTooLong),
    ]

    static let versions: [MalformedRequest] = [
        .init("no version (HTTP/0.9)", "RFC 9112 3", "GET /\r\nHost: a\r\n\r\n"),
        .init("HTTP/0.9", "RFC 9110 2.5", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", .versionNotSupported),
        .init("HTTP/2.0", "RFC 9110 2.5", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", .versionNotSupported),
        .init("HTTP/2 preface", "RFC 9113 3.4", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .versionNotSupported),
        .init("HTTP/9.9", "RFC 9110 2.5", "GET / HTTP/9.9\r\nHost: a\r\n\r\n", .versionNotSupported),
        .init("version in lower case", "RFC 9112 2.3", "GET / http/1.1\r\nHost: a\r\n\r\n"),
        .init("version with a leading zero", "RFC 9112 2.3", "GET / HTTP/01.1\r\nHost: a\r\n\r\n"),
        .init("version with two minor digits", "RFC 9112 2.3", "GET / HTTP/1.10\r\nHost: a\r\n\r\n"),
        .init("version without a minor", "RFC 9112 2.3", "GET / HTTP/1\r\nHost: a\r\n\r\n"),
        .init("version with a comma", "RFC 9112 2.3", "GET / HTTP/1,1\r\nHost: a\r\n\r\n"),
        .init("version with a space", "RFC 9112 2.3", "GET / HTTP/1. 1\r\nHost: a\r\n\r\n"),
        .init("another protocol", "RFC 9112 2.3", "GET / HTCPCP/1.0\r\nHost: a\r\n\r\n"),
    ]

    static let fields: [MalformedRequest] = [
        .init("space before the colon", "RFC 9112 5.1", "GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n"),
        .init("tab before the colon", "RFC 9112 5.1", "GET / HTTP/1.1\r\nHost: a\r\nX\t: b\r\n\r\n"),
        .init("space before Host's colon", "RFC 9112 5.1", "GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
        .init("folded line", "RFC 9112 5.2", "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n"),
        .init("line folded with a tab", "RFC 9112 5.2", "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\tc\r\n\r\n"),
        .init("space before the first field", "RFC 9112 2.2", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
        .init("tab before the first field", "RFC 9112 2.2", "GET / HTTP/1.1\r\n\tHost: a\r\n\r\n"),
        .init("only spaces in a line", "RFC 9112 5.2", "GET / HTTP/1.1\r\nHost: a\r\n  \r\n\r\n"),
        .init("no colon", "RFC 9112 5", "GET / HTTP/1.1\r\nHost: a\r\nBad\r\n\r\n"),
        .init("no name", "RFC 9112 5", "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n"),
        .init("space in a name", "RFC 9110 5.1", "GET / HTTP/1.1\r\nHost: a\r\nX Y: b\r\n\r\n"),
        .init("bracket in a name", "RFC 9110 5.1", "GET / HTTP/1.1\r\nHost: a\r\nX(Y: b\r\n\r\n"),
        .init("NUL in a name", "RFC 9110 5.1", "GET / HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n"),
        .init("octet outside ASCII in a name", "RFC 9110 5.1", "GET / HTTP/1.1\r\nHost: a\r\nXä: b\r\n\r\n"),
        .init("NUL in a value", "RFC 9110 5.5", "GET / HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n"),
        .init("BEL in a value", "RFC 9110 5.5", "GET / HTTP/1.1\r\nHost: a\r\nX: b\u{7}\r\n\r\n"),
        .init("DEL in a value", "RFC 9110 5.5", "GET / HTTP/1.1\r\nHost: a\r\nX: b\u{7F}\r\n\r\n"),
        .init("vertical tab in a value", "RFC 9110 5.5", "GET / HTTP/1.1\r\nHost: a\r\nX:\u{B}b\r\n\r\n"),
        .init("escape in a value", "RFC 9110 5.5", "GET / HTTP/1.1\r\nHost: a\r\nX: \u{1B}[2J\r\n\r\n"),
        .init(
            "header over the limit of bytes", "RFC 6585 5",
            "GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "b", count: 600))\r\n\r\n", .headerTooLarge),
        .init(
            "endless field", "RFC 6585 5", "GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "b", count: 600))",
            .headerTooLarge),
        .init(
            "header over the limit of fields", "RFC 6585 5",
            "GET / HTTP/1.1\r\nHost: a\r\n\(String(repeating: "X: b\r\n", count: 12))\r\n", .headerTooLarge),
    ]

    static let hosts: [MalformedRequest] = [
        .init("no Host", "RFC 9112 3.2", "GET / HTTP/1.1\r\nX: a\r\n\r\n"),
        .init("no field at all", "RFC 9112 3.2", "GET / HTTP/1.1\r\n\r\n"),
        .init("two Hosts", "RFC 9112 3.2", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
        .init("the same Host twice", "RFC 9112 3.2", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n"),
        .init("two Hosts in HTTP/1.0", "RFC 9112 3.2", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"),
        .init("Host with user information", "RFC 9110 7.2", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"),
        .init("Host with a path", "RFC 9110 7.2", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
        .init("Host with a query", "RFC 9110 7.2", "GET / HTTP/1.1\r\nHost: a?b\r\n\r\n"),
        .init("Host with a space", "RFC 9110 7.2", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
        .init("Host with a list", "RFC 9110 7.2", "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n"),
        .init("Host with a backslash", "RFC 9110 7.2", "GET / HTTP/1.1\r\nHost: a\\b\r\n\r\n"),
    ]

    static let lengths: [MalformedRequest] = [
        .init("plus sign", "RFC 9110 8.6", post("Content-Length: +1\r\n", body: "x")),
        .init("minus sign", "RFC 9110 8.6", post("Content-Length: -1\r\n")),
        .init("hexadecimal", "RFC 9110 8.6", post("Content-Length: 0x1\r\n", body: "x")),
        .init("underscore", "RFC 9110 8.6", post("Content-Length: 1_0\r\n")),
        .init("fraction", "RFC 9110 8.6", post("Content-Length: 1.0\r\n", body: "x")),
        .init("exponent", "RFC 9110 8.6", post("Content-Length: 1e1\r\n")),
        .init("empty", "RFC 9110 8.6", post("Content-Length:\r\n")),
        .init("word", "RFC 9110 8.6", post("Content-Length: ten\r\n")),
        .init("space inside", "RFC 9110 8.6", post("Content-Length: 1 0\r\n")),
        .init("quoted", "RFC 9110 8.6", post("Content-Length: \"1\"\r\n", body: "x")),
        .init("leading zero", "RFC 9110 8.6", post("Content-Length: 01\r\n", body: "x")),
        .init("digits outside ASCII", "RFC 9110 8.6", post("Content-Length: ١\r\n", body: "x")),
        .init("list of equal lengths", "RFC 9112 6.3", post("Content-Length: 1, 1\r\n", body: "x")),
        .init("list of two lengths", "RFC 9112 6.3", post("Content-Length: 1, 2\r\n", body: "x")),
        .init("two lengths", "RFC 9112 6.3", post("Content-Length: 1\r\nContent-Length: 2\r\n", body: "x")),
        .init("the same length twice", "RFC 9112 6.3", post("Content-Length: 1\r\ncontent-length: 1\r\n", body: "x")),
        .init("overflow by one", "RFC 9110 8.6", post("Content-Length: 9223372036854775808\r\n")),
        .init("overflow by far", "RFC 9110 8.6", post("Content-Length: 99999999999999999999999999\r\n")),
        .init("over the limit", "RFC 9110 15.5.14", post("Content-Length: 101\r\n"), .bodyTooLarge),
        .init("the largest number", "RFC 9110 15.5.14", post("Content-Length: 9223372036854775807\r\n"), .bodyTooLarge),
    ]

    static let codings: [MalformedRequest] = [
        .init(
            "length and chunked", "RFC 9112 6.1",
            post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", body: "0\r\n\r\n")),
        .init(
            "chunked and length", "RFC 9112 6.1",
            post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", body: "0\r\n\r\n")),
        .init("unknown coding and length", "RFC 9112 6.1", post("Transfer-Encoding: x\r\nContent-Length: 5\r\n")),
        .init("chunked in HTTP/1.0", "RFC 9112 6.1", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        .init("chunked twice", "RFC 9112 7.1", post("Transfer-Encoding: chunked, chunked\r\n", body: "0\r\n\r\n")),
        .init(
            "two fields", "RFC 9112 6.1",
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", body: "0\r\n\r\n")),
        .init(
            "chunked, then another", "RFC 9112 6.1",
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n")),
        .init("empty", "RFC 9112 6.1", post("Transfer-Encoding:\r\n")),
        .init("trailing comma", "RFC 9112 6.1", post("Transfer-Encoding: chunked,\r\n", body: "0\r\n\r\n")),
        .init("leading comma", "RFC 9112 6.1", post("Transfer-Encoding: ,chunked\r\n", body: "0\r\n\r\n")),
        .init("parameter", "RFC 9112 7", post("Transfer-Encoding: chunked;q=1\r\n", body: "0\r\n\r\n")),
        .init("quoted", "RFC 9112 7", post("Transfer-Encoding: \"chunked\"\r\n", body: "0\r\n\r\n")),
        .init("vertical tab before it", "RFC 9110 5.5", post("Transfer-Encoding: \u{B}chunked\r\n", body: "0\r\n\r\n")),
        .init("space before the colon", "RFC 9112 5.1", post("Transfer-Encoding : chunked\r\n", body: "0\r\n\r\n")),
        .init("folded", "RFC 9112 5.2", post("Transfer-Encoding:\r\n chunked\r\n", body: "0\r\n\r\n")),
        .init("identity", "RFC 9112 6.3", post("Transfer-Encoding: identity\r\n")),
        .init("xchunked", "RFC 9112 6.3", post("Transfer-Encoding: xchunked\r\n")),
        .init("gzip, chunked", "RFC 9112 6.1", post("Transfer-Encoding: gzip, chunked\r\n"), .notImplemented),
        .init("chunked, gzip", "RFC 9112 6.3", post("Transfer-Encoding: chunked, gzip\r\n")),
    ]

    static let chunks: [MalformedRequest] = [
        .init("no size", "RFC 9112 7.1", chunked("\r\nabc\r\n0\r\n\r\n")),
        .init("plus sign", "RFC 9112 7.1", chunked("+3\r\nabc\r\n0\r\n\r\n")),
        .init("minus sign", "RFC 9112 7.1", chunked("-3\r\nabc\r\n0\r\n\r\n")),
        .init("0x", "RFC 9112 7.1", chunked("0x3\r\nabc\r\n0\r\n\r\n")),
        .init("underscore", "RFC 9112 7.1", chunked("1_0\r\nabc\r\n0\r\n\r\n")),
        .init("no digit of any base", "RFC 9112 7.1", chunked("G\r\nabc\r\n0\r\n\r\n")),
        .init("space before the size", "RFC 9112 7.1", chunked(" 3\r\nabc\r\n0\r\n\r\n")),
        .init("space behind the size", "RFC 9112 7.1", chunked("3 \r\nabc\r\n0\r\n\r\n")),
        .init("tab behind the size", "RFC 9112 7.1", chunked("3\t\r\nabc\r\n0\r\n\r\n")),
        .init("overflow of 64 bits", "RFC 9112 7.1", chunked("FFFFFFFFFFFFFFFF1\r\n")),
        .init("the largest 64 bits", "RFC 9112 7.1", chunked("FFFFFFFFFFFFFFFF\r\n")),
        .init("endless zeros", "RFC 9112 7.1", chunked("00000000000000000000003\r\nabc\r\n0\r\n\r\n")),
        .init("LF alone behind the size", "RFC 9112 7.1", chunked("3\nabc\r\n0\r\n\r\n")),
        .init("CR alone behind the size", "RFC 9112 7.1", chunked("3\rabc\r\n0\r\n\r\n")),
        .init("LF alone behind the data", "RFC 9112 7.1", chunked("3\r\nabc\n0\r\n\r\n")),
        .init("CR alone behind the data", "RFC 9112 7.1", chunked("3\r\nabc\r0\r\n\r\n")),
        .init("nothing behind the data", "RFC 9112 7.1", chunked("3\r\nabc0\r\n\r\n")),
        .init("more data than the size", "RFC 9112 7.1", chunked("3\r\nabcd\r\n0\r\n\r\n")),
        .init("less data than the size", "RFC 9112 7.1", chunked("5\r\nabc\r\n0\r\n\r\nGET /")),
        .init("extension without a name", "RFC 9112 7.1.1", chunked("3;\r\nabc\r\n0\r\n\r\n")),
        .init("extension without a value", "RFC 9112 7.1.1", chunked("3;a=\r\nabc\r\n0\r\n\r\n")),
        .init("LF alone in an extension", "RFC 9112 7.1.1", chunked("3;a\nabc\r\n0\r\n\r\n")),
        .init("CR alone in an extension", "RFC 9112 7.1.1", chunked("3;a\rX\r\nabc\r\n0\r\n\r\n")),
        .init("LF in a quoted extension", "RFC 9112 7.1.1", chunked("3;a=\"\n\"\r\nabc\r\n0\r\n\r\n")),
        .init("NUL in an extension", "RFC 9112 7.1.1", chunked("3;a\0\r\nabc\r\n0\r\n\r\n")),
        .init("space behind an extension", "RFC 9112 7.1.1", chunked("3;a \r\nabc\r\n0\r\n\r\n")),
        .init(
            "extensions over the limit", "RFC 9112 7.1.1", chunked("3;\(String(repeating: "a", count: 200))\r\nabc\r\n")
        ),
        .init(
            "extensions over the limit together", "RFC 9112 7.1.1",
            chunked(String(repeating: "1;abcdefghijklmno\r\nx\r\n", count: 10))),
        .init("chunk over the limit", "RFC 9110 15.5.14", chunked("65\r\n"), .bodyTooLarge),
        .init(
            "chunks over the limit together", "RFC 9110 15.5.14",
            chunked(String(repeating: "a\r\n0123456789\r\n", count: 11)), .bodyTooLarge),
        .init("the largest chunk", "RFC 9110 15.5.14", chunked("FFFFFFFFFFFFFFF\r\n"), .bodyTooLarge),
    ]

    static let trailers: [MalformedRequest] = [
        .init("Content-Length", "RFC 9110 6.5.1", chunked("0\r\nContent-Length: 5\r\n\r\n")),
        .init("Transfer-Encoding", "RFC 9110 6.5.1", chunked("0\r\nTransfer-Encoding: chunked\r\n\r\n")),
        .init("Host", "RFC 9110 6.5.1", chunked("0\r\nHost: b\r\n\r\n")),
        .init("space before the colon", "RFC 9112 5.1", chunked("0\r\nX : b\r\n\r\n")),
        .init("folded", "RFC 9112 5.2", chunked("0\r\nX: b\r\n c\r\n\r\n")),
        .init("LF alone", "RFC 9112 2.2", chunked("0\r\nX: b\n\r\n")),
        .init("LF alone as the end", "RFC 9112 7.1", chunked("0\r\n\n")),
        .init("no CRLF behind the last chunk", "RFC 9112 7.1", chunked("0\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")),
        .init("NUL in a value", "RFC 9110 5.5", chunked("0\r\nX: \0\r\n\r\n")),
        .init(
            "over the limit of bytes", "RFC 6585 5", chunked("0\r\nX: \(String(repeating: "b", count: 600))\r\n\r\n"),
            .headerTooLarge),
        .init(
            "over the limit of fields", "RFC 6585 5", chunked("0\r\n\(String(repeating: "X: b\r\n", count: 12))\r\n"),
            .headerTooLarge),
    ]

    static let others: [MalformedRequest] = [
        .init("unknown expectation", "RFC 9110 10.1.1", post("Expect: 200-ok\r\n"), .expectationFailed),
        .init("two expectations", "RFC 9110 10.1.1", post("Expect: 100-continue, x\r\n"), .expectationFailed),
        .init(
            "a good request, then a bad one", "RFC 9112 2.2",
            "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost : a\r\n\r\n"),
        .init("a body of unstated length read as a request", "RFC 9112 6.3", post("", body: "{\"a\":1}\r\n\r\n")),
    ]
}
