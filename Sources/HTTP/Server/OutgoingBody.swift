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

    /// Appends the next piece; false if it was the last.
    mutating func writePiece(to out: inout [UInt8], spare: inout [UInt8]) -> Bool {
        switch source {
        case .bytes(let bytes, let sent):
            let end = min(sent + HTTPBodyStream.pieceBytes, bytes.count)
            out.append(contentsOf: bytes[sent..<end])
            source = .bytes(bytes, sent: end)
            return end < bytes.count
        case .stream(let stream, isChunked: false):
            return stream.produce(&out)
        case .stream(let stream, isChunked: true):
            spare.removeAll(keepingCapacity: true)
            let hasMore = stream.produce(&spare)
            ResponseEncoder.appendChunk(spare, to: &out)
            if !hasMore { ResponseEncoder.appendLastChunk(to: &out) }
            return hasMore
        }
    }
}
