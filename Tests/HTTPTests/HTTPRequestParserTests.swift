import Testing

@testable import HTTP

/// Small enough for the table of malformed requests to reach.
private let tightLimits: HTTPParserLimits = {
    var limits = HTTPParserLimits()
    limits.maxStartLineBytes = 256
    limits.maxHeaderBytes = 512
    limits.maxHeaderFields = 10
    limits.maxBodyBytes = 100
    limits.maxChunkExtensionBytes = 128
    return limits
}()

@Suite struct MalformedRequestTests {
    @Test func theTableIsAsLargeAsTheKnownAttacks() {
        #expect(MalformedRequest.all.count >= 90)
    }

    @Test(arguments: MalformedRequest.all)
    func isRefusedHoweverItIsCut(_ request: MalformedRequest) {
        let whole = parse([request.octets], limits: tightLimits)
        #expect(whole.rejection == request.rejection, "\(request.name): \(whole.detail ?? "accepted")")
        for pieces in cuts(request.octets) {
            #expect(parse(pieces, limits: tightLimits) == whole, "\(request.name), cut \(pieces.map(\.count))")
        }
    }

    @Test(arguments: MalformedRequest.all)
    func isRefusedBehindAGoodRequest(_ request: MalformedRequest) {
        let good = bytes("POST /first HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
        let both = parse([good + request.octets], limits: tightLimits)
        #expect(both.requests.first?.path == "/first")
        #expect(both.rejection == request.rejection, "\(both.detail ?? "accepted")")
    }
}

@Suite struct WellFormedRequestTests {
    struct Case: CustomTestStringConvertible {
        var text: String
        var path: String
        var query: String?
        var method = "GET"
        var body = ""
        var keepsAlive = true
        var testDescription: String { String(text.prefix(60)) }
    }

