import Glibc
import Synchronization
import Testing

@testable import HTTP

@Suite(.serialized) struct HTTPServerTests {
    @Test func answersOnOneConnectionOneAfterTheOther() throws {
        let server = try TestServer()
        let client = try server.connect()
        for index in 0..<5 {
            client.send("POST /\(index) HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")
            let response = try #require(try client.response())
            #expect(response.text == "POST /\(index) hi")
            #expect(response.headers["date"]?.hasSuffix(" GMT") == true)
            #expect(response.headers["server"] == nil)
        }
        #expect(server.server.statistics.acceptedConnections == 1)
        #expect(server.server.statistics.requests == 5)
    }

    @Test func aRequestInSingleOctetsIsAnswered() throws {
        let server = try TestServer()
        let client = try server.connect()
        Socket.disableNagle(client.descriptor)
        let request =
            "PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\nT: u\r\n\r\n"
        for octet in request.utf8 { client.send([octet]) }
        #expect(try client.response()?.text == "PUT /x abc")
    }

    @Test func pipelinedAnswersKeepTheOrderWhateverOrderTheyAreGivenIn() throws {
        let waiting = Mutex([(HTTPRequest, HTTPResponder)]())
        let server = try TestServer { request, responder in
            let all = waiting.withLock { waiting in
                waiting.append((request, responder))
                return waiting.count == 20 ? waiting : []
            }
            for (request, responder) in all.reversed() {
                responder.respond(HTTPResponse(status: 200, body: Array(request.path.utf8)))
                responder.respond(HTTPResponse(status: 500))
            }
        }
        let client = try server.connect()
        client.send((0..<20).map { "GET /\($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined())
        for index in 0..<20 {
            #expect(try client.response()?.text == "/\(index)")
        }
    }

    @Test func readsAndWritesOfOneConnectionDoNotOvertakeEachOther() throws {
        let waiting = Mutex([(HTTPRequest, HTTPResponder)]())
        let server = try TestServer { request, responder in
            waiting.withLock { $0.append((request, responder)) }
        }
        let client = try server.connect()
        let methods = ["PUT", "PUT", "GET", "HEAD", "DELETE", "GET"]
        client.send(methods.map { "\($0) / HTTP/1.1\r\nHost: a\r\n\r\n" }.joined())
        // What comes in between has been handed on when an answer to another connection's request has arrived.
        let witness = try server.connect()
        func begun() throws -> [String] {
            witness.send("GET /witness HTTP/1.1\r\nHost: a\r\n\r\n")
            try eventually("the witness") { waiting.withLock { $0.contains { $0.0.path == "/witness" } } }
            let all = waiting.withLock { waiting in
                defer { waiting = waiting.filter { $0.0.path != "/witness" } }
                return waiting
            }
            for (request, responder) in all where request.path == "/witness" {
                responder.respond(HTTPResponse(status: 204))
            }
            #expect(try witness.response()?.status == 204)
            return all.map(\.0).filter { $0.path != "/witness" }.map(\.method)
        }
        func answerFirst(_ method: String) throws {
            waiting.withLock { $0.removeFirst() }.1.respond(HTTPResponse(status: 200, body: Array(method.utf8)))
            #expect(try client.response(toHead: method == "HEAD")?.status == 200)
        }
        try eventually("the first two") { waiting.withLock { $0.count } == 2 }
        #expect(try begun() == ["PUT", "PUT"])
        try answerFirst("PUT")
        #expect(try begun() == ["PUT"])
        try answerFirst("PUT")
        #expect(try begun() == ["GET", "HEAD"])
        try answerFirst("GET")
        try answerFirst("HEAD")
        #expect(try begun() == ["DELETE"])
        client.shutdownSending()
        try answerFirst("DELETE")
        #expect(try begun() == ["GET"])
        try answerFirst("GET")
        #expect(try client.response() == nil)
    }

    @Test func aPeerCannotHaveMoreRequestsInProgressThanAllowed() throws {
        let waiting = Mutex([HTTPResponder]())
        let most = Atomic(0)
        let server = try TestServer(configuration: .with { $0.maxPipelinedRequests = 4 }) { _, responder in
            let count = waiting.withLock { waiting in
                waiting.append(responder)
                return waiting.count
            }
            most.max(count, ordering: .relaxed)
        }
        let client = try server.connect()
        client.send((0..<100).map { "GET /\($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined())
        for _ in 0..<100 {
            try eventually("a request arrives") { waiting.withLock { !$0.isEmpty } }
            waiting.withLock { $0.removeFirst() }.respond(HTTPResponse(status: 204))
            #expect(try client.response()?.status == 204)
        }
        #expect(most.load(ordering: .relaxed) <= 4)
    }

    @Test func answersFromOtherThreadsArrive() throws {
        let server = try TestServer(loops: 2) { request, responder in
            Thread.detach { responder.respond(HTTPResponse(status: 200, body: Array(request.path.utf8))) }
        }
        let clients = try (0..<8).map { _ in try server.connect() }
        for round in 0..<20 {
            for client in clients { client.send("GET /\(round) HTTP/1.1\r\nHost: a\r\n\r\n") }
            for client in clients { #expect(try client.response()?.text == "/\(round)") }
        }
    }

    @Test func headHasTheLengthButNotTheBody() throws {
        let server = try TestServer()
        let client = try server.connect()
        client.send("HEAD /abc HTTP/1.1\r\nHost: a\r\n\r\nGET /d HTTP/1.1\r\nHost: a\r\n\r\n")
        let response = try #require(try client.response(toHead: true))
        #expect(response.headers["Content-Length"] == "10")
        #expect(try client.response()?.text == "GET /d ")
    }

    @Test func noContentHasNeitherBodyNorLength() throws {
        let server = try TestServer { request, responder in
            responder.respond(HTTPResponse(status: request.path == "/304" ? 304 : 204, body: [1, 2, 3]))
        }
        let client = try server.connect()
        for status in [204, 304] {
            client.send("GET /\(status) HTTP/1.1\r\nHost: a\r\n\r\n")
            let text = try client.receive(through: "\r\n\r\n")
            #expect(text.hasPrefix("HTTP/1.1 \(status) ") && text.hasSuffix("\r\n\r\n"))
            #expect(!text.lowercased().contains("content-length"))
        }
    }

    @Test(arguments: [
        ("GET / HTTP/1.0\r\n\r\n", "close"),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "close"),
    ])
    func theConnectionEndsWhenAskedTo(_ request: String, _ field: String) throws {
        let server = try TestServer()
        let client = try server.connect()
        client.send(request + "GET /ignored HTTP/1.1\r\nHost: a\r\n\r\n")
        let text = try client.rest()
        #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n") && text.contains("Connection: \(field)\r\n"))
        #expect(!text.contains("/ignored"))
    }

    @Test func version10StaysOpenWhenAskedTo() throws {
        let server = try TestServer()
        let client = try server.connect()
        for _ in 0..<2 {
            client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            #expect(try client.response()?.headers["Connection"] == "keep-alive")
        }
    }

    @Test func aHandlerCanEndTheConnection() throws {
        let server = try TestServer { _, responder in
            responder.respond(HTTPResponse(status: 200, headers: HTTPHeaders([("Connection", "close")])))
        }
        let client = try server.connect()
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        let text = try client.rest()
        #expect(text.split(separator: "Connection: close").count == 2)
    }

    @Test func anOfferToUpgradeIsIgnored() throws {
        let server = try TestServer()
        let client = try server.connect()
        client.send(
            "POST /h2c HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nContent-Length: 2\r\nHost: a\r\n"
                + "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\nUpgrade: h2c\r\n\r\nhi")
        let response = try #require(try client.response())
        #expect(response.status == 200 && response.text == "POST /h2c hi")
        #expect(response.headers["Connection"] == nil)
    }

    @Test func continueIsSentBeforeTheBodyAndAfterEarlierAnswers() throws {
        let first = Box<HTTPResponder>()
        let server = try TestServer { request, responder in
            if request.path == "/first" { first.put(responder) } else { TestServer.echo(request, responder) }
        }
        let client = try server.connect()
        client.send(
            "GET /first HTTP/1.1\r\nHost: a\r\n\r\nPUT /second HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
        )
        try first.take().respond(HTTPResponse(status: 204))
        let text = try client.receive(through: "100 Continue\r\n\r\n")
        #expect(text.hasPrefix("HTTP/1.1 204 "))
        client.send("abc")
        #expect(try client.response()?.text == "PUT /second abc")
    }

    @Test func halfClosedConnectionsGetTheirAnswers() throws {
        let kept = Box<HTTPResponder>()
        let server = try TestServer { _, responder in kept.put(responder) }
        let client = try server.connect()
        client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
        client.shutdownSending()
        let responders = [try kept.take(), try kept.take()]
        for responder in responders { responder.respond(HTTPResponse(status: 200, body: [0x41])) }
        let text = try client.rest()
        #expect(text.split(separator: "HTTP/1.1 200 OK").count == 2)
        #expect(text.hasSuffix("\r\n\r\nA"))
    }

    @Test(arguments: [true, false])
    func theEndOfAConnectionIsNoticedAtOnce(_ byReset: Bool) throws {
        let connections = Box<HTTPServerConnection>()
        let ended = Box<UInt64>()
        let server = try TestServer { request, responder in
            let connection = request.connection
            connection.onClose { ended.put(connection.id) }
            connections.put(connection)
            responder.respond(HTTPResponse(status: 204))
        }
        let client = try server.connect()
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.response()?.status == 204)
        if byReset { client.reset() } else { client.close() }
        let connection = try connections.take()
        #expect(try ended.take() == connection.id)
        connection.onClose { ended.put(0) }
        #expect(try ended.take() == 0)
        try eventually("the connection is not counted any more") { server.server.statistics.openConnections == 0 }
    }

    @Test func aResetWhileTheAnswerIsDueDoesNoHarm() throws {
        let kept = Box<HTTPResponder>()
        let ended = Box<Void>()
        let server = try TestServer { request, responder in
            if request.path == "/kept" {
                request.connection.onClose { ended.put(()) }
                kept.put(responder)
            } else {
                responder.respond(HTTPResponse(status: 204))
            }
        }
        for _ in 0..<50 {
            let client = try server.connect()
            client.send("GET /kept HTTP/1.1\r\nHost: a\r\n\r\n")
            let responder = try kept.take()
            client.reset()
            try ended.take()
            responder.respond(HTTPResponse(status: 200, body: [UInt8](repeating: 0, count: 100_000)))
        }
        let client = try server.connect()
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.response()?.status == 204)
    }

    @Test func headerValuesCannotSplitAResponse() throws {
        let server = try TestServer { _, responder in
            let headers = HTTPHeaders([
                ("X-A", "b\r\nX-Evil: c\r\n\r\nbody\0"), ("Content-Length", "99"), ("Transfer-Encoding", "chunked"),
                ("Date", "never"),
            ])
            responder.respond(HTTPResponse(status: 200, headers: headers, body: [0x41]))
        }
        let client = try server.connect()
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        let response = try #require(try client.response())
        #expect(response.headers["X-A"] == "b  X-Evil: c    body")
        #expect(response.headers["X-Evil"] == nil && response.headers["Transfer-Encoding"] == nil)
        #expect(response.headers.all("Content-Length") == ["1"])
        #expect(response.headers.all("Date").count == 1 && response.headers["Date"] != "never")
    }

    @Test func listensOnEveryAddressOfBothFamilies() throws {
        let loop = EventLoop(label: "test")
        let server = HTTPServer(configuration: .init(), loops: [loop], handler: TestServer.echo)
        let port = try server.listen(host: nil, port: 0)
        defer { server.drain(timeout: .zero) {} }
        let clients = EventLoop(label: "clients")
        for host in ["127.0.0.1", "::1", "localhost"] {
            let answers = Box<Result<HTTPResponse, HTTPClientError>>()
            let client = HTTPClientConnection(host: host, port: port, loop: clients)
            client.send(method: "GET", path: "/x", timeout: .seconds(20)) { answers.put($0) }
            #expect(try answers.take().get().text == "GET /x ", "\(host)")
            client.close()
        }
    }

    @Test func aTakenPortIsAnErrorThatNamesIt() throws {
        let server = try TestServer()
        let other = HTTPServer(configuration: .init(), loops: [EventLoop(label: "test")], handler: TestServer.echo)
        let error = #expect(throws: HTTPServerError.self) { try other.listen(host: "127.0.0.1", port: server.port) }
        #expect(error?.errno == EADDRINUSE)
        #expect(error?.operation == "bind 127.0.0.1:\(server.port)")
        #expect(throws: HTTPServerError.self) { try other.listen(host: "no.such.host.invalid", port: 0) }
    }
}

/// A thread of its own for what must not run on a loop.
enum Thread {
    static func detach(_ body: @escaping @Sendable () -> Void) {
        let context = Unmanaged.passRetained(Context(body)).toOpaque()
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { context in
                Unmanaged<Context>.fromOpaque(context!).takeRetainedValue().body()
                return nil
            }, context)
        pthread_detach(thread)
    }

    private final class Context {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
}
