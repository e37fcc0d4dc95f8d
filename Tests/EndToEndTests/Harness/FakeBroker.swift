import Foundation
import Glibc
import Synchronization

/// A broker's side of the pushes: takes them, remembers them, and answers as slowly as it is told.
final class FakeBroker: Sendable {
    struct Push {
        var path: String
        var body: JSON
    }

    let port: Int
    private let descriptor: Int32
    private let delay: Int32
    private let refusals: Mutex<Int>
    private let received = Mutex<[Push]>([])

    /// `delay` in milliseconds before each answer; the first `refusals` pushes are answered with 500.
    init(delay: Int32 = 0, refusals: Int = 0) throws {
        self.delay = delay
        self.refusals = Mutex(refusals)
        port = try Ports.unused(1)[0]
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var one: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in(Address(port: port))
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard bound == 0, listen(descriptor, 16) == 0 else { throw TransportError.system("listen", errno) }
        let listening = descriptor
        Thread.detachNewThread { [weak self] in
            while true {
                let accepted = accept(listening, nil, nil)
                guard accepted >= 0 else { return }
                Thread.detachNewThread { [weak self] in
                    while let push = Self.read(accepted) { self?.take(push, accepted) }
                    close(accepted)
                }
            }
        }
    }

    deinit { stop() }

    /// Takes no more connections; ends the listening thread.
    func stop() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    var pushes: [Push] { received.withLock { $0 } }

    func pushes(_ type: String) -> [JSON] { pushes.map(\.body).filter { $0["updateType"]?.string == type } }

    /// Waits for a push of that type that `matches`.
    func waitFor(_ type: String, where matches: (JSON) -> Bool = { _ in true }) throws -> JSON {
        try eventually("a push \(type); there were \(pushes.map(\.body))") { pushes(type).last(where: matches) }
    }

    private func take(_ push: Push, _ connection: Int32) {
        received.withLock { $0.append(push) }
        if delay > 0 { pause(milliseconds: delay) }
        let isRefused = refusals.withLock { left in
            defer { left = max(0, left - 1) }
            return left > 0
        }
        let answer = "HTTP/1.1 \(isRefused ? "500 Internal Server Error" : "200 OK")\r\nContent-Length: 0\r\n\r\n"
        _ = answer.withCString { send(connection, $0, strlen($0), Int32(MSG_NOSIGNAL)) }
    }

    /// The next request of a connection; `nil` at its end.
    private static func read(_ connection: Int32) -> Push? {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            if let end = bytes.firstRange(of: [13, 10, 13, 10]) {
                let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
                let length =
                    lines.first { $0.lowercased().hasPrefix("content-length:") }
                    .flatMap { Int($0.dropFirst(15).trimmingCharacters(in: .whitespaces)) } ?? 0
                if bytes.count >= end.upperBound + length {
                    let body = Data(bytes[end.upperBound..<(end.upperBound + length)])
                    let path = lines[0].split(separator: " ").dropFirst().first.map(String.init) ?? ""
                    return Push(path: path, body: (try? JSONDecoder().decode(JSON.self, from: body)) ?? .null)
                }
            }
            let count = recv(connection, &chunk, chunk.count, 0)
            guard count > 0 else { return nil }
            bytes += chunk[..<count]
        }
    }
}
