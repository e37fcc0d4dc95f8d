import Synchronization

/// One accepted connection, for handlers that must know when it ends.
public final class HTTPServerConnection: Sendable {
    private struct State {
        var hasEnded = false
        var callbacks: [Int: @Sendable () -> Void] = [:]
        var lastCallback = 0
    }

    /// Unique in the process.
    public let id: UInt64
    /// `address:port` of the peer.
    public let remoteAddress: String
    private let loop: EventLoop?
    private let state = Mutex(State())
    private static let nextID = Atomic<UInt64>(1)

    /// A connection without a socket, which never ends: for requests made up in tests.
    public convenience init() {
        self.init(loop: nil, remoteAddress: "none")
    }

    init(loop: EventLoop?, remoteAddress: String) {
        id = Self.nextID.wrappingAdd(1, ordering: .relaxed).oldValue
        self.loop = loop
        self.remoteAddress = remoteAddress
    }

    /// Calls `body` once, on the event loop, when the connection has ended (at once if it already has). Returns a number by
    /// which that is called off.
    @discardableResult public func onClose(_ body: @escaping @Sendable () -> Void) -> Int {
        let number = state.withLock { state -> Int? in
            if state.hasEnded { return nil }
            state.lastCallback += 1
            state.callbacks[state.lastCallback] = body
            return state.lastCallback
        }
        if number == nil { loop?.execute(body) }
        return number ?? 0
    }

    public func callOff(_ number: Int) { state.withLock { $0.callbacks[number] = nil } }

    /// On the loop.
    func end() {
        let callbacks = state.withLock { state in
            state.hasEnded = true
            defer { state.callbacks = [:] }
            return state.callbacks
        }
        for (_, callback) in callbacks.sorted(by: { $0.key < $1.key }) { callback() }
    }
}

/// The promise of exactly one answer to one request. May be kept and called from any thread, once.
///
/// Until it is called the connection waits, and so do the answers to the requests behind it.
public struct HTTPResponder: Sendable {
    private enum Target: Sendable {
        case channel(HTTPServerChannel, sequence: UInt64)
        case closure(@Sendable (HTTPResponse) -> Void)
    }

    private let target: Target

    /// Answers that lead nowhere: for tests of handlers.
    public init() {
        self.init { _ in }
    }

    /// Hands the answer to `receive`: for tests of handlers.
    public init(_ receive: @escaping @Sendable (HTTPResponse) -> Void) {
        target = .closure(receive)
    }

    init(channel: HTTPServerChannel, sequence: UInt64) {
        target = .channel(channel, sequence: sequence)
    }

    /// Sends the answer when those to earlier requests of the connection have been sent. Answers given in one go leave in
    /// one write for each connection. A second call has no effect.
    public func respond(_ response: HTTPResponse) {
        switch target {
        case .closure(let receive): receive(response)
        case .channel(let channel, let sequence):
            if channel.loop.isCurrent {
                channel.complete(sequence, with: response)
            } else {
                channel.loop.submit { channel.complete(sequence, with: response) }
            }
        }
    }
}

/// Called on the event loop for each request, in order; must not block.
public typealias HTTPHandler = @Sendable (HTTPRequest, HTTPResponder) -> Void
