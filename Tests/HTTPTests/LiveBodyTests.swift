import Synchronization
import Testing

@testable import HTTP

/// Bodies that grow while somebody listens.
@Suite struct LiveBodyTests {
    /// What is said on the stream of one request; the test adds to it.
    private final class Speaker: Sendable {
        private struct State {
            var messages: [String] = []
            var stream: HTTPBodyStream?
            var asked = 0
            var hasEnded = false
        }
        private let state = Mutex(State())
        let connectionEnded = Atomic(false)

        var asked: Int { state.withLock { $0.asked } }

        func say(_ messages: String...) {
            state.withLock { state -> HTTPBodyStream? in
                state.messages += messages
                return state.stream
            }?.wake()
        }

        func end() {
            state.withLock { state -> HTTPBodyStream? in
                state.hasEnded = true
                return state.stream
            }?.wake()
        }

        func respond(_ request: HTTPRequest, _ responder: HTTPResponder) {
            request.connection.onClose { [self] in connectionEnded.store(true, ordering: .relaxed) }
            let stream = HTTPBodyStream(live: { [self] out, isLast in
                state.withLock { state in
                    state.asked += 1
                    if !state.messages.isEmpty {
                        out.append(contentsOf: state.messages.removeFirst().utf8)
                        return .more
                    }
                    if isLast { out.append(contentsOf: "bye\n".utf8) }
                    return isLast || state.hasEnded ? .ended : .waiting
                }
            })
            state.withLock { $0.stream = stream }
            responder.respond(HTTPResponse(status: 200, stream: stream))
        }
    }

    private let speaker = Speaker()

    private func server(_ change: (inout HTTPServer.Configuration) -> Void = { _ in }) throws -> TestServer {
        try TestServer(configuration: .with(change)) { [speaker] request, responder in
            guard request.path == "/live" else { return TestServer.echo(request, responder) }
            speaker.respond(request, responder)
        }
    }

    private let request = "GET /live HTTP/1.1\r\nHost: a\r\n\r\n"

    @Test("the head comes at once, and each message as one chunk when it is said")
    func messagesAreChunks() throws {
        let server = try server()
        let client = try server.connect()
        client.send(request)
        #expect(try client.receive(through: "\r\n\r\n").contains("Transfer-Encoding: chunked"))
        speaker.say("one\n")
        #expect(try client.receive(through: "one\n\r\n") == "4\r\none\n\r\n")
        speaker.say("a\n", "bc\n")
        #expect(try client.receive(through: "bc\n\r\n") == "2\r\na\n\r\n3\r\nbc\n\r\n")
        speaker.end()
        #expect(try client.receive(through: "0\r\n\r\n") == "0\r\n\r\n")
        client.send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.response()?.headers["X-Path"] == "/next")
    }

    @Test func quietIsNeitherIdleNorSlow() throws {
        let server = try server {
            $0.idleTimeout = .milliseconds(100)
            $0.writeTimeout = .milliseconds(100)
            $0.requestTimeout = .milliseconds(100)
        }
        let client = try server.connect()
        client.send(request)
        _ = try client.receive(through: "\r\n\r\n")
        // Another one, which is idle, is closed meanwhile.
        let idle = try server.connect()
        #expect(try idle.rest() == "")
        #expect(try server.connect().rest() == "")
        speaker.say("still here\n")
        #expect(try client.receive(through: "here\n\r\n") == "b\r\nstill here\n\r\n")
    }

    @Test(arguments: [false, true]) func whoGoesIsNoticed(byReset: Bool) throws {
        let server = try server()
        let client = try server.connect()
        client.send(request)
        _ = try client.receive(through: "\r\n\r\n")
        if byReset { client.reset() } else { client.shutdownSending() }
        try eventually("the connection ends") { speaker.connectionEnded.load(ordering: .relaxed) }
        let asked = speaker.asked
        speaker.say("to nobody\n")
        let other = try server.connect()
        other.send("GET /other HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try other.response()?.status == 200)
        #expect(speaker.asked == asked)
    }

    @Test func whoDoesNotReadIsNotAsked() throws {
        let server = try server()
        let client = try RawSocket(port: server.port, receiveBuffer: 4096)
        client.send(request)
        _ = try client.receive(through: "\r\n\r\n")
        let message = String(repeating: "x", count: 64 * 1024)
        for _ in 0..<500 { speaker.say(message) }
        let other = try server.connect()
        other.send("GET /other HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try other.response()?.status == 200)
        #expect(speaker.asked < 200, "what the kernel takes, not 32 MB")
    }

    @Test func whoHasNothingToSayForLongIsAskedAgain() throws {
        let asked = Atomic(0)
        let server = try TestServer { _, responder in
            let start = Monotonic.now()
            let stream = HTTPBodyStream(live: { out, _ in
                asked.add(1, ordering: .relaxed)
                // Longer than a turn of the loop.
                guard Monotonic.now() > start + 20_000_000 else { return .more }
                out.append(contentsOf: "at last\n".utf8)
                return .ended
            })
            responder.respond(HTTPResponse(status: 200, stream: stream))
        }
        let client = try server.connect()
        client.send(request)
        _ = try client.receive(through: "at last\n\r\n0\r\n\r\n")
        #expect(asked.load(ordering: .relaxed) > 1)
    }

    @Test func requestsBehindItWait() throws {
        let server = try server()
        let client = try server.connect()
        client.send(request + "GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
        _ = try client.receive(through: "\r\n\r\n")
        speaker.say("one\n")
        speaker.end()
        _ = try client.receive(through: "4\r\none\n\r\n0\r\n\r\n")
    }

    @Test func aServerThatStopsSaysGoodbye() throws {
        let server = try server()
        let (client, old) = (try server.connect(), try server.connect())
        client.send(request)
        _ = try client.receive(through: "\r\n\r\n")
        let isDrained = Atomic(false)
        server.drain(timeout: .seconds(20)) { isDrained.store(true, ordering: .relaxed) }
        #expect(try client.rest() == "4\r\nbye\n\r\n0\r\n\r\n")
        #expect(try old.rest() == "")
        try eventually("all connections end") { isDrained.load(ordering: .relaxed) }
    }

    @Test func headAndOldClients() throws {
        let server = try server()
        let client = try server.connect()
        client.send("HEAD /live HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.response(toHead: true)?.status == 200)
        let old = try server.connect()
        old.send("GET /live HTTP/1.0\r\n\r\n")
        _ = try old.receive(through: "\r\n\r\n")
        speaker.say("one\n")
        speaker.end()
        #expect(try old.rest() == "one\n")
    }
}
