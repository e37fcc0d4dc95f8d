import Synchronization

/// What the parts of a server share.
final class HTTPServerCore: Sendable {
    let configuration: HTTPServer.Configuration
    let limits: HTTPParserLimits
    let idleTimeout: UInt64
    let requestTimeout: UInt64
    let writeTimeout: UInt64
    let memoryPatience: UInt64
    let bodyPatience: UInt64
    let lingerTimeout: UInt64
    let handler: HTTPHandler
    let counters = HTTPServerCounters()
    let probationTimeout: UInt64
    let probation = Probation()
    private let refusalNotice: RefusalNotice

    let account: MemoryAccount

    private let loops: [EventLoop]
    /// One for each loop.
    private let rooms: [WaitingRoom]
    private let nextLoop = Atomic(0)
    private let draining = Atomic(false)
    /// Refused connections that wait for their peer to read why.
    private let refused = Atomic(0)
    private static let maxRefused = 256

    private struct State {
        var listeners: [HTTPListener] = []
        var completion: (@Sendable () -> Void)?
        /// Loops that have not seen the drain yet: until then connections may be on their way to them.
        var loopsToHear = 0
        var drainTimer: DrainTimer?
    }
    private let state = Mutex(State())

    init(configuration: HTTPServer.Configuration, loops: [EventLoop], handler: @escaping HTTPHandler) {
        precondition(!loops.isEmpty, "A server needs an event loop")
        self.configuration = configuration
        self.loops = loops
        rooms = loops.map { WaitingRoom(loop: $0) }
        account = configuration.account
        self.handler = handler
        var limits = HTTPParserLimits()
        limits.maxStartLineBytes = configuration.maxRequestLineBytes
        limits.maxHeaderBytes = configuration.maxHeaderBytes
        limits.maxHeaderFields = configuration.maxHeaderFields
        limits.maxBodyBytes = configuration.maxBodyBytes
        limits.maxChunkExtensionBytes = configuration.maxChunkExtensionBytes
        self.limits = limits
        idleTimeout = configuration.idleTimeout.nanoseconds
        requestTimeout = configuration.requestTimeout.nanoseconds
        writeTimeout = configuration.writeTimeout.nanoseconds
        memoryPatience = configuration.memoryPatience.nanoseconds
        bodyPatience = configuration.bodyPatience.nanoseconds
        lingerTimeout = configuration.lingerTimeout.nanoseconds
        probationTimeout = configuration.probationTimeout.nanoseconds
        refusalNotice = RefusalNotice(configuration.onRefusals)
    }

    var isDraining: Bool { draining.load(ordering: .relaxed) }

    func listen(host: String?, port: UInt16) throws(HTTPServerError) -> UInt16 {
        let (descriptor, bound) = try ListeningSocket.open(host: host, port: port)
        let listener = HTTPListener(server: self, loop: loops[0], descriptor: descriptor)
        state.withLock { $0.listeners.append(listener) }
        loops[0].execute { listener.start() }
        return bound
    }

    // MARK: Connections

    /// Takes on an accepted connection, on the next loop in turn.
    func accepted(_ descriptor: Int32, peer: SocketAddress) {
        counters.accepted.wrappingAdd(1, ordering: .relaxed)
        let open = counters.open.wrappingAdd(1, ordering: .relaxed).newValue
        // The one that has been silent for longest makes room: who has something to say does so at once.
        guard open <= configuration.maxConnections || probation.dropOldest() else {
            counters.open.wrappingSubtract(1, ordering: .relaxed)
            return refuse(descriptor, peer: peer)
        }
        let isOnReserve = open > configuration.maxConnections - configuration.reservedConnections
        let index = nextLoop.wrappingAdd(1, ordering: .relaxed).oldValue % loops.count
        let room = rooms[index]
        room.loop.execute {
            let channel = HTTPServerChannel(
                server: self, room: room, descriptor: descriptor, peer: peer, isCounted: true)
            if isOnReserve { channel.beginProbation() }
            channel.start()
        }
    }

    var overloaded: HTTPParseError {
        HTTPParseError(.overloaded, "All connections of this server are taken.")
    }

    func noteRefusal(_ kind: RefusalNotice.Kind) { refusalNotice.note(kind, now: Monotonic.now()) }

    private func refuse(_ descriptor: Int32, peer: SocketAddress) {
        noteRefusal(.connections(configuration.maxConnections))
        guard refused.wrappingAdd(1, ordering: .relaxed).newValue <= Self.maxRefused else {
            refused.wrappingSubtract(1, ordering: .relaxed)
            counters.count(.overloaded)
            return Socket.close(descriptor)
        }
        HTTPServerChannel(server: self, room: rooms[0], descriptor: descriptor, peer: peer, isCounted: false)
            .refuse(overloaded)
    }

    func connectionEnded(isCounted: Bool) {
        if isCounted {
            counters.open.wrappingSubtract(1, ordering: .relaxed)
        } else {
            refused.wrappingSubtract(1, ordering: .relaxed)
        }
        if isDraining { finishDrainIfDone() }
    }

    // MARK: Draining

    func drain(timeout: Duration, completion: @escaping @Sendable () -> Void) {
        let listeners = state.withLock { state in
            precondition(state.completion == nil, "A server is drained once")
            state.completion = completion
            state.loopsToHear = loops.count
            defer { state.listeners = [] }
            return state.listeners
        }
        let deadline = Monotonic.now() + timeout.nanoseconds
        loops[0].submit {
            // Who has been accepted by the kernel must not be reset without an answer.
            for listener in listeners { listener.stop() }
            self.draining.store(true, ordering: .relaxed)
            self.closeEverything(at: deadline)
            for loop in self.loops {
                loop.submit { self.drain(loop) }
            }
        }
    }

    private func drain(_ loop: EventLoop) {
        for channel in channels(of: loop) {
            channel.mayRead = true
            channel.endLiveBody()
            loop.scheduleTurn(channel)
        }
        state.withLock { $0.loopsToHear -= 1 }
        finishDrainIfDone()
    }

    private func closeEverything(at deadline: UInt64) {
        let timer = DrainTimer(loop: loops[0]) { [loops, weak self] in
            for loop in loops {
                guard let self else { return }
                loop.submit {
                    for channel in self.channels(of: loop) { channel.close() }
                }
            }
        }
        state.withLock { $0.drainTimer = timer }
        timer.setDeadline(deadline)
    }

    private func channels(of loop: EventLoop) -> [HTTPServerChannel] {
        loop.openChannels(HTTPServerChannel.self).filter { $0.server === self }
    }

    private func finishDrainIfDone() {
        let (completion, timer) = state.withLock { state -> ((@Sendable () -> Void)?, DrainTimer?) in
            let isDone =
                state.loopsToHear == 0 && counters.open.load(ordering: .relaxed) == 0
                && refused.load(ordering: .relaxed) == 0
            guard isDone, state.completion != nil else { return (nil, nil) }
            defer {
                state.completion = {}
                state.drainTimer = nil
            }
            return (state.completion, state.drainTimer)
        }
        if let timer { timer.loop.execute { timer.cancelDeadline() } }
        completion?()
    }
}

/// A deadline without a descriptor.
final class DrainTimer: Channel, @unchecked Sendable {
    private let action: () -> Void

    init(loop: EventLoop, action: @escaping () -> Void) {
        self.action = action
        super.init(loop: loop, descriptor: -1)
    }

    override func deadlinePassed() {
        setDeadline(.max)
        action()
    }
}
