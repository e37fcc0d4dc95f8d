import ArgumentParser
import FoundationEssentials
import HTTP

/// What all client commands share.
struct ClientOptions: ParsableArguments {
    @Option(
        name: .customLong("endpoint"),
        help: ArgumentHelp("Any node of the cluster; more than one for when that one is down.", valueName: "url"))
    var endpoints = ["http://localhost:9091"]

    @Option(help: ArgumentHelp("How long to look for a node that can serve the request.", valueName: "seconds"))
    var timeout = 10.0

    @Flag(help: "Print the server's JSON as it came.")
    var json = false

    func validate() throws {
        for endpoint in endpoints where Endpoint(endpoint) == nil {
            throw ValidationError("'\(endpoint)' is no endpoint; give http://host:port (https is not supported)")
        }
        guard timeout > 0, timeout <= 3600 else {
            throw ValidationError("--timeout takes seconds from above 0 to 3600")
        }
    }

    /// - Parameters:
    ///   - patience: Instead of ``timeout``.
    ///   - download: Carries those requests whose answers may be of any length; `nil` for others.
    func makeClient(
        patience: Duration? = nil,
        download: @escaping (ClientRequest, Endpoint) -> Result<HTTPResponse, HTTPClientError>? = { _, _ in nil }
    ) -> ClusterClient {
        ClusterClient(
            endpoints: endpoints.compactMap(Endpoint.init),
            patience: patience ?? .milliseconds(Int64(timeout * 1000)), download: download)
    }

    /// Sends the request, and prints the answer as JSON or as `describe` puts it.
    func run<Answer: Decodable>(
        _ request: ClientRequest, _ type: Answer.Type, describe: (Answer) -> String
    ) throws(CommandFailure) {
        let response = try makeClient().send(request).successful()
        try StandardOutput.writeLine(json ? response.text : describe(try response.decoded(type)))
    }

    /// The same for answers without a body.
    func run(_ request: ClientRequest, done: String) throws(CommandFailure) {
        _ = try makeClient().send(request).successful()
        if !json { try StandardOutput.writeLine(done) }
    }
}

/// Of changes that can be tried.
struct DryRunOption: ParsableArguments {
    @Flag(name: .customLong("dry-run"), help: "Only show what it would come to.") var isOn = false

    var query: String { isOn ? "?validateOnly=true" : "" }
}

extension HTTPResponse {
    var text: String { String(decoding: body, as: UTF8.self) }

    /// Throws what the server said if it refused.
    func successful() throws(CommandFailure) -> HTTPResponse {
        if (200..<300).contains(status) { return self }
        let problem = try? JSONDecoder().decode(ProblemAnswer.self, from: Data(body))
        var message = "\(problem?.title ?? "the server refused") (\(status)"
        if let code = problem?.code { message += " \(code)" }
        message += ")"
        if let detail = problem?.detail { message += ": \(detail)" }
        throw CommandFailure(.failure, message)
    }

    func decoded<Answer: Decodable>(_ type: Answer.Type) throws(CommandFailure) -> Answer {
        do {
            return try JSONDecoder().decode(type, from: Data(body))
        } catch {
            throw CommandFailure(.failure, "the server's answer is not what was expected: \(text.prefix(200))")
        }
    }
}

/// A JSON string literal.
func jsonString(_ text: String) -> String {
    var literal = ""
    LogFormatter.appendJSON(text, to: &literal)
    return literal
}
