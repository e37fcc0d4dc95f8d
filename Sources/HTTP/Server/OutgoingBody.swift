/// The body of an answer on its way into the output, of which only what the connection takes soon is copied there.
struct OutgoingBody {
    private enum Source {
        case bytes([UInt8], sent: Int)
        case stream(HTTPBodyStream, isChunked: Bool)
    }

    private var source: Source
    /// The connection ends behind it.
    let closes: Bool
    /// Given back to the memory account at its end.
    let reserved: Int

    init(bytes: [UInt8], closes: Bool, reserved: Int) {
        source = .bytes(bytes, sent: 0)
        self.closes = closes
        self.reserved = reserved
    }

    init(stream: HTTPBodyStream, isChunked: Bool, closes: Bool, reserved: Int) {
        source = .stream(stream, isChunked: isChunked)
        self.closes = closes
        self.reserved = reserved
    }

    /// Bytes of it that are held in memory.
    var heldBytes: Int {
        if case .bytes(let bytes, let sent) = source { bytes.count - sent } else { 0 }
    }

    /// Of a body that is pulled.
    var stream: HTTPBodyStream? {
        if case .stream(let stream, _) = source { stream } else { nil }
    }

    /// Appends the next piece.
    mutating func writePiece(to out: inout [UInt8], spare: inout [UInt8]) -> HTTPBodyStream.Progress {
        switch source {
        case .bytes(let bytes, let sent):
            let end = min(sent + HTTPBodyStream.pieceBytes, bytes.count)
            out.append(contentsOf: bytes[sent..<end])
            source = .bytes(bytes, sent: end)
            return end < bytes.count ? .more : .ended
        case .stream(let stream, isChunked: false):
            return stream.produce(&out)
        case .stream(let stream, isChunked: true):
            spare.removeAll(keepingCapacity: true)
            let progress = stream.produce(&spare)
            ResponseEncoder.appendChunk(spare, to: &out)
            if progress == .ended { ResponseEncoder.appendLastChunk(to: &out) }
            return progress
        }
    }
}
