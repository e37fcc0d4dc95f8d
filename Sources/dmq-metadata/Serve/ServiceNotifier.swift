import Glibc

/// Tells the service manager how the service is: datagrams to `$NOTIFY_SOCKET` (sd_notify(3)), without a library.
struct ServiceNotifier: Sendable {
    enum Notification: Equatable, Sendable {
        /// Start-up is done.
        case ready
        case stopping
        /// Free text for `systemctl status`.
        case status(String)
        case watchdog
        /// The manager may wait this much longer for start or stop, counted from now.
        case extendTimeout(Duration)
        case mainPID(Int32)
        /// Why the service failed, as an error number.
        case errno(Int32)

        var assignment: String {
            switch self {
            case .ready: "READY=1"
            case .stopping: "STOPPING=1"
            // A line feed would begin the next assignment.
            case .status(let text): "STATUS=" + text.split(whereSeparator: \.isNewline).joined(separator: " ")
            case .watchdog: "WATCHDOG=1"
            case .extendTimeout(let duration): "EXTEND_TIMEOUT_USEC=\(duration.wholeMilliseconds * 1000)"
            case .mainPID(let pid): "MAINPID=\(pid)"
            case .errno(let number): "ERRNO=\(number)"
            }
        }
    }

    private let path: [UInt8]

    /// `nil` when no service manager listens.
    init?(environment: [String: String]) {
        guard let path = environment["NOTIFY_SOCKET"], path.hasPrefix("/") || path.hasPrefix("@") else { return nil }
        let bytes = Array(path.utf8)
        // The terminating zero of a path must fit too; an abstract name has none.
        let capacity = MemoryLayout.size(ofValue: sockaddr_un().sun_path)
        guard bytes.count > 1, bytes.count < capacity else { return nil }
        self.path = bytes
    }

    /// Sends all of it in one datagram. A manager that is gone or does not read is no reason to fail, or to
    /// wait long.
    func send(_ notifications: Notification...) {
        let message = Array(notifications.map(\.assignment).joined(separator: "\n").utf8)
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        // READY=1 must not get lost in a full queue, and nothing here may wait for ever.
        var patience = timeval(tv_sec: 1, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        let (address, length) = socketAddress()
        withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                while sendto(descriptor, message, message.count, Int32(MSG_NOSIGNAL), pointer, length) < 0
                    && errno == EINTR
                {}
            }
        }
    }

    /// unix(7): a leading `@` stands for the zero byte that marks an abstract name, whose end is the address's length.
    private func socketAddress() -> (sockaddr_un, socklen_t) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let isAbstract = path[0] == UInt8(ascii: "@")
        withUnsafeMutableBytes(of: &address.sun_path) { buffer in
            buffer.copyBytes(from: path)
            if isAbstract { buffer[0] = 0 }
        }
        let header = MemoryLayout<sockaddr_un>.offset(of: \.sun_path)!
        return (address, socklen_t(header + path.count + (isAbstract ? 0 : 1)))
    }
}

/// How often the service manager wants to hear that the service lives.
struct WatchdogSettings: Equatable, Sendable {
    /// The manager ends the service after this long without a sign.
    var timeout: Duration

    /// `nil` when no watchdog is asked for, or it is asked of another process (sd_watchdog_enabled(3)).
    init?(environment: [String: String], processID: Int32 = getpid()) {
        guard let text = environment["WATCHDOG_USEC"], let microseconds = Int64(text), microseconds > 0 else {
            return nil
        }
        if let pid = environment["WATCHDOG_PID"], Int32(pid) != processID { return nil }
        timeout = .microseconds(microseconds)
    }
}
