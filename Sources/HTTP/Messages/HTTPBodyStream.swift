import Synchronization

/// A body that is made piece by piece, as the connection takes it: however long it is, one piece of it is in memory, and the
/// loop does other things between two of them.
///
/// Its producer holds what it needs of a consistent state. It is used by one thread at a time: its maker's, and from when the
/// response is given on the event loop.
///
/// A *live* body grows for as long as its recipient listens: when its producer has nothing more at the moment it says so, and is
/// asked again when somebody calls ``wake()``. What it appends in one call is sent at once, as one chunk.
public final class HTTPBodyStream: @unchecked Sendable, Equatable {
    /// About so many bytes are one piece: some hundred microseconds of work.
    public static let pieceBytes = 64 * 1024

    public enum Progress: Sendable {
        /// There is more.
        case more
        /// There is nothing more until ``wake()``. Live bodies only.
        case waiting
        case ended
    }

    private struct Waking {
        /// Woken since the producer was asked last.
        var isDue = false
        var action: (@Sendable () -> Void)?
    }

    private var producer: ((inout [UInt8], _ isLast: Bool) -> Progress)?
    private let waking = Mutex(Waking())
    let isLive: Bool
    /// The server stops.
    private var isEnding = false
    /// In bytes, if it is known before; then it is told to the recipient, else the body is sent in chunks.
    public let length: Int?

    private init(length: Int?, isLive: Bool, _ producer: @escaping (inout [UInt8], Bool) -> Progress) {
        (self.length, self.isLive, self.producer) = (length, isLive, producer)
    }

    /// - Parameters:
    ///   - length: Of all pieces together, which they must come to exactly.
    ///   - producer: Appends about ``pieceBytes`` and returns whether there is more. Not called again after it returned
    ///     false, and never once the connection is closed.
    public convenience init(length: Int? = nil, _ producer: @escaping (inout [UInt8]) -> Bool) {
        self.init(length: length, isLive: false) { out, _ in producer(&out) ? .more : .ended }
    }

    /// - Parameter producer: Appends a piece. `isLast` when the server stops: the body ends when there is nothing more.
    public convenience init(live producer: @escaping (_ out: inout [UInt8], _ isLast: Bool) -> Progress) {
        self.init(length: nil, isLive: true, producer)
    }

    /// Octets that somebody else holds anyway, so that they count for nothing while they wait to be sent.
    public convenience init(sharing bytes: [UInt8]) {
        var sent = 0
        self.init(length: bytes.count) { out in
            let end = min(sent + Self.pieceBytes, bytes.count)
            out.append(contentsOf: bytes[sent..<end])
            sent = end
            return end < bytes.count
        }
    }

    /// The same, of which `change` makes the first piece another one. For a body without a length that is not live.
    public func changingFirstPiece(_ change: @escaping (inout [UInt8]) -> Void) -> HTTPBodyStream {
        precondition(length == nil && !isLive)
        var isFirst = true
        return HTTPBodyStream { [self] out in
            guard isFirst else { return produce(&out) == .more }
            isFirst = false
            var piece: [UInt8] = []
            let progress = produce(&piece)
            change(&piece)
            out.append(contentsOf: piece)
            return progress == .more
        }
    }

    /// The producer of a live body has something. From any thread, as often as one likes; nothing comes of it once the
    /// connection is closed.
    public func wake() {
        let action = waking.withLock { waking -> (@Sendable () -> Void)? in
            defer { waking.isDue = true }
            return waking.isDue ? nil : waking.action
        }
        action?()
    }

    /// On the loop: what is to be done when somebody wakes it.
    func onWake(_ action: @escaping @Sendable () -> Void) { waking.withLock { $0.action = action } }

    /// On the loop: the body is to end.
    func endSoon() { isEnding = true }

    /// Appends the next piece.
    func produce(_ bytes: inout [UInt8]) -> Progress {
        guard let producer else { return .ended }
        if isLive { waking.withLock { $0.isDue = false } }
        var progress = producer(&bytes, isEnding)
        if isEnding, progress == .waiting { progress = .ended }
        // What the producer holds is let go at once.
        if progress == .ended { self.producer = nil }
        return progress
    }

    public static func == (a: HTTPBodyStream, b: HTTPBodyStream) -> Bool { a === b }
}