    static let cases: [Case] = [
        Case(text: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", path: "/"),
        Case(text: "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", path: "/"),
        Case(text: "GET / HTTP/1.1\r\nhOsT:a:80\r\n\r\n", path: "/"),
        Case(text: "GET / HTTP/1.1\r\nHost: [::1]:9091\r\n\r\n", path: "/"),
        Case(text: "GET / HTTP/1.1\r\nHost:\r\n\r\n", path: "/"),
        Case(text: "GET /a/b?c=d?e&f HTTP/1.1\r\nHost: a\r\n\r\n", path: "/a/b", query: "c=d?e&f"),
        Case(text: "GET /? HTTP/1.1\r\nHost: a\r\n\r\n", path: "/", query: ""),
        Case(
            text: "GET /%2e%00%zz/-._~!$&'()*+,;=:@ HTTP/1.1\r\nHost: a\r\n\r\n", path: "/%2e%00%zz/-._~!$&'()*+,;=:@"),
        Case(text: "GET http://b:80/x?y HTTP/1.1\r\nHost: a\r\n\r\n", path: "/x", query: "y"),
        Case(text: "GET HTTP://b HTTP/1.1\r\nHost: a\r\n\r\n", path: "/"),
        Case(text: "GET http://b?y HTTP/1.1\r\nHost: a\r\n\r\n", path: "/", query: "y"),
        Case(text: "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", path: "*", method: "OPTIONS"),
        Case(text: "OPTIONS http://b HTTP/1.1\r\nHost: a\r\n\r\n", path: "*", method: "OPTIONS"),
        Case(text: "get / HTTP/1.1\r\nHost: a\r\n\r\n", path: "/", method: "get"),
        Case(text: "BREW!#$%&'*+-.^_`|~09 / HTTP/1.1\r\nHost: a\r\n\r\n", path: "/", method: "BREW!#$%&'*+-.^_`|~09"),
        Case(text: "GET / HTTP/1.2\r\nHost: a\r\n\r\n", path: "/"),
        Case(text: "GET / HTTP/1.0\r\n\r\n", path: "/", keepsAlive: false),
        Case(text: "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", path: "/"),
        Case(text: "GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n", path: "/", keepsAlive: false),
        Case(
            text: "GET / HTTP/1.0\r\nConnection: close\r\nConnection: keep-alive\r\n\r\n", path: "/", keepsAlive: false),
        Case(text: "GET / HTTP/1.1\r\nHost: a\r\nX:  \t b\tc \r\nY:\r\nZ: é\r\n\r\n", path: "/"),
        Case(
            text: "GET / HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nContent-Length: 0\r\nHost: a\r\n"
                + "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\nUpgrade: h2c\r\n\r\n",
            path: "/"),
        Case(
            text: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", path: "/", method: "POST", body: "abc"),
        Case(text: "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3 \r\n\r\n\r\n\r", path: "/", body: "\r\n\r"),
        Case(
            text: "POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\nx", path: "/", method: "POST", body: "x",
            keepsAlive: false),
        Case(text: chunked("0\r\n\r\n"), path: "/", method: "PUT"),
        Case(text: chunked("3\r\nabc\r\n00002\r\nde\r\n000\r\n\r\n"), path: "/", method: "PUT", body: "abcde"),
        Case(
            text: chunked("A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n"), path: "/", method: "PUT",
            body: "01234567890123456789"),
        Case(
            text: chunked("1;a\r\nx\r\n1;a=b;c=\"d;\\\"\r\"\r\n".replacingReturn + "y\r\n0;z\r\n\r\n"), path: "/",
            method: "PUT", body: "xy"),
        Case(text: chunked("1 ; a = b\r\nx\r\n0\r\n\r\n"), path: "/", method: "PUT", body: "x"),
        Case(text: chunked("1\r\nx\r\n0\r\nX-Checksum: abc\r\nY:\r\n\r\n"), path: "/", method: "PUT", body: "x"),
        Case(
            text: "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\n\r\n1\r\nx\r\n0\r\n\r\n", path: "/",
            method: "PUT",
            body: "x"),
    ]

    private static func chunked(_ body: String) -> String {
        "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\(body)"
    }

    @Test(arguments: cases)
    func isReadTheSameHoweverItIsCut(_ expected: Case) throws {
        let octets = bytes(expected.text)
        let whole = parse([octets])
        let request = try #require(whole.requests.first, "\(whole.detail ?? "incomplete")")
        #expect(whole.requests.count == 1 && whole.rejection == nil && !whole.isIncomplete)
        #expect(request.method == expected.method)
        #expect(request.path == expected.path)
        #expect(request.query == expected.query)
        #expect(request.body == bytes(expected.body))
        #expect(request.keepsAlive == expected.keepsAlive)
        for pieces in cuts(octets) {
            #expect(parse(pieces) == whole, "cut \(pieces.map(\.count))")
        }
        #expect(parse([octets + octets]).requests == [request, request])
    }

    @Test func everyAcceptedRequestPipelinedInOneStreamGivesTheSame() {
        let stream = Self.cases.flatMap { bytes($0.text) }
        let separately = Self.cases.flatMap { parse([bytes($0.text)]).requests }
        #expect(parse([stream]).requests == separately)
        #expect(parse(stream.map { [$0] }).requests == separately)
        for size in [2, 3, 7, 64, 1000] {
            let pieces = stride(from: 0, to: stream.count, by: size).map {
                Array(stream[$0..<min($0 + size, stream.count)])
            }
            #expect(parse(pieces).requests == separately, "pieces of \(size)")
        }
    }

    @Test func everyProperPrefixIsIncomplete() {
        for request in Self.cases {
            let octets = bytes(request.text)
            for length in octets.indices {
                let parsed = parse([Array(octets[..<length])])
                #expect(
                    parsed.requests.isEmpty && parsed.rejection == nil, "\(request.testDescription), \(length) octets")
            }
        }
    }

    @Test func headerFieldsAreThere() throws {
        let request = try #require(
            parse([bytes("GET / HTTP/1.1\r\nHost: a\r\nX-One:  1 2 \r\nx-one:3\r\nEmpty:\r\n\r\n")]).requests.first)
        #expect(request.headers.count == 4)
        #expect(request.headers["host"] == "a")
        #expect(request.headers["X-ONE"] == "1 2")
        #expect(request.headers.all("x-One") == ["1 2", "3"])
        #expect(request.headers["empty"] == "")
        #expect(request.headers["absent"] == nil)
    }

