import HTTP
import Raft
import Server
import Synchronization
import Testing
import Wire

@testable import API

/// The router behind a real server.
@Suite(.timeLimit(.minutes(1))) struct SocketTests {
    @Test func `the node learns once that a peer's connection has ended`() async throws {
        let node = FakeNode()
        let router = Router(service: node, now: { FakeNode.now })
        let loop = EventLoop(label: "test")
        let server = HTTPServer(configuration: .init(), loops: [loop]) { router.handle($0, $1) }
        let port = try server.listen(host: "127.0.0.1", port: 0)
        let (ended, report) = AsyncStream<UInt64>.makeStream()
        node.state.withLock { $0.connectionClosed = { report.yield($0) } }

        let connection = HTTPClientConnection(host: "127.0.0.1", port: port, loop: loop)
        for _ in 0..<3 { #expect(await vote(on: connection).map(\.status) == .success(200)) }
        let names = Set(node.state.withLock { $0.received.map(\.connection) })
        #expect(names.count == 1)
        connection.close()
        #expect(await ended.first { _ in true } == names.first)

        // A second connection has a name of its own.
        let other = HTTPClientConnection(host: "127.0.0.1", port: port, loop: loop)
        _ = await vote(on: other)
        other.close()
        let second = try #require(await ended.first { _ in true })
        #expect(!names.contains(second))
        #expect(node.state.withLock { $0.closed } == [names.first, second])
        await withCheckedContinuation { continuation in
            server.drain(timeout: .seconds(5)) { continuation.resume() }
        }
    }

    private func vote(on connection: HTTPClientConnection) async -> Result<HTTPResponse, HTTPClientError> {
        let vote = RequestVote(term: Term(1), candidate: NodeID(1), lastLog: .zero)
        let body = MessageCodec.encodeLegacy(.requestVote(vote), sender: NodeID(1), clusterID: nil)
        return await withCheckedContinuation { continuation in
            connection.send(
                method: "POST", path: "/api/v1/raft/vote",
                headers: HTTPHeaders([(name: "Content-Type", value: MessageCodec.contentType)]), body: body,
                timeout: .seconds(30)
            ) { continuation.resume(returning: $0) }
        }
    }
}
