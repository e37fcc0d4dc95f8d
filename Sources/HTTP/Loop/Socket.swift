import CLinux
import Glibc

/// The system calls on sockets, in Swift's types. Every socket made here is non-blocking and closed on exec.
enum Socket {
    enum Transfer {
        case bytes(Int)
        case wouldBlock
        case endOfInput
        case failed(errno: Int32)
    }

    static func make(family: Int32) -> Int32 {
        let flags = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        return socket(family, flags, 0)
    }

    static func close(_ descriptor: Int32) {
        // Not repeated on EINTR: on Linux the descriptor is gone all the same.
        _ = Glibc.close(descriptor)
    }

    static func accept(_ listener: Int32) -> (descriptor: Int32, peer: SocketAddress) {
        var peer = SocketAddress()
        let descriptor = peer.withMutableSockaddr { pointer, length in
            clinux_accept4(
                listener, pointer, length, Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue))
        }
        return (descriptor, peer)
    }

    static func receive(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
        while true {
            let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if count > 0 { return .bytes(count) }
            if count == 0 { return .endOfInput }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .wouldBlock
            default: return .failed(errno: errno)
            }
        }
    }

    static func send(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Transfer {
        while true {
            // MSG_NOSIGNAL: a peer that has gone is an error here, not a signal that ends the process.
            let count = Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
            if count >= 0 { return .bytes(count) }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .wouldBlock
            default: return .failed(errno: errno)
            }
        }
    }

    static func shutdownSending(_ descriptor: Int32) {
        _ = shutdown(descriptor, Int32(SHUT_WR))
    }

    /// Small messages go out at once instead of waiting for the acknowledgement of earlier ones.
    static func disableNagle(_ descriptor: Int32) {
        set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    }

    static func set(_ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        _ = setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    /// The bytes that the kernel has taken and the other end has not acknowledged; `nil` if it does not say.
    static func unacknowledged(_ descriptor: Int32) -> Int? {
        var count: Int32 = 0
        return ioctl(descriptor, UInt(TIOCOUTQ), &count) == 0 ? Int(count) : nil
    }

    /// What became of a `connect`, and of the connection since.
    static func pendingError(_ descriptor: Int32) -> Int32 {
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &value, &length) == 0 ? value : errno
    }

    static func localAddress(_ descriptor: Int32) -> SocketAddress {
        var address = SocketAddress()
        _ = address.withMutableSockaddr { getsockname(descriptor, $0, $1) }
        return address
    }

    static func peerAddress(_ descriptor: Int32) -> SocketAddress {
        var address = SocketAddress()
        _ = address.withMutableSockaddr { getpeername(descriptor, $0, $1) }
        return address
    }
}
