import HTTP
import Metadata
import Server
import Synchronization

@testable import API

/// Asks a ``Router`` in front of a ``FakeNode``.
struct Client {
    let node = FakeNode()
    let router: Router
    let connection = HTTPServerConnection()

    init(hosts: AllowedHosts = .all) { router = Router(service: node, now: { FakeNode.now }, hosts: hosts) }

    /// - Parameter target: path and query.
    func send(
        _ method: String, _ target: String, headers: [(name: String, value: String)] = [], body: [UInt8] = []
    ) async -> Answer {
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).map { String($0) }
        let request = HTTPRequest(
            method: method, path: parts[0], query: parts.count > 1 ? parts[1] : nil, headers: HTTPHeaders(headers),
            body: body, connection: connection)
        // Checked: a second answer to one request traps.
        let response = await withCheckedContinuation { continuation in
            router.handle(request, HTTPResponder { continuation.resume(returning: $0) })
        }
        return Answer(
            response: HTTPResponse(status: response.status, headers: response.headers, body: response.collectBody()))
    }

    func get(_ target: String, headers: [(name: String, value: String)] = []) async -> Answer {
        await send("GET", target, headers: headers)
    }

    func post(_ target: String, _ json: String, type: String? = "application/json") async -> Answer {
        await send(
            "POST", target, headers: type.map { [(name: "Content-Type", value: $0)] } ?? [], body: Array(json.utf8))
    }

    func put(_ target: String, _ value: String, headers: [(name: String, value: String)] = []) async -> Answer {
        await send("PUT", target, headers: headers, body: Array(value.utf8))
    }

    /// Two brokers as in the contract's examples.
    func registerBrokers() async {
        for id in [101, 102] {
            _ = await post("/api/v1/metadata/brokers", #"{"brokerId":\#(id),"host":"localhost","port":\#(7980 + id)}"#)
        }
    }

    func fail(_ failure: RequestFailure?) { node.state.withLock { $0.failure = failure } }
}

struct Answer {
    var response: HTTPResponse

    var status: Int { response.status }
    var text: String { String(decoding: response.body, as: UTF8.self) }
    func header(_ name: String) -> String? { response.headers[name] }

    /// The code of a problem document; `nil` for anything else.
    var code: String? {
        guard header("Content-Type") == "application/problem+json" else { return nil }
        return text.components(after: "\"code\":\"").map { String($0.prefix { $0 != "\"" }) }
    }
}

extension String {
    fileprivate func components(after mark: String) -> Substring? {
        var rest = self[...]
        while !rest.isEmpty {
            if rest.hasPrefix(mark) { return rest.dropFirst(mark.count) }
            rest = rest.dropFirst()
        }
        return nil
    }
}
