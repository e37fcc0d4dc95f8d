import Dispatch
import Glibc
import Synchronization
import Testing

@testable import HTTP

@Suite(.serialized) struct HTTPServerMemoryTests {
    /// Room for one body of 1 MiB: clients have three quarters of this, and what is large a third of that.
    private func configuration(_ change: (inout HTTPServer.Configuration) -> Void = { _ in })
        -> HTTPServer.Configuration
    {
        .with { configuration in
            configuration.account = MemoryAccount(limit: 12 * 1024 * 1024)
            change(&configuration)
        }
    }

    private static let body = [UInt8](repeating: 0x61, count: 1024 * 1024)

    private func begin(_ client: RawSocket, path: String = "/") {
        client.send("PUT \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: \(Self.body.count)\r\n\r\n")
    }

    @Test func theAccountKeepsRoomForWhatIsSmallAndForPeers() {
        let account = MemoryAccount(limit: 1200)
        #expect(account.limit(of: .clients) == 900 && account.limit(of: .peers) == 300)
        #expect(account.take(300, for: .clients))
        #expect(!account.take(1, for: .clients), "the rest is for what is small")
        #expect(account.take(200, for: .peers) && !account.take(1, for: .peers))
        account.add(599, for: .clients)
        #expect(!account.isFull(for: .clients))
        account.add(1, for: .clients)
        #expect(account.isFull(for: .clients) && !account.isFull(for: .peers))
        account.add(-800, for: .clients)
        #expect(account.take(200, for: .clients))
    }

