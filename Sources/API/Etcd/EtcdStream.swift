import HTTP
import Wire

/// What streams of the gateway are made of: lines, each one chunk (clients parse every chunk by itself).
enum EtcdStream {
    static let headers = HTTPHeaders([(name: "Content-Type", value: "application/json")])

    /// A stream of one message.
    static func whole(_ message: [UInt8]) -> HTTPResponse {
        HTTPResponse(
            status: 200, headers: headers,
            stream: HTTPBodyStream { out in
                out.append(contentsOf: message)
                out.append(UInt8(ascii: "\n"))
                return false
            })
    }

    /// An error before the first message.
    static func head(_ error: EtcdError) -> HTTPResponse {
        HTTPResponse(status: error.code.status, headers: headers, body: line(error))
    }

    static func line(_ error: EtcdError) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.objectField("error") { json in
                json.field("grpc_code", error.code.rawValue)
                json.field("http_code", error.code.status)
                json.field("message", error.text)
                json.field("http_status", error.code.statusText)
            }
        }
        return json.bytes + [UInt8(ascii: "\n")]
    }
}
