import Dispatch
import Glibc
import Synchronization

/// Where lines for people and collectors go. Every line is one `write(2)`, so that lines of several threads and
/// processes never mix, and a progress line at the bottom of a terminal survives them.
///
/// Nobody who logs ever waits for who reads: lines go through a queue of bounded size to a writer of their own. What
/// does not fit is counted, and the loss is told as a line in its place.
final class LineOutput: Sendable {
    static let standardError = LineOutput(descriptor: STDERR_FILENO)

    /// Of lines that wait, in bytes; each counts ``lineOverhead`` more than its text.
    static let capacity = 1024 * 1024
    static let lineOverhead = 64

    private struct State {
        var queue = LineQueue()
        var isWriting = false
        var progress: String?
        var describeLoss: @Sendable (Int) -> String = { "\($0) lines were lost: nobody read them" }
    }

    private let descriptor: Int32
    let isTerminal: Bool
    private let state = Mutex(State())
    private let lost = Atomic(0)
    /// A thread of its own while there is something to write: it may wait for the reader for ever.
    private let writer = DispatchQueue(label: "dmq.lines")
    private let writing = DispatchGroup()
    /// Of all outputs of the process.
    private static let allWriting = DispatchGroup()

    init(descriptor: Int32) {
        self.descriptor = descriptor
        self.isTerminal = isatty(descriptor) == 1
    }

    /// How many lines have been lost so far.
    var lostLines: Int { lost.load(ordering: .relaxed) }

    /// The line, without its line feed, that tells of a number of lost lines.
    func describeLoss(_ describe: @escaping @Sendable (Int) -> String) {
        state.withLock { $0.describeLoss = describe }
    }

    /// Writes one line, soon; `text` is without the line feed.
    func writeLine(_ text: String) {
        state.withLock { state in
            let isTaken = append(&state) { state in
                state.progress.map { Self.eraseLine + text + "\n" + $0 } ?? text + "\n"
            }
            if !isTaken { lost.add(1, ordering: .relaxed) }
        }
    }

    /// Shows `text` as the terminal's last line until the next call; `nil` removes it. Nothing when not a terminal.
    func showProgress(_ text: String?) {
        guard isTerminal else { return }
        let isShown = state.withLock { state in
            guard state.progress != text else { return false }
            state.progress = text
            _ = append(&state) { _ in Self.eraseLine + (text ?? "") }
            return true
        }
        // What comes next may go to the same terminal another way, and must not stand before what was removed.
        if isShown, text == nil { flush(limit: .milliseconds(200)) }
    }

    private static let eraseLine = "\r\u{1B}[K"

    // MARK: Waiting

    /// Waits until all that was given has been written, at most for `limit`.
    func flush(limit: DispatchTimeInterval) { _ = writing.wait(timeout: .now() + limit) }

    /// The same for every output of the process: for its end.
    static func flushAll(limit: DispatchTimeInterval) { _ = allWriting.wait(timeout: .now() + limit) }

    /// However the process comes to its end in good order, its last lines are written, if somebody reads them.
    private static let flushAtExit: Void = { atexit { LineOutput.flushAll(limit: .seconds(1)) } }()

    // MARK: Writing

    /// Called with the lock held. Returns false if there is no room.
    private func append(_ state: inout State, _ text: (State) -> String) -> Bool {
        _ = Self.flushAtExit
        guard state.queue.append(text(state), describeLoss: state.describeLoss) else { return false }
        if !state.isWriting {
            state.isWriting = true
            writing.enter()
            Self.allWriting.enter()
            writer.async { self.writeAll() }
        }
        return true
    }

    private func writeAll() {
        while let line = nextLine() { write(line) }
        writing.leave()
        Self.allWriting.leave()
    }

    private func nextLine() -> String? {
        state.withLock { state in
            let line = state.queue.next(describeLoss: state.describeLoss)
            if line == nil { state.isWriting = false }
            return line
        }
    }

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

/// Lines that wait to be written, up to a number of bytes.
struct LineQueue {
    private var lines: [String] = []
    /// Lines before this one are written.
    private var head = 0
    private var bytes = 0
    /// How many did not fit since the last one that did.
    private var lost = 0

    private static func cost(_ text: String) -> Int { text.utf8.count + LineOutput.lineOverhead }

    /// Returns false if there is no room. Behind a loss the line that tells of it comes first.
    mutating func append(_ text: String, describeLoss: (Int) -> String) -> Bool {
        var added = [text]
        if lost > 0 { added.insert(describeLoss(lost) + "\n", at: 0) }
        let cost = added.reduce(0) { $0 + Self.cost($1) }
        guard bytes + cost <= LineOutput.capacity else {
            lost += 1
            return false
        }
        lost = 0
        lines += added
        bytes += cost
        return true
    }

    /// The next line to write. When all are, and some were lost behind them, the line that tells so.
    mutating func next(describeLoss: (Int) -> String) -> String? {
        guard head < lines.count else {
            guard lost > 0 else { return nil }
            defer { lost = 0 }
            return describeLoss(lost) + "\n"
        }
        let line = lines[head]
        bytes -= Self.cost(line)
        head += 1
        if head == lines.count {
            lines.removeAll(keepingCapacity: true)
            head = 0
        } else if head >= 1024 {
            lines.removeFirst(head)
            head = 0
        }
        return line
    }
}
