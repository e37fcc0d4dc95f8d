/// A body that is made piece by piece, as the connection takes it: however long it is, one piece of it is in memory, and the
/// loop does other things between two of them.
///
/// Its producer holds what it needs of a consistent state. It is used by one thread at a time: its maker's, and from when the
/// response is given on the event loop.
public final class HTTPBodyStream: @unchecked Sendable, Equatable {
    /// About so many bytes are one piece: some hundred microseconds of work.
    public static let pieceBytes = 64 * 1024

    private var producer: ((inout [UInt8]) -> Bool)?
    /// In bytes, if it is known before; then it is told to the recipient, else the body is sent in chunks.
    public let length: Int?

    /// - Parameters:
    ///   - length: Of all pieces together, which they must come to exactly.
    ///   - producer: Appends about ``pieceBytes`` and returns whether there is more. Not called again after it returned
    ///     false, and never once the connection is closed.
    public init(length: Int? = nil, _ producer: @escaping (inout [UInt8]) -> Bool) {
        self.length = length
        self.producer = producer
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

    /// False when the body has ended.
    func produce(_ bytes: inout [UInt8]) -> Bool {
        guard let producer else { return false }
        let hasMore = producer(&bytes)
        // What the producer holds is let go at once.
        if !hasMore { self.producer = nil }
        return hasMore
    }

    public static func == (a: HTTPBodyStream, b: HTTPBodyStream) -> Bool { a === b }
}
