import Foundation
import Glibc

/// Connections that send the same octets, and read, or do not: many from one thread, as a careless client or a hostile one.
final class Flood: Sendable {
    struct Behaviour: Sendable {
        var connections: Int
        var octets: [UInt8]
        /// Again and again, on new connections when the old ones end; else once.
        var repeats = false
        var reads = false
        /// Of the socket; a small one lets the other side feel at once that nobody reads.
        var receiveBuffer: Int32 = 64 * 1024
    }

    private final class Stream {
        let descriptor: Int32
        var sent = 0

        init?(_ address: Address, receiveBuffer: Int32) {
            descriptor = address.within {
                socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
            }
            guard descriptor >= 0 else { return nil }
            var size = receiveBuffer
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
            var name = sockaddr_in(address)
            _ = withUnsafePointer(to: &name) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        }

        deinit { close(descriptor) }
    }

    private struct Thread {
        var streams: [Stream] = []
        var buffer = [UInt8](repeating: 0, count: 256 * 1024)
    }

    private let workers: Workers

    init(of node: some Reachable, _ behaviour: Behaviour) {
        let address = node.address
        workers = Workers(1) { _ in
            Thread()
        } _: {
            Self.step(&$0, address, behaviour)
        }
    }

    func stop() { workers.stop() }

    private static func step(_ thread: inout Thread, _ address: Address, _ behaviour: Behaviour) {
        while thread.streams.count < behaviour.connections,
            let stream = Stream(address, receiveBuffer: behaviour.receiveBuffer)
        {
            thread.streams.append(stream)
        }
        var polls = thread.streams.map { stream in
            let wantsToSend = behaviour.repeats || stream.sent < behaviour.octets.count
            let events = (wantsToSend ? POLLOUT : 0) | (behaviour.reads ? POLLIN : 0)
            return pollfd(fd: stream.descriptor, events: Int16(events), revents: 0)
        }
        guard poll(&polls, nfds_t(polls.count), 100) > 0 else { return }
        var alive: [Stream] = []
        for (stream, poll) in zip(thread.streams, polls)
        where isAlive(stream, poll.revents, behaviour, &thread.buffer) || !behaviour.repeats { alive.append(stream) }
        thread.streams = alive
    }

    private static func isAlive(
        _ stream: Stream, _ events: Int16, _ behaviour: Behaviour, _ buffer: inout [UInt8]
    ) -> Bool {
        if events & Int16(POLLERR | POLLHUP) != 0 { return false }
        if events & Int16(POLLOUT) != 0 {
            let count = behaviour.octets[stream.sent...].withUnsafeBytes {
                send(stream.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno != EAGAIN { return false }
            stream.sent += max(count, 0)
            if behaviour.repeats, stream.sent == behaviour.octets.count { stream.sent = 0 }
        }
        if events & Int16(POLLIN) != 0 {
            let count = recv(stream.descriptor, &buffer, buffer.count, 0)
            if count == 0 || (count < 0 && errno != EAGAIN) { return false }
        }
        return true
    }
}