    @Test func aBodyWaitsUntilThereIsRoomForAllOfIt() throws {
        let server = try TestServer(configuration: configuration())
        let first = try server.connect()
        begin(first)
        first.send(Array(Self.body[..<500_000]))
        try eventually("the first body has its room") { server.used(.clients) >= 2 * Self.body.count }
        let second = try server.connect()
        begin(second)
        try eventually("the second body waits") { server.server.statistics.memoryWaits > 0 }
        // Somebody who wants little is served meanwhile.
        let third = try server.connect()
        third.send("GET /small HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try third.response()?.text == "GET /small ")
        first.send(Array(Self.body[500_000...]))
        #expect(try first.response()?.body.count == Self.body.count + 6)
        second.send(Self.body)
        #expect(try second.response()?.body.count == Self.body.count + 6)
        try eventually("nothing is held") { server.used(.clients) == 0 }
    }

    @Test func whoWaitsTooLongIsRefused() throws {
        let server = try TestServer(
            configuration: configuration {
                $0.memoryPatience = .milliseconds(20)
                $0.bodyPatience = .seconds(60)
            })
        let first = try server.connect()
        begin(first)
        try eventually("the first body has its room") { server.used(.clients) >= 2 * Self.body.count }
        let second = try server.connect()
        begin(second)
        let answer = try #require(try second.response())
        #expect(answer.status == 503 && answer.headers["Retry-After"] == "1")
        #expect(answer.text.contains("\"code\":\"overloaded\""))
        // What was begun is finished.
        first.send(Self.body)
        #expect(try first.response()?.status == 200)
    }

    @Test func aBodyThatStandsStillGivesWay() throws {
        let server = try TestServer(configuration: configuration { $0.bodyPatience = .milliseconds(20) })
        let still = try server.connect()
        begin(still)
        still.send(Array(Self.body.dropLast()))
        try eventually("it has its room") { server.used(.clients) >= 2 * Self.body.count }
        let other = try server.connect()
        begin(other)
        other.send(Self.body)
        #expect(try other.response()?.status == 200)
        #expect(try still.response()?.status == 408)
    }

    @Test func peersHaveRoomOfTheirOwn() throws {
        let server = try TestServer(
            configuration: configuration {
                $0.account = MemoryAccount(limit: 32 * 1024 * 1024)
                $0.isPeerPath = { $0 == "/peer" }
                $0.bodyPatience = .seconds(60)
            })
        let clients = try (0..<4).map { _ in try server.connect() }
        for client in clients { begin(client) }
        try eventually("the clients' room is taken") { server.used(.clients) >= 8 * Self.body.count }
        let peer = try server.connect()
        begin(peer, path: "/peer")
        peer.send(Self.body)
        #expect(try peer.response()?.status == 200)
    }

    @Test func anAnswerIsPulledAsItIsTaken() throws {
        let produced = Atomic(0)
        let server = try TestServer { _, responder in
            var left = 1000
            let stream = HTTPBodyStream { out in
                out.append(contentsOf: [UInt8](repeating: 0x78, count: HTTPBodyStream.pieceBytes))
                produced.add(1, ordering: .relaxed)
                left -= 1
                return left > 0
            }
            responder.respond(HTTPResponse(status: 200, stream: stream))
        }
        let client = try RawSocket(port: server.port, receiveBuffer: 4096)
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        _ = try client.receive(through: "Transfer-Encoding: chunked")
        // What the kernel takes, and one piece more; not the 65 MB that were asked for.
        #expect(produced.load(ordering: .relaxed) < 200)
        #expect(server.used(.clients) < 1024 * 1024)
    }

    @Test func anAnswerInPiecesArrivesWhole() throws {
        let server = try TestServer { request, responder in
            var left = [3, 0, 200_000, 1]
            let stream = HTTPBodyStream { out in
                out.append(contentsOf: [UInt8](repeating: 0x78, count: left.removeFirst()))
                return !left.isEmpty
            }
            responder.respond(
                HTTPResponse(status: 200, headers: HTTPHeaders([("X-Path", request.path)]), stream: stream))
        }
        let client = try server.connect()
        client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n")
        for path in ["/a", "/b"] {
            let answer = try #require(try client.response())
            #expect(answer.headers["X-Path"] == path && answer.body.count == 200_004)
        }
        // HTTP/1.0 knows no chunks: the end of the body is that of the connection.
        let old = try server.connect()
        old.send("GET /c HTTP/1.0\r\n\r\n")
        let text = try old.rest()
        #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n") && text.contains("Connection: close\r\n"))
        #expect(!text.contains("chunked") && text.utf8.reversed().prefix { $0 == 0x78 }.count == 200_004)
    }

    @Test func sharedOctetsHaveALengthAndCostNothing() throws {
        let value = [UInt8](repeating: 0x61, count: 1_500_000)
        let server = try TestServer { _, responder in
            responder.respond(HTTPResponse(status: 200, stream: HTTPBodyStream(sharing: value)))
        }
        let client = try RawSocket(port: server.port, receiveBuffer: 4096)
        client.send(String(repeating: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", count: 64))
        _ = try client.receive(through: "Content-Length: 1500000")
        #expect(server.used(.clients) < 1024 * 1024)
    }

    /// Whoever shares the loop's queue alternates with it.
    @Test func clientsDoNotKeepTheQueueToThemselves() throws {
        let loop = EventLoop(label: "busy")
        let server = HTTPServer(configuration: .init(), loops: [loop], handler: TestServer.echo)
        let port = try server.listen(host: "127.0.0.1", port: 0)
        defer { server.drain(timeout: .zero) {} }
        let requests = Array(String(repeating: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", count: 2000).utf8)
        let clients = try (0..<16).map { _ in try RawSocket(port: port) }
        let isOver = Atomic(false)
        let senders = DispatchGroup()
        for client in clients.map(UncheckedBox.init) {
            senders.enter()
            Sender.detach {
                for _ in 0..<20 where !isOver.load(ordering: .relaxed) {
                    client.value.send(requests)
                    var answers = 0
                    while answers < 2000, (try? client.value.response()) ?? nil != nil { answers += 1 }
                }
                senders.leave()
            }
        }
        try eventually("the storm blows") { server.statistics.requests > 1000 }
        let hops = Atomic(0)
        @Sendable func hop() {
            if hops.add(1, ordering: .relaxed).newValue < 100 { loop.queue.async { hop() } }
        }
        loop.queue.async { hop() }
        try eventually("a hundred hops through the queue of a busy loop") { hops.load(ordering: .relaxed) >= 100 }
        #expect(senders.wait(timeout: .now()) == .timedOut, "the storm blew all the time")
        isOver.store(true, ordering: .relaxed)
        for client in clients { client.shutdownSending() }
        senders.wait()
    }
}

private struct UncheckedBox: @unchecked Sendable { let value: RawSocket }

private enum Sender {
    static func detach(_ body: @escaping @Sendable () -> Void) { DispatchQueue(label: "sender").async(execute: body) }
}

extension TestServer {
    fileprivate func used(_ holder: MemoryAccount.Holder) -> Int {
        server.statistics.memory.first { $0.holder == holder }?.used ?? 0
    }
}
