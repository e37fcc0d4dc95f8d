import Foundation
import Glibc
import Raft
import Synchronization

/// A network interface whose packets come back later: kernels of small virtual machines have no netem.
final class DelayLine: Sendable {
    static let name = "delay"

    private struct State {
        var delay = 0...0
        var isStopping = false
    }

    private let descriptor: Int32
    private let state = Mutex(State())
    private let running = DispatchGroup()

    /// Needs the right to administer the network `network`.
    init(in network: NetworkNamespace) throws {
        // A tunnel belongs to the network of the thread that opens it.
        let (descriptor, error) = network.within { () -> (Int32, Int32) in
            let descriptor = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK)
            return (descriptor, Self.makeInterface(descriptor) < 0 ? errno : 0)
        }
        guard error == 0 else {
            if descriptor >= 0 { close(descriptor) }
            throw TransportError.system("/dev/net/tun", error)
        }
        self.descriptor = descriptor
        running.enter()
        Thread.detachNewThread { [self] in
            carry()
            running.leave()
        }
    }

    private static func makeInterface(_ descriptor: Int32) -> Int32 {
        // struct ifreq: the name in 16 bytes, then the flags IFF_TUN | IFF_NO_PI; TUNSETIFF (linux/if_tun.h).
        var request = [UInt8](repeating: 0, count: 40)
        request.replaceSubrange(0..<name.utf8.count, with: name.utf8)
        request[16] = 0x01
        request[17] = 0x10
        return request.withUnsafeMutableBytes { ioctl(descriptor, 0x4004_54CA, $0.baseAddress!) }
    }

    func stop() {
        state.withLock { $0.isStopping = true }
        running.wait()
        close(descriptor)
    }

    func setDelay(_ milliseconds: ClosedRange<Int>) { state.withLock { $0.delay = milliseconds } }

    private func carry() {
        var random = SeededGenerator(seed: 1)
        var waiting: [(due: ContinuousClock.Instant, packet: [UInt8])] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            if state.withLock({ $0.isStopping }) { return }
            let left = waiting.first.map { max(0, ($0.due - .now).milliseconds) } ?? 50
            var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            _ = poll(&ready, 1, Int32(min(left, 50)))
            // What is to be read was perhaps sent after the delay had been changed.
            let delay = state.withLock { $0.delay }
            while case let count = read(descriptor, &buffer, buffer.count), count > 0 {
                let due = ContinuousClock.now + .milliseconds(Int.random(in: delay, using: &random) + 1)
                let place = waiting.firstIndex { $0.due > due } ?? waiting.endIndex
                waiting.insert((due, Array(buffer[..<count])), at: place)
            }
            while let first = waiting.first, first.due <= .now {
                _ = write(descriptor, first.packet, first.packet.count)
                waiting.removeFirst()
            }
        }
    }
}
