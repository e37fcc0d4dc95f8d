import Dispatch
import Glibc
import Synchronization
import Testing

@testable import HTTP

/// A blocking client socket for tests that need octets and segments exactly as they say.
final class RawSocket {
    private(set) var descriptor: Int32
    private var unread: [UInt8] = []

    init(port: UInt16, receiveBuffer: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        try #require(descriptor >= 0)
        if let receiveBuffer { Socket.set(descriptor, SOL_SOCKET, SO_RCVBUF, receiveBuffer) }
        // The deadline of everything that waits here.
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let address = try #require(SocketAddress(numeric: "127.0.0.1", port: port, family: AF_INET))
        let result = address.withSockaddr { connect(descriptor, $0, $1) }
        try #require(result == 0, "connect failed with errno \(errno)")
    }

    deinit { close() }

    func close() {
        if descriptor >= 0 { Socket.close(descriptor) }
        descriptor = -1
    }

    /// Closes with a reset.
    func reset() {
        var abrupt = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &abrupt, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    func shutdownSending() { Socket.shutdownSending(descriptor) }

    func send(_ text: String) { send(Array(text.utf8)) }

    /// Returns how much the peer took before it ended the connection.
    @discardableResult
    func send(_ octets: [UInt8]) -> Int {
        var sent = 0
        while sent < octets.count {
            let result = octets.withUnsafeBytes {
                Socket.send(descriptor, UnsafeRawBufferPointer(rebasing: $0[sent...]))
            }
            guard case .bytes(let count) = result else { break }
            sent += count
        }
        return sent
    }

    /// Some octets; empty at the end of the connection, `nil` if it was reset or the deadline passed.
    func receiveSome() -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return count < 0 ? nil : Array(buffer[..<count])
    }

    /// The next response; `nil` if the connection ends before it does.
    func response(toHead: Bool = false) throws -> HTTPResponse? {
        var parser = HTTPResponseParser()
        while true {
            var position = 0
            let input = unread
            let parsed = try parser.next(input.span, at: &position, isToHead: toHead)
            unread.removeFirst(position)
            if let parsed { return parsed.response }
            guard let more = receiveSome(), !more.isEmpty else { return nil }
            unread += more
        }
    }

    /// Everything up to the end of the connection, which must be an orderly one.
    func rest() throws -> String {
        while true {
            let more = try #require(receiveSome(), "reset, or nothing within the deadline")
            if more.isEmpty { break }
            unread += more
        }
        defer { unread = [] }
        return String(decoding: unread, as: UTF8.self)
    }

    /// Octets up to and with this text.
    func receive(through text: String) throws -> String {
        while !String(decoding: unread, as: UTF8.self).contains(text) {
            let more = try #require(receiveSome(), "reset, or nothing within the deadline")
            try #require(!more.isEmpty, "the connection ended after \(String(decoding: unread, as: UTF8.self))")
            unread += more
        }
        defer { unread = [] }
        return String(decoding: unread, as: UTF8.self)
    }
}

/// Something that happens on a loop and is waited for in a test.
final class Box<Value: Sendable>: Sendable {
    private let values = Mutex([Value]())
    private let semaphore = DispatchSemaphore(value: 0)

    func put(_ value: Value) {
        values.withLock { $0.append(value) }
        semaphore.signal()
    }

    /// The values in order, each once.
    func take() throws -> Value {
        try #require(semaphore.wait(timeout: .now() + 20) == .success, "nothing within the deadline")
        return values.withLock { $0.removeFirst() }
    }

    var isEmpty: Bool { values.withLock { $0.isEmpty } }
}

/// Waits for what no event announces.
func eventually(_ what: Comment, _ condition: () -> Bool) throws {
    let deadline = Monotonic.now() + 20_000_000_000
    while !condition() {
        try #require(Monotonic.now() < deadline, what)
        _ = poll(nil, 0, 1)
    }
}

/// A server on its own loops, drained when the test is over.
final class TestServer {
    let server: HTTPServer
    let port: UInt16
    private var isDrained = false

    init(
        loops: Int = 1, configuration: HTTPServer.Configuration = HTTPServer.Configuration(),
        handler: @escaping HTTPHandler = TestServer.echo
    ) throws {
        server = HTTPServer(
            configuration: configuration, loops: (0..<loops).map { EventLoop(label: "test.\($0)") }, handler: handler)
        port = try server.listen(host: "127.0.0.1", port: 0)
    }

    deinit {
        if !isDrained { server.drain(timeout: .zero) {} }
    }

    /// Drains the server in the test itself.
    func drain(timeout: Duration, completion: @escaping @Sendable () -> Void) {
        isDrained = true
        server.drain(timeout: timeout, completion: completion)
    }

    func connect() throws -> RawSocket { try RawSocket(port: port) }

    func rejections(_ reason: HTTPRejection) -> Int {
        server.statistics.rejections.first { $0.reason == reason }?.count ?? 0
    }

    /// Answers with method, path and body.
    static let echo: HTTPHandler = { request, responder in
        let text = "\(request.method) \(request.path) "
        responder.respond(
            HTTPResponse(
                status: 200, headers: HTTPHeaders([("X-Path", request.path)]), body: Array(text.utf8) + request.body))
    }
}

extension HTTPServer.Configuration {
    static func with(_ change: (inout Self) -> Void) -> Self {
        var configuration = Self()
        change(&configuration)
        return configuration
    }
}

extension HTTPResponse {
    var text: String { String(decoding: body, as: UTF8.self) }
}
