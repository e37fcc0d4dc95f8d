import Dispatch
import Glibc
import Synchronization
import Testing

@testable import HTTP

@Suite(.serialized) struct HTTPServerLimitsTests {
    @Test func aMalformedRequestIsExplainedAndEndsTheConnection() throws {
        let server = try TestServer()
        let client = try server.connect()
        client.send(
            "GET /good HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost : a\r\n\r\nGET /ignored HTTP/1.1\r\nHost: a\r\n\r\n"
        )
        #expect(try client.response()?.text == "GET /good ")
        let response = try #require(try client.response())
        #expect(response.status == 400)
        #expect(response.headers["Content-Type"] == "application/problem+json")
        #expect(response.headers["Connection"] == "close")
        #expect(
            response.text
                == #"{"status":400,"title":"Bad Request","detail":"Whitespace between a header field name and its colon (RFC 9112 section 5.1).","code":"malformed_request"}"#
        )
        #expect(try client.rest() == "")
        #expect(server.rejections(.malformedRequest) == 1)
    }

    @Test(arguments: [
        ("GET /\(String(repeating: "a", count: 9000)) HTTP/1.1\r\n", 414, "uri_too_long"),
        ("GET / HTTP/1.1\r\nX: \(String(repeating: "a", count: 17000))", 431, "header_too_large"),
        ("GET / HTTP/1.1\r\nHost: a\r\n\(String(repeating: "X: y\r\n", count: 101))\r\n", 431, "header_too_large"),
        ("GET / HTTP/3.0\r\n", 505, "version_not_supported"),
        ("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501, "not_implemented"),
        ("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9999999\r\n\r\n", 413, "body_too_large"),
    ])
    func refusalsHaveTheirStatusAndCode(_ request: String, _ status: Int, _ code: String) throws {
        let server = try TestServer()
        let client = try server.connect()
        client.send(request)
        let text = try client.rest()
        #expect(text.hasPrefix("HTTP/1.1 \(status) "))
        #expect(text.hasSuffix("\"code\":\"\(code)\"}"))
    }

    @Test func theAnswerSurvivesABodyThatIsSentRegardless() throws {
        let server = try TestServer()
        let client = try server.connect()
        client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n")
        client.send([UInt8](repeating: 0x61, count: 3_000_000))
        let text = try client.rest()
        #expect(text.hasPrefix("HTTP/1.1 413 "))
    }

    @Test func aSlowSenderIsToldSo() throws {
        let server = try TestServer(configuration: .with { $0.requestTimeout = .milliseconds(50) })
        for part in ["G", "GET / HTTP/1.1\r\n", "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc"] {
            let client = try server.connect()
            client.send(part)
            let text = try client.rest()
            #expect(
                text.hasPrefix("HTTP/1.1 408 Request Timeout\r\n") && text.hasSuffix("\"code\":\"request_timeout\"}"))
        }
        #expect(server.rejections(.requestTimeout) == 3)
    }

    @Test func anIdleConnectionIsClosedSilently() throws {
        let server = try TestServer(configuration: .with { $0.idleTimeout = .milliseconds(50) })
        let fresh = try server.connect()
        #expect(try fresh.rest() == "")
        let used = try server.connect()
        used.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try used.response()?.status == 200)
        #expect(try used.rest() == "")
    }

    @Test func aSlowHandlerIsNoIdleConnection() throws {
        let kept = Box<HTTPResponder>()
        let server = try TestServer(configuration: .with { $0.idleTimeout = .milliseconds(20) }) { request, responder in
            if request.path == "/slow" { kept.put(responder) } else { responder.respond(HTTPResponse(status: 204)) }
        }
        let slow = try server.connect()
        slow.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        let responder = try kept.take()
        // Another connection has been idle for the whole timeout since.
        #expect(try server.connect().rest() == "")
        responder.respond(HTTPResponse(status: 200))
        #expect(try slow.response()?.status == 200)
    }

    @Test func tooManyConnectionsAreAnsweredAndRoomIsUsedAgain() throws {
        let server = try TestServer(configuration: .with { $0.maxConnections = 2 })
        let first = try server.connect()
        let second = try server.connect()
        for client in [first, second] {
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.response()?.status == 200)
        }
        let third = try server.connect()
        third.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        let text = try third.rest()
        #expect(
            text.hasPrefix("HTTP/1.1 503 ") && text.contains("Retry-After: 1\r\n") && text.contains("\"overloaded\""))
        #expect(server.rejections(.overloaded) == 1)
        first.close()
        try eventually("there is room again") { server.server.statistics.openConnections == 1 }
        let fourth = try server.connect()
        fourth.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try fourth.response()?.status == 200)
    }

    /// RFC 9110 §9.3.2: not even what is refused before it is understood has content.
    @Test(arguments: [
        ("/ HTTP/1.1\r\nHost: a\r\nExpect: luck\r\n\r\n", 417),
        ("/ HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n", 413),
        ("/ HTTP/1.1\r\nHost: a\r\nA: \(String(repeating: "a", count: 20_000))\r\n\r\n", 431),
        ("/\(String(repeating: "a", count: 10_000)) HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        ("/ HTTP/1.1\r\n\r\n", 400), ("/ HTTP/3.0\r\n\r\n", 505),
    ])
    func headThatIsRefusedHasNoContent(request: String, status: Int) throws {
        let server = try TestServer()
        for method in ["HEAD", "GET"] {
            let client = try server.connect()
            client.send("\(method) \(request)")
            let text = try client.rest()
            #expect(text.hasPrefix("HTTP/1.1 \(status) "))
            #expect(text.hasSuffix("\r\n\r\n") == (method == "HEAD"))
        }
    }

    private func reserve(_ told: Box<String>, timeout: Duration = .seconds(60)) -> HTTPServer.Configuration {
        .with {
            $0.maxConnections = 4
            $0.reservedConnections = 2
            $0.isReserved = { $0.path == "/peer" }
            $0.probationTimeout = timeout
            $0.onRefusals = told.put
        }
    }

    @Test func reservedRequestsComeThroughWhenClientsHaveTakenAllElse() throws {
        let told = Box<String>()
        let server = try TestServer(configuration: reserve(told))
        // Four that say nothing: two on the reserve.
        let idle = try (0..<4).map { _ in try server.connect() }
        try eventually("all are accepted") { server.server.statistics.openConnections == 4 }
        #expect(told.isEmpty)
        for _ in 0..<2 {
            let peer = try server.connect()
            peer.send("GET /peer HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try peer.response()?.status == 200)
            #expect(server.server.statistics.openConnections <= 4)
            // A client is told.
            let client = try server.connect()
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.rest().hasPrefix("HTTP/1.1 503 "))
            peer.close()
            try eventually("the peer's place is free") { server.server.statistics.openConnections < 4 }
        }
        #expect(try told.take() == "all 4 connections are taken; new ones are refused")
        #expect(told.isEmpty)
        // Those of the clients' own share are left alone, the silent ones on the reserve made room.
        for client in idle.prefix(2) {
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.response()?.status == 200)
        }
        #expect(try idle[2].rest() == "")
    }

    @Test func reserveIsNotForOthersLater() throws {
        let server = try TestServer(configuration: reserve(Box()))
        let clients = try (0..<2).map { _ in try server.connect() }
        try eventually("both are accepted") { server.server.statistics.openConnections == 2 }
        let peer = try server.connect()
        peer.send("GET /peer HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try peer.response()?.status == 200)
        #expect(try peer.response()?.status == 503)
        withExtendedLifetime(clients) {}
    }

    @Test func silenceOnTheReserveIsShort() throws {
        let server = try TestServer(configuration: reserve(Box(), timeout: .milliseconds(50)))
        let clients = try (0..<3).map { _ in try server.connect() }
        #expect(try clients[2].rest() == "")
        try eventually("its place is free") { server.server.statistics.openConnections == 2 }
    }

    @Test func refusalsAreToldNowAndThen() throws {
        let told = Box<String>()
        let notice = RefusalNotice(told.put)
        for second in UInt64(0)..<60 { notice.note(.descriptors, now: second * 1_000_000_000) }
        notice.note(.connections(5), now: 1)
        notice.note(.descriptors, now: 60_000_000_000)
        #expect(try [told.take(), told.take(), told.take()].map { $0.prefix(7) } == ["the pro", "all 5 c", "the pro"])
        #expect(told.isEmpty)
    }

    @Test func idleAndSlowConnectionsDoNotHoldUpTheOthers() throws {
        let server = try TestServer()
        let idle = try (0..<300).map { _ in try server.connect() }
        let slow = try (0..<50).map { _ in try server.connect() }
        for client in slow { client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n") }
        let client = try server.connect()
        for round in 0..<200 {
            slow[round % slow.count].send("x")
            client.send("GET /\(round) HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.response()?.text == "GET /\(round) ")
        }
        #expect(server.server.statistics.openConnections == idle.count + slow.count + 1)
        #expect(server.server.statistics.requests == 200)
    }

    @Test func aResponseLargerThanTheSocketsBuffersArrivesWhole() throws {
        let body = [UInt8](repeating: 0x61, count: 8_000_000)
        let server = try TestServer { _, responder in responder.respond(HTTPResponse(status: 200, body: body)) }
        let client = try RawSocket(port: server.port, receiveBuffer: 65536)
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        var received = 0
        while received < body.count {
            let more = try #require(client.receiveSome())
            try #require(!more.isEmpty)
            received += more.count
        }
        client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        while let more = client.receiveSome(), !more.isEmpty { received += more.count }
        #expect(received > 2 * body.count && received < 2 * body.count + 1000)
    }

    @Test func aPeerThatDoesNotReadIsNotReadFrom() throws {
        let body = [UInt8](repeating: 0x61, count: 100_000)
        let server = try TestServer(configuration: .with { $0.maxOutputBytes = 200_000 }) { _, responder in
            responder.respond(HTTPResponse(status: 200, body: body))
        }
        let client = try server.connect()
        let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        client.send(String(repeating: request, count: 400))
        try eventually("the requests have arrived") { server.server.statistics.requests > 0 }
        // All came at once, so that by the answer to another connection they would all have been taken.
        let other = try server.connect()
        other.send(request)
        #expect(try other.response()?.status == 200)
        #expect(server.server.statistics.requests < 300)
        for _ in 0..<400 { #expect(try client.response()?.body.count == body.count) }
        #expect(server.server.statistics.requests == 401)
    }

    @Test func aPeerThatNeverReadsIsDropped() throws {
        let body = [UInt8](repeating: 0x61, count: 20_000_000)
        let server = try TestServer(configuration: .with { $0.writeTimeout = .milliseconds(50) }) { _, responder in
            responder.respond(HTTPResponse(status: 200, body: body))
        }
        let client = try server.connect()
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        try eventually("the connection is dropped") { server.server.statistics.slowReadersDropped == 1 }
        try eventually("it is not counted any more") { server.server.statistics.openConnections == 0 }
        client.close()
    }

    /// In a process of its own, since the limit is the process's.
    @Test func survivesHavingNoDescriptorLeft() async {
        await #expect(processExitsWith: .success) {
            let server = try TestServer()
            let first = try server.connect()
            first.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            try #require(try first.response()?.status == 200)
            let waiting = (0..<3).map { _ in socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0) }
            let address = try #require(SocketAddress(numeric: "127.0.0.1", port: server.port, family: AF_INET))
            var old = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &old)
            var tight = old
            tight.rlim_cur = 3
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &tight)
            for descriptor in waiting { _ = address.withSockaddr { Glibc.connect(descriptor, $0, $1) } }
            try eventually("accept has failed") { server.server.statistics.acceptsWithoutDescriptor > 0 }
            first.send("GET /still HTTP/1.1\r\nHost: a\r\n\r\n")
            try #require(try first.response()?.text == "GET /still ")
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &old)
            let last = try server.connect()
            last.send("GET /again HTTP/1.1\r\nHost: a\r\n\r\n")
            try #require(try last.response()?.text == "GET /again ")
        }
    }
}

