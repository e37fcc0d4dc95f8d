import Glibc

/// What a command was asked for, as against what it has to say about it: it is written whole, or the command fails.
enum StandardOutput {
    /// `text` is without its last line feed.
    static func writeLine(_ text: String) throws(CommandFailure) { try write(Array((text + "\n").utf8)) }

    /// For stories that are told from far below: the first line that can not be written ends the process.
    static func writeLineOrExit(_ text: String) {
        do throws(CommandFailure) { try writeLine(text) } catch { error.exit() }
    }

    /// Blocks until the reader has taken all.
    static func write(_ bytes: [UInt8], to descriptor: Int32 = STDOUT_FILENO) throws(CommandFailure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                // The descriptor is shared, and somebody made it non-blocking.
                var descriptors = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&descriptors, 1, -1)
            } else if errno != EINTR {
                throw CommandFailure(.ioError, "standard output: \(systemMessage(errno))")
            }
        }
    }
}