    @Test func exactlyTheLimitsAreAccepted() {
        var limits = HTTPParserLimits()
        let line = "GET /\(String(repeating: "a", count: 50)) HTTP/1.1"
        let fields = "Host: a\r\nX: \(String(repeating: "b", count: 50))\r\n\r\n"
        limits.maxStartLineBytes = line.utf8.count
        limits.maxHeaderBytes = fields.utf8.count
        limits.maxHeaderFields = 2
        let octets = bytes("\(line)\r\n\(fields)")
        for pieces in cuts(octets) {
            #expect(parse(pieces, limits: limits).requests.count == 1, "cut \(pieces.map(\.count))")
        }
        limits.maxHeaderBytes -= 1
        #expect(parse([octets], limits: limits).rejection == .headerTooLarge)
    }

    /// Which of two faults is named must not hang on how much of the line had come when it was looked at. Found by fuzzing.
    @Test(arguments: [
        ("GET /abcdefgh HTTP/1.1\nHost: a\r\n\r\n", HTTPRejection.uriTooLong),
        ("GET / HTTP/1.1\nHost: a\r\n\r\n", .malformedRequest),
        ("GET / HTTP/1.1\r\nHost: abcdefghij\n\r\n", .headerTooLarge),
        ("GET / HTTP/1.1\r\nHost: a\n\r\n", .malformedRequest),
    ])
    func aLineTooLongThatEndsWithLFAloneIsTooLong(text: String, rejection: HTTPRejection) {
        var limits = HTTPParserLimits()
        limits.maxStartLineBytes = 16
        limits.maxHeaderBytes = 12
        for pieces in cuts(bytes(text)) {
            #expect(parse(pieces, limits: limits).rejection == rejection, "cut \(pieces.map(\.count))")
        }
    }

    @Test func continueIsDueOnceAndOnlyBeforeTheBody() throws {
        let head = "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 3\r\n\r\n"
        func expectation(_ text: String) throws -> Bool {
            var parser = HTTPRequestParser()
            var position = 0
            let octets = bytes(text)
            _ = try parser.next(octets.span, at: &position)
            return parser.takeContinueExpectation() && !parser.takeContinueExpectation()
        }
        #expect(try expectation(head))
        #expect(try !expectation(head + "a"))
        #expect(try !expectation(head + "abc"))
        #expect(try !expectation(head.replacing("HTTP/1.1", with: "HTTP/1.0")))
        #expect(try !expectation(head.replacing("Length: 3", with: "Length: 0")))
    }

    /// Whatever comes, the parser neither traps nor stops: every octet flipped, dropped or doubled in every good request.
    @Test func mutationsAreReadTheSameHoweverTheyAreCut() {
        for request in Self.cases.prefix(30) {
            let octets = bytes(request.text)
            for index in octets.indices {
                for replacement: [UInt8] in [
                    [], [octets[index] ^ 0x20], [octets[index], octets[index]], [0x0D], [0x0A], [0xFF],
                ] {
                    let mutated = Array(octets[..<index]) + replacement + Array(octets[(index + 1)...])
                    #expect(parse([mutated]) == parse(mutated.map { [$0] }))
                }
            }
        }
    }
}

extension String {
    /// A quoted extension may hold no CR.
    fileprivate var replacingReturn: String { replacing("\r\"\r\n", with: "\"\r\n") }
}