@Suite(.serialized) struct HTTPServerDrainTests {
    @Test func requestsInProgressAreAnsweredAndIdleConnectionsClosed() throws {
        let kept = Box<HTTPResponder>()
        let done = Box<Void>()
        let server = try TestServer(loops: 2) { request, responder in
            if request.path == "/kept" { kept.put(responder) } else { TestServer.echo(request, responder) }
        }
        let idle = try server.connect()
        idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        _ = try idle.response()
        let busy = try server.connect()
        busy.send("GET /kept HTTP/1.1\r\nHost: a\r\n\r\n")
        let responder = try kept.take()
        let sending = try server.connect()
        sending.send("PUT /late HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n")
        try eventually("all have been accepted") { server.server.statistics.bytesReceived > 100 }

        let plain = HTTPServer(configuration: .init(), loops: [EventLoop(label: "unused")], handler: TestServer.echo)
        plain.drain(timeout: .seconds(20)) { done.put(()) }
        try done.take()

        server.drain(timeout: .seconds(20)) { done.put(()) }
        #expect(try idle.rest() == "")
        #expect(done.isEmpty)
        responder.respond(HTTPResponse(status: 200, body: [0x41]))
        let text = try busy.rest()
        #expect(text.contains("Connection: close\r\n") && text.hasSuffix("A"))
        sending.send("abc")
        let late = try sending.rest()
        #expect(late.contains("Connection: close\r\n") && late.hasSuffix("PUT /late abc"))
        busy.close()
        sending.close()
        try done.take()
        #expect(server.server.statistics.openConnections == 0)
    }

    @Test func whatIsLeftAfterTheTimeoutIsClosed() throws {
        let kept = Box<HTTPResponder>()
        let done = Box<Void>()
        let server = try TestServer { _, responder in kept.put(responder) }
        let client = try server.connect()
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        let responder = try kept.take()
        server.drain(timeout: .milliseconds(50)) { done.put(()) }
        try done.take()
        #expect(client.receiveSome()?.isEmpty != false)
        responder.respond(HTTPResponse(status: 200))
    }

    @Test func nothingIsAcceptedAfterwards() throws {
        let done = Box<Void>()
        let server = try TestServer()
        server.drain(timeout: .seconds(20)) { done.put(()) }
        try done.take()
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { Socket.close(descriptor) }
        let address = try #require(SocketAddress(numeric: "127.0.0.1", port: server.port, family: AF_INET))
        #expect(address.withSockaddr { Glibc.connect(descriptor, $0, $1) } == -1)
        #expect(errno == ECONNREFUSED)
    }
}
