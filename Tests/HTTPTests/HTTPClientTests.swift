import Glibc
import Synchronization
import Testing

@testable import HTTP

private typealias Answer = Result<HTTPResponse, HTTPClientError>

@Suite(.serialized) struct HTTPClientTests {
    private let loop = EventLoop(label: "client")

    @Test func sendsWhatItIsGivenAndReconnectsLazily() throws {
        let server = try TestServer { request, responder in
            let names = ["Host", "Content-Length", "X-A"].map { "\($0)=\(request.headers[$0] ?? "")" }
            let text = "\(request.method) \(request.path)?\(request.query ?? "") \(names) \(request.body.count)"
            responder.respond(HTTPResponse(status: 201, headers: HTTPHeaders([("X-B", "c")]), body: Array(text.utf8)))
        }
        let answers = Box<Answer>()
        let client = HTTPClientConnection(host: "127.0.0.1", port: server.port, loop: loop)
        client.send(
            method: "POST", path: "/a b/ä?q=\"", headers: HTTPHeaders([("X-A", "1"), ("Content-Length", "9")]),
            timeout: .seconds(20)
        ) { answers.put($0) }
        let first = try answers.take().get()
        #expect(first.status == 201 && first.headers["x-b"] == "c")
        let host = "Host=127.0.0.1:\(server.port)"
        #expect(first.text == "POST /a%20b/%C3%A4?q=%22 [\"\(host)\", \"Content-Length=0\", \"X-A=1\"] 0")
        client.send(method: "PUT", path: "/", body: [1, 2], timeout: .seconds(20)) { answers.put($0) }
        #expect(try answers.take().get().text == "PUT /? [\"\(host)\", \"Content-Length=2\", \"X-A=\"] 2")
        client.send(method: "HEAD", path: "/", timeout: .seconds(20)) { answers.put($0) }
        #expect(try answers.take().get().body == [])
        client.send(method: "GET", path: "/", timeout: .seconds(20)) { answers.put($0) }
        #expect(try answers.take().get().text.hasSuffix(" 0"))
        #expect(server.server.statistics.acceptedConnections == 1)
        client.close()
    }

