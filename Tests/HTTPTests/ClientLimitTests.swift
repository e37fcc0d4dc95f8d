import Testing

@testable import HTTP

@Suite struct ClientLimitTests {
    @Test func onlyPatienceStartsAgainWithProgress() {
        let total = ClientRequest.Limit(deadline: 150, patience: nil)
        let patient = ClientRequest.Limit(deadline: 150, patience: 50)
        for progress in [0, 99, 100] as [UInt64] {
            #expect(total.deadline(after: progress) == 150 && patient.deadline(after: progress) == 150)
        }
        #expect(total.deadline(after: 120) == 150 && patient.deadline(after: 120) == 170)
    }

    /// One answer is progress for all requests of the connection; without any, patience ends as well.
    @Test func aConnectionWithoutProgressTimesOut() throws {
        let kept = Box<HTTPResponder>()
        let server = try TestServer { request, responder in
            if request.path == "/kept" { kept.put(responder) } else { TestServer.echo(request, responder) }
        }
        let answers = Box<Result<HTTPResponse, HTTPClientError>>()
        let client = HTTPClientConnection(host: "127.0.0.1", port: server.port, loop: EventLoop(label: "client"))
        for path in ["/", "/kept"] {
            client.send(method: "GET", path: path, timeout: .milliseconds(100), restartsOnProgress: true) {
                answers.put($0)
            }
        }
        #expect(try answers.take().get().text == "GET / ")
        #expect(try answers.take() == .failure(.timedOut))
        try kept.take().respond(HTTPResponse(status: 200))
        client.close()
    }
}
