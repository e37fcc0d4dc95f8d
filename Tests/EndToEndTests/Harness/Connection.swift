import Foundation
import Glibc

enum TransportError: Error, Equatable, CustomStringConvertible {
    case refused
    case closed
    case timedOut
    case malformed(String)
    case system(String, Int32)

    var description: String {
        switch self {
        case .refused: "connection refused"
        case .closed: "connection closed"
        case .timedOut: "no answer in time"
        case .malformed(let text): "malformed answer: \(text)"
        case .system(let call, let number): "\(call): \(String(cString: strerror(number)))"
        }
    }
}

/// A client of the tests' own, blocking and simple: what is tested can not hide its mistakes from itself.
final class Connection {
    private let descriptor: Int32
    private var buffer: [UInt8] = []
    private var deadline: ContinuousClock.Instant
    private let patience: Duration

    convenience init(port: Int, patience: Duration = .seconds(20)) throws(TransportError) {
        try self.init(to: Address(port: port), patience: patience)
    }

    init(to address: Address, patience: Duration = .seconds(20)) throws(TransportError) {
        self.patience = patience
        deadline = .now + patience
        descriptor = address.within {
            socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        }
        guard descriptor >= 0 else { throw .system("socket", errno) }
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        var name = sockaddr_in(address)
        let result = withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        // All is set, so that deinit runs when the initializer throws: it closes the descriptor, once.
        if result != 0 { try awaitConnection(errno) }
    }

    private func awaitConnection(_ number: Int32) throws(TransportError) {
        var number = number
        if number == EINPROGRESS {
            try waitUntilReady(Int16(POLLOUT))
            var length = socklen_t(MemoryLayout<Int32>.size)
            getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &number, &length)
        }
        if number != 0 { throw number == ECONNREFUSED ? .refused : .system("connect", number) }
    }

    deinit { close(descriptor) }

    func send(_ text: String) throws(TransportError) { try send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) throws(TransportError) {
        deadline = .now + patience
        var rest = bytes[...]
        while !rest.isEmpty {
            try waitUntilReady(Int16(POLLOUT))
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
            }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno == EPIPE || errno == ECONNRESET {
                throw .closed
            } else if errno != EINTR && errno != EAGAIN {
                throw .system("send", errno)
            }
        }
    }

    /// No more is to come from this side.
    func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// The next answer. Answers to HEAD have no body whatever their fields say.
    func receive(toHead: Bool = false) throws(TransportError) -> Answer {
        deadline = .now + patience
        while true {
            let end = try readHead()
            let head = String(decoding: buffer[..<end], as: UTF8.self)
            buffer.removeFirst(end + 4)
            var answer = try Answer(head: head)
            if (100..<200).contains(answer.status) && answer.status != 101 { continue }
            if !toHead && answer.status != 204 && answer.status != 304 { answer.body = try readBody(answer) }
            return answer
        }
    }

    /// Reads until the other side ends the connection.
    func receiveToEnd() throws(TransportError) -> [UInt8] {
        deadline = .now + patience
        while try fill() {}
        defer { buffer = [] }
        return buffer
    }

    private func readHead() throws(TransportError) -> Int {
        let mark: [UInt8] = [13, 10, 13, 10]
        var searched = 0
        while true {
            if let range = buffer[max(0, searched - 3)...].firstRange(of: mark) { return range.lowerBound }
            searched = buffer.count
            guard try fill() else { throw .closed }
        }
    }

    private func readBody(_ answer: Answer) throws(TransportError) -> [UInt8] {
        if answer.header("Transfer-Encoding")?.lowercased() == "chunked" { return try readChunks() }
        guard let text = answer.header("Content-Length") else {
            while try fill() {}
            defer { buffer = [] }
            return buffer
        }
        guard let length = Int(text) else { throw .malformed("Content-Length: \(text)") }
        return try take(length)
    }

    private func readChunks() throws(TransportError) -> [UInt8] {
        var body: [UInt8] = []
        while true {
            while buffer.firstRange(of: [13, 10]) == nil {
                guard try fill() else { throw .closed }
            }
            let end = buffer.firstRange(of: [13, 10])!.lowerBound
            let line = String(decoding: buffer[..<end], as: UTF8.self)
            guard let size = Int(line, radix: 16) else { throw .malformed("chunk size \(line)") }
            buffer.removeFirst(end + 2)
            body += try take(size)
            guard try take(2) == [13, 10] else { throw .malformed("end of chunk") }
            if size == 0 { return body }
        }
    }

    private func take(_ count: Int) throws(TransportError) -> [UInt8] {
        while buffer.count < count {
            guard try fill() else { throw .closed }
        }
        defer { buffer.removeFirst(count) }
        return Array(buffer[..<count])
    }

    /// Whether anything came; `false` at the end of the stream.
    private func fill() throws(TransportError) -> Bool {
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            try waitUntilReady(Int16(POLLIN))
            let count = recv(descriptor, &chunk, chunk.count, Int32(MSG_DONTWAIT))
            if count > 0 {
                buffer += chunk[..<count]
                return true
            }
            if count == 0 { return false }
            if errno == ECONNRESET { throw .closed }
            if errno != EINTR && errno != EAGAIN { throw .system("recv", errno) }
        }
    }

    private func waitUntilReady(_ events: Int16) throws(TransportError) {
        let left = deadline - .now
        guard left > .zero else { throw .timedOut }
        var poll = pollfd(fd: descriptor, events: events, revents: 0)
        let result = Glibc.poll(&poll, 1, Int32(clamping: left.milliseconds + 1))
        if result == 0 { throw .timedOut }
        if result < 0 && errno != EINTR { throw .system("poll", errno) }
    }
}

extension Duration {
    var milliseconds: Int { Int(components.seconds) * 1000 + Int(components.attoseconds / 1_000_000_000_000_000) }
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
