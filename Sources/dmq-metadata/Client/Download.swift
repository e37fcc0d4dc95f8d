import Glibc
import HTTP

/// One request whose answer may be of any length: its body is handed on as it comes, by the thread that waits for it.
enum Download {
    /// - Parameters:
    ///   - silence: How many seconds a node may take to begin its answer, and may be silent within it.
    ///   - take: A piece of the body of an answer with status 200, and how long all of it is if that is known.
    /// - Returns: The answer, without that body.
    static func send(
        _ request: ClientRequest, to endpoint: Endpoint, silence: Int, take: ([UInt8], _ total: Int64?) -> Void
    ) -> Result<HTTPResponse, HTTPClientError> {
        do throws(HTTPClientError) {
            let descriptor = try connect(to: endpoint, silence: silence)
            defer { close(descriptor) }
            try write(head(of: request, endpoint), to: descriptor)
            return .success(try receive(descriptor, take))
        } catch {
            return .failure(error)
        }
    }

    private static func head(of request: ClientRequest, _ endpoint: Endpoint) -> [UInt8] {
        let host = String("\(endpoint)".dropFirst("http://".count))
        return Array("\(request.method) \(request.path) HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\r\n".utf8)
    }

    private static func connect(to endpoint: Endpoint, silence: Int) throws(HTTPClientError) -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(endpoint.host, String(endpoint.port), &hints, &found)
        guard code == 0 else { throw .resolutionFailed(String(cString: gai_strerror(code))) }
        defer { freeaddrinfo(found) }
        var error = EADDRNOTAVAIL
        var next = found
        while let address = next?.pointee {
            let descriptor = socket(address.ai_family, address.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), 0)
            if descriptor >= 0 {
                setPatience(descriptor, silence: silence)
                if Glibc.connect(descriptor, address.ai_addr, address.ai_addrlen) == 0 { return descriptor }
                error = errno == EINPROGRESS ? ETIMEDOUT : errno
                close(descriptor)
            }
            next = address.ai_next
        }
        throw .connectionFailed(errno: error)
    }

    /// The answer may be long in coming, but a machine that is gone is noticed.
    private static func setPatience(_ descriptor: Int32, silence: Int) {
        set(descriptor, SOL_SOCKET, SO_SNDTIMEO, timeval(tv_sec: 5, tv_usec: 0))
        set(descriptor, SOL_SOCKET, SO_RCVTIMEO, timeval(tv_sec: silence, tv_usec: 0))
        set(descriptor, SOL_SOCKET, SO_KEEPALIVE, Int32(1))
        for (option, value) in [(TCP_KEEPIDLE, 10), (TCP_KEEPINTVL, 5), (TCP_KEEPCNT, 4)] {
            set(descriptor, Int32(IPPROTO_TCP), option, Int32(value))
        }
    }

    private static func set<Value>(_ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: Value) {
        withUnsafeBytes(of: value) { _ = setsockopt(descriptor, level, option, $0.baseAddress, socklen_t($0.count)) }
    }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) throws(HTTPClientError) {
        guard Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
            throw .connectionClosed
        }
    }

    private static func receive(
        _ descriptor: Int32, _ take: ([UInt8], Int64?) -> Void
    ) throws(HTTPClientError) -> HTTPResponse {
        var buffer = [UInt8](repeating: 0, count: 256 * 1024)
        var limits = HTTPParserLimits()
        limits.maxBodyBytes = .max
        var parser = HTTPResponseParser(limits: limits)
        var refusal: [UInt8] = []
        while true {
            let count = try read(descriptor, &buffer)
            var position = 0
            let complete: HTTPResponse?
            do throws(HTTPParseError) {
                complete = try parser.next(buffer.span.extracting(0..<count), at: &position, isToHead: false)?.response
            } catch {
                throw .invalidResponse(error.detail)
            }
            guard var response = complete ?? parser.unfinished else { continue }
            let piece = complete?.body ?? parser.takeBody()
            if response.status == 200 {
                take(piece, response.headers["Content-Length"].flatMap { Int64($0) })
                response.body = []
            } else {
                refusal += piece
                guard refusal.count <= 1 << 20 else {
                    throw .invalidResponse("a long answer with status \(response.status)")
                }
                response.body = refusal
            }
            if complete != nil { return response }
        }
    }

    private static func read(_ descriptor: Int32, _ buffer: inout [UInt8]) throws(HTTPClientError) -> Int {
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count > 0 { return count }
            if count < 0, errno == EINTR { continue }
            throw count < 0 && errno == EAGAIN ? .timedOut : .connectionClosed
        }
    }
}
