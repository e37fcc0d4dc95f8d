@testable import HTTP

/// What came out of a parser: the requests, then the error that ended it, if any.
struct Parsed: Equatable {
    var requests: [HTTPParsedRequest] = []
    var rejection: HTTPRejection?
    var detail: String?
    /// Whether the pieces ended within a request.
    var isIncomplete = false
}

/// Feeds the pieces one after the other, as a connection would.
func parse(_ pieces: [[UInt8]], limits: HTTPParserLimits = HTTPParserLimits()) -> Parsed {
    var parser = HTTPRequestParser(limits: limits)
    var parsed = Parsed()
    for piece in pieces {
        var position = 0
        while position < piece.count {
            do throws(HTTPParseError) {
                guard let request = try parser.next(piece.span, at: &position) else { break }
                parsed.requests.append(request)
            } catch {
                parsed.rejection = error.rejection
                parsed.detail = error.detail
                return parsed
            }
        }
    }
    parsed.isIncomplete = parser.isMidRequest
    return parsed
}

/// The octets cut in two at every place, and one by one.
func cuts(_ bytes: [UInt8]) -> [[[UInt8]]] {
    let halves = bytes.indices.dropFirst().map { [Array(bytes[..<$0]), Array(bytes[$0...])] }
    return [[bytes], bytes.map { [$0] }] + halves
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