    @Test func pipelinesFromManyThreadsAndKeepsEachAnswerToItsRequest() throws {
        let server = try TestServer()
        let client = HTTPClientConnection(host: "localhost", port: server.port, loop: loop)
        let done = Box<Bool>()
        for thread in 0..<4 {
            Thread.detach {
                for index in 0..<200 {
                    client.send(method: "GET", path: "/\(thread)/\(index)", timeout: .seconds(20)) { answer in
                        done.put((try? answer.get().text) == "GET /\(thread)/\(index) ")
                    }
                }
            }
        }
        for _ in 0..<800 { #expect(try done.take()) }
        #expect(server.server.statistics.acceptedConnections == 1)
        client.close()
    }

    @Test func aRefusedConnectionFailsWhatWaitedAndTheNextSendTriesAgain() throws {
        let closed = Box<HTTPClientError>()
        let answers = Box<Answer>()
        let first = try TestServer()
        let port = first.port
        let done = Box<Void>()
        first.drain(timeout: .zero) { done.put(()) }
        try done.take()
        let client = HTTPClientConnection(host: "127.0.0.1", port: port, loop: loop) { closed.put($0) }
        for _ in 0..<2 { client.send(method: "GET", path: "/", timeout: .seconds(20)) { answers.put($0) } }
        for _ in 0..<2 { #expect(try answers.take() == .failure(.connectionFailed(errno: ECONNREFUSED))) }
        let refused = HTTPClientError.connectionFailed(errno: ECONNREFUSED)
        #expect(try closed.take() == refused)
        let second = HTTPServer(configuration: .init(), loops: [EventLoop(label: "server")], handler: TestServer.echo)
        _ = try second.listen(host: "127.0.0.1", port: port)
        client.send(method: "GET", path: "/x", timeout: .seconds(20)) { answers.put($0) }
        #expect(try answers.take().get().text == "GET /x ")
        // The end of an idle connection is noticed without a request.
        second.drain(timeout: .zero) {}
        // The two requests above made one attempt or two, as the threads ran.
        var end = try closed.take()
        while end == refused { end = try closed.take() }
        #expect(end == .connectionClosed)
        client.close()
    }

    @Test func aNameThatDoesNotExistIsAnErrorOfItsOwn() throws {
        let answers = Box<Answer>()
        let client = HTTPClientConnection(host: "no.such.host.invalid", port: 80, loop: loop)
        client.send(method: "GET", path: "/", timeout: .seconds(20)) { answers.put($0) }
        guard case .failure(.resolutionFailed(let text)) = try answers.take() else {
            Issue.record("no resolution failure")
            return
        }
        #expect(text.hasPrefix("no.such.host.invalid: "))
        client.close()
    }

    @Test func aTimedOutRequestBreaksTheConnectionAndTheNextUsesAnother() throws {
        let kept = Box<HTTPResponder>()
        let server = try TestServer { request, responder in
            if request.path == "/kept" { kept.put(responder) } else { TestServer.echo(request, responder) }
        }
        let answers = Box<Answer>()
        let closed = Box<HTTPClientError>()
        let client = HTTPClientConnection(host: "127.0.0.1", port: server.port, loop: loop) { closed.put($0) }
        client.send(method: "GET", path: "/kept", timeout: .milliseconds(50)) { answers.put($0) }
        client.send(method: "GET", path: "/behind", timeout: .seconds(20)) { answers.put($0) }
        #expect(try answers.take() == .failure(.timedOut))
        #expect(try answers.take() == .failure(.connectionClosed))
        #expect(try closed.take() == .timedOut)
        client.send(method: "GET", path: "/next", timeout: .seconds(20)) { answers.put($0) }
        #expect(try answers.take().get().text == "GET /next ")
        try kept.take().respond(HTTPResponse(status: 200))
        client.close()
    }

    @Test func aConnectionThatIsNeverAcceptedTimesOut() throws {
        // A full backlog lets a connect hang without a network that loses packets.
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { Socket.close(listener) }
        let address = try #require(SocketAddress(numeric: "127.0.0.1", port: 0, family: AF_INET))
        #expect(address.withSockaddr { bind(listener, $0, $1) } == 0 && listen(listener, 0) == 0)
        let port = Socket.localAddress(listener).port
        let filler = Socket.make(family: AF_INET)
        defer { Socket.close(filler) }
        let target = try #require(SocketAddress(numeric: "127.0.0.1", port: port, family: AF_INET))
        _ = target.withSockaddr { connect(filler, $0, $1) }
        let answers = Box<Answer>()
        let client = HTTPClientConnection(
            host: "127.0.0.1", port: port, loop: loop, connectTimeout: .milliseconds(50))
        client.send(method: "GET", path: "/", timeout: .seconds(20)) { answers.put($0) }
        #expect(try answers.take() == .failure(.connectionFailed(errno: ETIMEDOUT)))
        client.close()
    }

    @Test func closeFailsWhatIsOutstandingAndNothingIsSentAfterwards() throws {
        let kept = Box<HTTPResponder>()
        let server = try TestServer { _, responder in kept.put(responder) }
        let answers = Box<Answer>()
        let closed = Box<HTTPClientError>()
        let client = HTTPClientConnection(host: "127.0.0.1", port: server.port, loop: loop) { closed.put($0) }
        client.send(method: "GET", path: "/", timeout: .seconds(20)) { answers.put($0) }
        _ = try kept.take()
        client.close()
        #expect(try answers.take() == .failure(.connectionClosed))
        client.send(method: "GET", path: "/", timeout: .seconds(20)) { answers.put($0) }
        #expect(try answers.take() == .failure(.connectionClosed))
        #expect(closed.isEmpty)
    }

    @Test func aResponseOverTheLimitIsRefused() throws {
        let server = try TestServer { _, responder in
            responder.respond(HTTPResponse(status: 200, body: [UInt8](repeating: 0, count: 1001)))
        }
        let answers = Box<Answer>()
        let client = HTTPClientConnection(host: "127.0.0.1", port: server.port, loop: loop, maxResponseBytes: 1000)
        client.send(method: "GET", path: "/", timeout: .seconds(20)) { answers.put($0) }
        guard case .failure(.invalidResponse) = try answers.take() else {
            Issue.record("accepted")
            return
        }
        client.close()
    }

    /// So large that the server pauses reading again and again with octets in hand, which must not be overtaken.
    @Test func largeBodiesGoBothWays() throws {
        let server = try TestServer(configuration: .with { $0.maxOutputBytes = 100_000 }) { request, responder in
            responder.respond(HTTPResponse(status: 200, body: request.body))
        }
        let answers = Box<Answer>()
        let client = HTTPClientConnection(host: "127.0.0.1", port: server.port, loop: loop)
        let body = (0..<700_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        for _ in 0..<20 { client.send(method: "PUT", path: "/", body: body, timeout: .seconds(20)) { answers.put($0) } }
        for _ in 0..<20 {
            let response = try answers.take().get()
            #expect(response.body == body, "\(response.status), \(response.text.prefix(200))")
        }
        client.close()
    }

    /// A server of another make, which answers each connection with the same octets and closes it.
    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "abcde"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "abc"),
        ("HTTP/1.0 200 OK\r\n\r\nuntil the end", "until the end"),
        ("HTTP/1.1 200\r\nConnection: close\r\n\r\nabc", "abc"),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na",
            "a"
        ),
        ("HTTP/1.1 204 No Content\r\n\r\n", ""),
    ])
    func understandsOtherServers(_ octets: String, _ expected: String) throws {
        let answer = try answerOfServer(sending: octets)
        #expect(try answer.get().text == expected)
    }

    @Test(arguments: [
        "nonsense\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    ])
    func refusesNonsense(_ octets: String) throws {
        guard case .failure(.invalidResponse) = try answerOfServer(sending: octets) else {
            Issue.record("accepted")
            return
        }
    }

    @Test(arguments: [
        "", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
    ])
    func aBrokenOffResponseIsAFailure(_ octets: String) throws {
        #expect(try answerOfServer(sending: octets) == .failure(.connectionClosed))
    }

    private func answerOfServer(sending octets: String) throws -> Answer {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        let address = try #require(SocketAddress(numeric: "127.0.0.1", port: 0, family: AF_INET))
        try #require(address.withSockaddr { bind(listener, $0, $1) } == 0 && listen(listener, 1) == 0)
        let port = Socket.localAddress(listener).port
        Thread.detach {
            let peer = accept(listener, nil, nil)
            var request = [UInt8](repeating: 0, count: 4096)
            _ = recv(peer, &request, request.count, 0)
            _ = Array(octets.utf8).withUnsafeBytes { Socket.send(peer, $0) }
            Socket.close(peer)
            Socket.close(listener)
        }
        let answers = Box<Answer>()
        let client = HTTPClientConnection(host: "127.0.0.1", port: port, loop: loop)
        defer { client.close() }
        client.send(method: "GET", path: "/", timeout: .seconds(20)) { answers.put($0) }
        return try answers.take()
    }
}

@Suite struct HTTPResponseParserTests {
    @Test func responsesAreReadTheSameHoweverTheyAreCut() throws {
        let stream = bytes(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
                + "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nde\r\n0\r\nT: u\r\n\r\n"
                + "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 500 Oops\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        func read(_ pieces: [[UInt8]]) throws -> [HTTPParsedResponse] {
            var parser = HTTPResponseParser()
            var found: [HTTPParsedResponse] = []
            for piece in pieces {
                var position = 0
                while let parsed = try parser.next(piece.span, at: &position, isToHead: false) { found.append(parsed) }
            }
            return found
        }
        let whole = try read([stream])
        #expect(whole.map(\.response.status) == [200, 200, 204, 500])
        #expect(whole.map(\.response.text) == ["abc", "de", "", ""])
        #expect(whole.map(\.keepsAlive) == [true, true, true, false])
        for pieces in cuts(stream) { #expect(try read(pieces) == whole) }
    }
}

@Suite struct HTTPHeadersTests {
    @Test func fieldsAreFoundWithoutRegardToCaseAndComparedInOrder() {
        var headers = HTTPHeaders([("A", "1"), ("b", " 2 ")])
        headers.add("a", "3")
        #expect(headers["B"] == "2" && headers.all("A") == ["1", "3"] && headers["c"] == nil && headers.contains("a"))
        #expect(headers == HTTPHeaders([("a", "1"), ("B", "2"), ("A", "3")]))
        #expect(headers != HTTPHeaders([("a", "1"), ("a", "3"), ("b", "2")]))
        #expect(headers != HTTPHeaders([("a", "1"), ("b", "2")]))
    }

    @Test func datesAreThoseOfTheRFC() {
        #expect(HTTPDate.format(unixSeconds: 784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(HTTPDate.format(unixSeconds: 0) == "Thu, 01 Jan 1970 00:00:00 GMT")
    }
}
