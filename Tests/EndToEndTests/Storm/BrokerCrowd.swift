import Foundation
import Glibc
import Synchronization
import Testing

/// Many brokers that two threads play: each has an address of the loopback network for itself, remembers what it was told,
/// and sends heartbeats until it dies.
final class BrokerCrowd: Sendable {
    private final class Memory: Sendable {
        struct State {
            var living: Int
            /// Of each broker what it was told from its last snapshot on. Most are told the same, which is held once.
            var told: [[Data]]
            var bodies: Set<Data> = []
        }

        let state: Mutex<State>

        init(_ count: Int) { state = Mutex(State(living: count, told: Array(repeating: [], count: count))) }
    }

    private struct Stream {
        let descriptor: Int32
        let broker: Int
        var bytes: [UInt8] = []
    }

    private struct Ears {
        let listener: Int32
        var streams: [Stream] = []
        var buffer = [UInt8](repeating: 0, count: 256 * 1024)
    }

    private let memory: Memory
    private let ears: Workers
    private let heart: Workers

    /// They register at the leader; nobody else has.
    init(_ count: Int, of cluster: Cluster) throws {
        let port = try Ports.unused(1)[0]
        let listener = try Self.listen(port)
        let memory = Memory(count)
        let nodes = cluster.nodes.map { ($0.id, $0.address) }
        self.memory = memory
        ears = Workers(1) { _ in
            Ears(listener: listener)
        } _: {
            Self.hear(&$0, memory)
        }
        heart = Workers(1) {
            Client(nodes, target: $0, patience: .seconds(2))
        } _: { client in
            for broker in 0..<memory.state.withLock({ $0.living }) {
                _ = client.ask("POST", "/api/v1/metadata/heartbeat/\(broker + 1)", "")
            }
            pause(milliseconds: 300)
        }
        let leader = try cluster.leader()
        for broker in 0..<count {
            let answer = try leader.post(
                "/api/v1/metadata/brokers",
                #"{"brokerId":\#(broker + 1),"host":"\#(Self.host(broker))","port":\#(port)}"#)
            #expect(answer.status == 201)
        }
    }

    /// All but the first `count` say and hear nothing more.
    func die(allBut count: Int) { memory.state.withLock { $0.living = count } }

    func stop() {
        heart.stop()
        ears.stop()
    }

    // MARK: What they know

    /// Those of the living whose view is not `view`.
    func mistaken(about view: ClusterView) -> [Int] {
        let (told, bodies) = memory.state.withLock { (Array($0.told[..<$0.living]), $0.bodies) }
        // Each body is read once, however many were told it.
        let updates = Dictionary(uniqueKeysWithValues: bodies.map { ($0, BrokerUpdate($0)) })
        return told.indices.filter { ClusterView(told[$0].compactMap { updates[$0] }) != view }.map { $0 + 1 }
    }

    // MARK: Hearing

    private static func host(_ broker: Int) -> String { "127.1.\(broker / 200).\(broker % 200 + 1)" }

    private static func listen(_ port: Int) throws -> Int32 {
        let descriptor = socket(
            AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        var address = sockaddr_in(Address(host: 0, port: port))
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard bound == 0, Glibc.listen(descriptor, 1024) == 0 else { throw TransportError.system("listen", errno) }
        return descriptor
    }

    private static func hear(_ ears: inout Ears, _ memory: Memory) {
        var polls = ([ears.listener] + ears.streams.map(\.descriptor)).map {
            pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
        }
        guard poll(&polls, nfds_t(polls.count), 100) > 0 else { return }
        let living = memory.state.withLock { $0.living }
        var streams: [Stream] = []
        for (var stream, poll) in zip(ears.streams, polls.dropFirst()) {
            let isOver =
                stream.broker >= living || (poll.revents != 0 && !receive(&stream, &ears.buffer, memory))
            if isOver { close(stream.descriptor) } else { streams.append(stream) }
        }
        if polls[0].revents != 0 {
            while let stream = accept(ears.listener) { streams.append(stream) }
        }
        ears.streams = streams
    }

    private static func accept(_ listener: Int32) -> Stream? {
        let descriptor = Glibc.accept(listener, nil, nil)
        guard descriptor >= 0 else { return nil }
        // Who is meant tells the address that was called.
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        let host = Int(UInt32(bigEndian: address.sin_addr.s_addr))
        return Stream(descriptor: descriptor, broker: (host >> 8 & 0xFF) * 200 + (host & 0xFF) - 1)
    }

    private static func receive(_ stream: inout Stream, _ buffer: inout [UInt8], _ memory: Memory) -> Bool {
        let count = recv(stream.descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { return false }
        stream.bytes += buffer[..<count]
        guard let end = stream.bytes.firstRange(of: [13, 10, 13, 10])?.upperBound else { return true }
        let head = String(decoding: stream.bytes[..<end], as: UTF8.self).lowercased()
        let length =
            head.components(separatedBy: "content-length: ").last.flatMap { Int($0.prefix { $0.isNumber }) } ?? 0
        guard stream.bytes.count >= end + length else { return true }
        let body = Data(stream.bytes[end..<(end + length)])
        stream.bytes.removeFirst(end + length)
        memory.state.withLock { state in
            let shared = state.bodies.insert(body).memberAfterInsert
            if BrokerUpdate.isWhole(body) { state.told[stream.broker] = [] }
            state.told[stream.broker].append(shared)
        }
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        return answer.withCString { send(stream.descriptor, $0, strlen($0), Int32(MSG_NOSIGNAL)) } > 0
    }
}
