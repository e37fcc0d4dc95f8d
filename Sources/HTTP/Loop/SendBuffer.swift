/// What a connection has to send. Holds memory only while there is something.
struct SendBuffer {
    enum Outcome {
        case sentAll, wouldBlock
        case failed(errno: Int32)
    }

    private(set) var bytes: [UInt8] = []
    private var start = 0

    var count: Int { bytes.count - start }
    var isEmpty: Bool { count == 0 }

    /// Lets `body` append, into a buffer of the loop's when there is none.
    @inline(__always)
    mutating func write(_ loop: EventLoop, _ body: (inout [UInt8]) -> Void) {
        if bytes.capacity == 0 { bytes = loop.takeBuffer() }
        body(&bytes)
    }

    /// Sends as much as the socket takes; `sent` is told how much that was.
    mutating func flush(_ descriptor: Int32, _ loop: EventLoop, sent: inout Int) -> Outcome {
        while start < bytes.count {
            let result = bytes.withUnsafeBytes {
                Socket.send(descriptor, UnsafeRawBufferPointer(rebasing: $0[start...]))
            }
            switch result {
            case .bytes(let count):
                start += count
                sent += count
            case .wouldBlock, .endOfInput:
                compact()
                return .wouldBlock
            case .failed(let errno):
                return .failed(errno: errno)
            }
        }
        release(loop)
        return .sentAll
    }

    /// Gives the memory back and forgets what is unsent.
    mutating func release(_ loop: EventLoop) {
        guard bytes.capacity > 0 else { return }
        let buffer = bytes
        bytes = []
        start = 0
        loop.giveBack(buffer)
    }

    /// Moves the unsent rest to the front, but only when that frees more than it moves.
    private mutating func compact() {
        guard start > bytes.count / 2 else { return }
        bytes.removeFirst(start)
        start = 0
    }
}
