@testable import HTTP

/// The parsers of HTTP: what they find depends on the octets alone and not on how these were cut, what they keep is
/// bounded, and a request written again is the same request.
enum HTTPTargets {
    private struct Found<Message: Equatable>: Equatable {
        var messages: [Message] = []
        var error: HTTPParseError?
        var isIncomplete = false
    }

    static func request(_ input: inout FuzzInput) {
        let limits = limits(&input)
        let (octets, pieces) = pieces(&input)
        let whole = requests([octets], limits)
        let bytewise = requests(octets.map { [$0] }, limits)
        expect(whole == bytewise, "whole \(whole), byte by byte \(bytewise)")
        let cut = requests(pieces, limits)
        expect(whole == cut, "whole \(whole), cut \(cut)")
        if let error = whole.error {
            let statuses = [400, 413, 414, 417, 431, 501, 505]
            expect(statuses.contains(error.rejection.status), "a parser can not say \(error.rejection.status)")
            expect(!error.detail.isEmpty, "an error without a word")
        }
        for request in whole.messages {
            expect(request.body.count <= limits.maxBodyBytes, "a body of \(request.body.count) bytes")
            expect(request.headers.count <= limits.maxHeaderFields, "\(request.headers.count) fields")
            checkWrittenAgain(request)
        }
    }

    static func response(_ input: inout FuzzInput) {
        let limits = limits(&input)
        let isToHead = input.flag()
        let (octets, pieces) = pieces(&input)
        let whole = responses([octets], limits, isToHead)
        let bytewise = responses(octets.map { [$0] }, limits, isToHead)
        expect(whole == bytewise, "whole \(whole), byte by byte \(bytewise)")
        let cut = responses(pieces, limits, isToHead)
        expect(whole == cut, "whole \(whole), cut \(cut)")
        for parsed in whole.messages {
            expect((200...999).contains(parsed.response.status), "a final status \(parsed.response.status)")
            expect(parsed.response.body.count <= limits.maxBodyBytes, "a body of \(parsed.response.body.count) bytes")
            expect(!isToHead || parsed.response.body.isEmpty, "a body to HEAD")
        }
    }

    // MARK: Feeding

    /// The usual limits, or such as short inputs reach.
    private static func limits(_ input: inout FuzzInput) -> HTTPParserLimits {
        var limits = HTTPParserLimits()
        guard input.flag() else { return limits }
        limits.maxStartLineBytes = 40
        limits.maxHeaderBytes = 80
        limits.maxHeaderFields = 4
        limits.maxBodyBytes = 24
        limits.maxChunkExtensionBytes = 12
        return limits
    }

    /// The octets, and the same in up to four pieces.
    private static func pieces(_ input: inout FuzzInput) -> (whole: [UInt8], cut: [[UInt8]]) {
        let places = (0..<3).map { _ in Int(input.byte()) }
        let octets = input.rest()
        var pieces: [[UInt8]] = []
        var start = 0
        for place in places.map({ $0 < octets.count ? $0 : $0 * octets.count / 256 }).sorted() + [octets.count] {
            pieces.append(Array(octets[start..<place]))
            start = place
        }
        return (octets, pieces)
    }

    private static func requests(_ pieces: [[UInt8]], _ limits: HTTPParserLimits) -> Found<HTTPParsedRequest> {
        var parser = HTTPRequestParser(limits: limits)
        var found = Found<HTTPParsedRequest>()
        for piece in pieces {
            var position = 0
            do throws(HTTPParseError) {
                while let request = try parser.next(piece.span, at: &position) {
                    found.messages.append(request)
                    expect(!parser.takeContinueExpectation(), "a complete request that waits for 100 Continue")
                }
            } catch {
                found.error = error
                return found
            }
            expect(position == piece.count, "octets left over: \(position) of \(piece.count)")
            expect(parser.isMidRequest || !parser.takeContinueExpectation(), "100 Continue for nobody")
        }
        found.isIncomplete = parser.isMidRequest
        checkKept(parser, limits)
        return found
    }

    private static func responses(
        _ pieces: [[UInt8]], _ limits: HTTPParserLimits, _ isToHead: Bool
    ) -> Found<HTTPParsedResponse> {
        var parser = HTTPResponseParser(limits: limits)
        var found = Found<HTTPParsedResponse>()
        for piece in pieces {
            var position = 0
            do throws(HTTPParseError) {
                while let response = try parser.next(piece.span, at: &position, isToHead: isToHead) {
                    found.messages.append(response)
                }
            } catch {
                found.error = error
                return found
            }
            expect(position == piece.count, "octets left over: \(position) of \(piece.count)")
        }
        checkKept(parser, limits)
        found.isIncomplete = parser.isMidResponse
        if let last = parser.endOfInput() { found.messages.append(last) }
        return found
    }

    // MARK: Properties

    /// What a parser holds of one message is bounded by the limits, however much has come.
    private static func checkKept(_ parser: Any, _ limits: HTTPParserLimits) {
        let bound = HeadScanner.capacity(limits) + limits.maxHeaderBytes + limits.maxBodyBytes
        let kept = octets(in: parser)
        // Arrays grow by doubling; a body's first allocation may be 64 KiB.
        expect(kept <= 2 * bound + 64 * 1024, "\(kept) octets kept, with limits of \(bound)")
    }

    /// The capacities of all byte arrays below `value`.
    private static func octets(in value: Any) -> Int {
        if let bytes = value as? [UInt8] { return bytes.capacity }
        return Mirror(reflecting: value).children.reduce(0) { $0 + octets(in: $1.value) }
    }

    /// The same request in its plainest form reads as the same request.
    private static func checkWrittenAgain(_ request: HTTPParsedRequest) {
        let target = request.path + (request.query.map { "?" + $0 } ?? "")
        var octets = Array("\(request.method) \(target) HTTP/1.\(request.isVersion10 ? 0 : 1)\r\n".utf8)
        let headers = request.headers
        for field in headers.fields {
            let name = String(decoding: headers.bytes[field.name], as: UTF8.self)
            if ["content-length", "transfer-encoding"].contains(name.lowercased()) { continue }
            octets += headers.bytes[field.name] + Array(": ".utf8) + headers.bytes[field.value] + Array("\r\n".utf8)
        }
        octets += Array("Content-Length: \(request.body.count)\r\n\r\n".utf8) + request.body
        var wide = HTTPParserLimits()
        wide.maxStartLineBytes *= 2
        wide.maxHeaderBytes *= 2
        wide.maxHeaderFields *= 2
        let again = requests([octets], wide)
        guard again.error == nil, again.messages.count == 1, let copy = again.messages.first else {
            fail("\(request) written again reads as \(again)")
        }
        let isSame =
            copy.method == request.method && copy.path == request.path && copy.query == request.query
            && copy.body == request.body && copy.keepsAlive == request.keepsAlive
            && copy.isVersion10 == request.isVersion10
        expect(isSame, "\(request) written again reads as \(copy)")
    }
}
