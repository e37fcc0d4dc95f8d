import Glibc
import Synchronization

/// Where lines for people and collectors go. Every line is one `write(2)`, so that lines of several threads and
/// processes never mix, and a progress line at the bottom of a terminal survives them.
final class LineOutput: Sendable {
    static let standardError = LineOutput(descriptor: STDERR_FILENO)

    private let descriptor: Int32
    let isTerminal: Bool
    private let progress = Mutex<String?>(nil)

    init(descriptor: Int32) {
        self.descriptor = descriptor
        self.isTerminal = isatty(descriptor) == 1
    }

    /// Writes one line; `text` is without the line feed.
    func writeLine(_ text: String) {
        progress.withLock { progress in
            guard let progress else { return write(text + "\n") }
            write(Self.eraseLine + text + "\n" + progress)
        }
    }

    /// Shows `text` as the terminal's last line until the next call; `nil` removes it. Nothing when not a terminal.
    func showProgress(_ text: String?) {
        guard isTerminal else { return }
        progress.withLock { progress in
            guard progress != text else { return }
            write(Self.eraseLine + (text ?? ""))
            progress = text
        }
    }

    private static let eraseLine = "\r\u{1B}[K"

    /// Called with the lock held.
    private func write(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while !rest.isEmpty {
                let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
                if count > 0 {
                    rest = UnsafeRawBufferPointer(rebasing: rest[count...])
                } else if errno == EAGAIN {
                    // The descriptor is shared, and somebody made it non-blocking.
                    var descriptors = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    poll(&descriptors, 1, -1)
                } else if errno != EINTR {
                    return  // nobody is there to be told
                }
            }
        }
    }
}
