import Synchronization

/// What a connection holds of the server's memory account.
struct MemoryOfConnection {
    /// Taken for the body that is being read, and for what is made of it.
    var reservedBody = 0
    /// Taken for the answer of a request that is about to be handed on.
    var reservedAnswer = 0
    /// Taken for requests in progress.
    var reservedByRequests = 0
    /// Reserved and counted together, as the account knows it.
    var charged = 0
    /// Since when something large waits for room, in nanoseconds of the monotonic clock; 0 if nothing does.
    var waitingSince: UInt64 = 0
    /// When how much of the body was there: a body that stands still gives way to those that wait.
    var progress: (time: UInt64, bytes: Int) = (0, 0)

    var isWaiting: Bool { waitingSince != 0 }
    var reserved: Int { reservedBody + reservedAnswer + reservedByRequests }

    /// What was taken belongs to the request that is handed on.
    mutating func handOver() -> Int {
        let reserved = reservedBody + reservedAnswer
        reservedBody = 0
        reservedAnswer = 0
        reservedByRequests += reserved
        return reserved
    }
}

/// A request that is not handed on yet, and what it will take.
struct Weighed {
    let request: HTTPParsedRequest
    /// Bytes of the answer while it is sent.
    let answer: Int
    /// Whether it is carried out alone on its connection.
    let isHeavy: Bool
}

extension HTTPServerChannel {
    /// Bodies above this size ask for room before they are read.
    private static let largeBody = 16 * 1024
    /// A request whose body is larger is carried out alone on its connection.
    private static let heavyBody = 64 * 1024
    /// A body that others wait for has to bring so much at least in ``HTTPServer/Configuration/bodyPatience``.
    private static let expectedProgress = 16 * 1024
    /// About what a request in progress takes beside its body.
    private static let requestOverhead = 2048

    var holder: MemoryAccount.Holder { isPeer ? .peers : .clients }

    /// Peers say who they are by what they ask for; from then on the connection is theirs.
    func recognisePeer(_ path: String) {
        guard !isPeer, server.configuration.isPeerPath(path) else { return }
        server.account.add(-memory.charged, for: .clients)
        server.account.add(memory.charged, for: .peers)
        isPeer = true
    }

    /// Weighs a request, once.
    func weighed(_ request: HTTPParsedRequest) -> Weighed {
        let answer = server.configuration.weigh(request)
        return Weighed(
            request: request, answer: answer,
            isHeavy: !isPeer && (request.body.count > Self.heavyBody || answer > 0))
    }

    /// Whether the connection may take more from its peer: always if it holds nothing, so that whoever comes is heard.
    func mayHoldMore() -> Bool {
        if !server.account.isFull(for: holder) || memory.reservedBody > 0 { return true }
        countMemory()
        if memory.charged == 0 { return true }
        awaitMemory()
        return false
    }

    /// Once the head says that a large body comes, takes room for it or waits.
    func reserveForBody() {
        guard wanted != nil else { return }
        if let path = parser.pathInProgress { recognisePeer(path) }
        reserveWhatIsWanted()
    }

    /// Takes room for what is large and about to come, or waits for it.
    @discardableResult func reserveWhatIsWanted() -> Bool {
        if takeWhatIsWanted() { return true }
        awaitMemory()
        return false
    }

    private enum Wanted {
        case body(Int)
        case answer(Int)
    }

    /// The answer of the request that is held; else all of the body that has begun and the log entry that will be made of it,
    /// so that a body that is begun can be finished.
    private var wanted: Wanted? {
        if let held { return held.answer > 0 && memory.reservedAnswer == 0 ? .answer(held.answer) : nil }
        guard memory.reservedBody == 0, parser.announcedBytes > Self.largeBody else { return nil }
        return .body(parser.announcedBytes * 2)
    }

    private func takeWhatIsWanted() -> Bool {
        switch wanted {
        case nil: return true
        case .body(let bytes):
            guard take(bytes) else { return false }
            memory.reservedBody = bytes
            memory.progress = (loop.now, parser.heldBytes)
        case .answer(let bytes):
            guard take(bytes) else { return false }
            memory.reservedAnswer = bytes
        }
        room.hasTakenMemory(self)
        return true
    }

    private func take(_ bytes: Int) -> Bool {
        guard server.account.take(bytes, for: holder) else { return false }
        memory.charged += bytes
        return true
    }

    private func awaitMemory() {
        guard !memory.isWaiting else { return }
        memory.waitingSince = max(loop.now, 1)
        server.counters.memoryWaits.wrappingAdd(1, ordering: .relaxed)
        room.enter(self)
    }

    /// Whether the connection need not wait any more: there is room, it was refused, or it is closed.
    func hasStoppedWaiting() -> Bool {
        guard phase == .open, memory.isWaiting else { return true }
        if loop.now >= memory.waitingSince + server.memoryPatience {
            memory.waitingSince = 0
            let seconds = server.configuration.memoryPatience.components.seconds
            reject(HTTPParseError(.overloaded, "There was no memory for this request within \(seconds) s."))
        } else if wanted != nil ? takeWhatIsWanted() : held != nil || !server.account.isFull(for: holder) {
            memory.waitingSince = 0
            loop.scheduleTurn(self)
        }
        return !memory.isWaiting
    }

    /// Whether it has room for something large and does nothing with it, while others wait for room: a body that does not
    /// come, an answer that is not taken.
    func isStandingStill() -> Bool {
        if hasToSend { return memory.reservedByRequests > 0 && loop.now >= sendStart + server.bodyPatience }
        guard phase == .open, memory.reservedBody > 0 else { return false }
        if parser.heldBytes >= memory.progress.bytes + Self.expectedProgress {
            memory.progress = (loop.now, parser.heldBytes)
        }
        return loop.now >= memory.progress.time + server.bodyPatience
    }

    /// Gives its room up for those that wait.
    func giveWay() {
        if hasToSend {
            server.counters.slowReaders.wrappingAdd(1, ordering: .relaxed)
            return close()
        }
        reject(HTTPParseError(.requestTimeout, "The body came too slowly while others waited for memory."))
        loop.scheduleTurn(self)
    }

    /// Brings the account up to date with what is held now.
    func countMemory() {
        let reading = memory.reservedBody > 0 ? 0 : parser.heldBytes
        let requests = queue.count * Self.requestOverhead + (held == nil ? 0 : Self.requestOverhead)
        charge(memory.reserved + reading + backlog.count + unsentBytes + requests)
    }

    /// Of a connection that is closed.
    func releaseMemory() { charge(0) }

    private func charge(_ bytes: Int) {
        guard bytes != memory.charged else { return }
        server.account.add(bytes - memory.charged, for: holder)
        memory.charged = bytes
    }
}
