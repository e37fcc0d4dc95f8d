import FoundationEssentials
import Glibc
import HTTP

/// Reaches a cluster through any of its nodes: finds the leader, waits while there is none, goes around nodes that are
/// down.
final class ClusterClient {
    /// How a request is carried to one node; tests put their own in.
    typealias Transport = (ClientRequest, Endpoint, Duration) -> Result<HTTPResponse, HTTPClientError>

    private let transport: Transport
    private let pause: (Duration) -> Void
    private let now: () -> Duration
    /// How long to look for a node that answers.
    private let patience: Duration
    private let onWait: (String?) -> Void

    /// The nodes known so far, the one to ask first in front.
    private(set) var endpoints: [Endpoint]

    init(
        endpoints: [Endpoint], patience: Duration, transport: @escaping Transport, pause: @escaping (Duration) -> Void,
        now: @escaping () -> Duration, onWait: @escaping (String?) -> Void = { _ in }
    ) {
        self.endpoints = endpoints
        self.patience = patience
        self.transport = transport
        self.pause = pause
        self.now = now
        self.onWait = onWait
    }

    /// - Parameter download: Carries those requests whose answers may be of any length; `nil` for others.
    convenience init(
        endpoints: [Endpoint], patience: Duration,
        download: @escaping (ClientRequest, Endpoint) -> Result<HTTPResponse, HTTPClientError>? = { _, _ in nil }
    ) {
        let http = BlockingHTTP()
        let began = ContinuousClock.now
        self.init(
            endpoints: endpoints, patience: patience,
            transport: { download($0, $1) ?? http.send($0, to: $1, timeout: $2) },
            pause: Self.sleep, now: { ContinuousClock.now - began },
            onWait: { LineOutput.standardError.showProgress($0) })
    }

    /// The answer of the first node that gives one, whatever its status; requests for the leader find it on their way.
    ///
    /// Asked again are nodes that say that they did not execute the request, and those that could not be connected to.
    /// A write whose connection broke is not repeated: it may have happened.
    func send(_ request: ClientRequest) throws(CommandFailure) -> HTTPResponse {
        let began = now()
        defer { onWait(nil) }
        var trouble: [Endpoint: String] = [:]
        var delay = Duration.milliseconds(100)
        while true {
            // Every known node once, then a pause.
            var asked: Set<Endpoint> = []
            while let target = endpoints.first(where: { !asked.contains($0) }) {
                asked.insert(target)
                let left = patience - (now() - began)
                guard left > .zero else { throw unreachable(trouble) }
                switch transport(request, target, max(left, .seconds(1))) {
                case .success(let response):
                    guard let refusal = Refusal(response) else {
                        prefer(target)
                        return response
                    }
                    trouble[target] = refusal.reason
                    if let leader = refusal.leader { prefer(leader) } else { discover(through: target, began) }
                case .failure(let error):
                    trouble[target] = Self.explain(error)
                    if request.method != "GET" && !error.happenedBeforeSending {
                        throw outcomeUnknown(target, error)
                    }
                }
            }
            if asked.count >= endpoints.count {
                let waited = now() - began
                guard waited + delay < patience else { throw unreachable(trouble) }
                if waited > .seconds(1) { onWait("waiting for the cluster: " + (trouble.values.sorted().first ?? "")) }
                pause(delay)
                delay = min(delay * 2, .seconds(1))
            }
        }
    }

    static func sleep(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        var time = timespec(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
        nanosleep(&time, nil)
    }

    /// What one node alone answers to a `GET`, without any retry.
    func ask(_ endpoint: Endpoint, _ path: String) -> Result<HTTPResponse, HTTPClientError> {
        transport(.get(path), endpoint, min(patience, .seconds(3)))
    }

    /// A 503 that says that nothing was executed.
    private struct Refusal {
        var reason: String
        var leader: Endpoint?

        init?(_ response: HTTPResponse) {
            guard response.status == 503 else { return nil }
            if let id = response.headers["X-Controller-Leader"] {
                leader = response.headers["X-Controller-Url"].flatMap(Endpoint.init)
                reason = id.isEmpty ? "no leader is known" : "the leader is node \(id)"
            } else if response.headers["Retry-After"] != nil {
                reason = "overloaded"
            } else {
                return nil
            }
        }
    }

    private func prefer(_ endpoint: Endpoint) {
        endpoints.removeAll { $0 == endpoint }
        endpoints.insert(endpoint, at: 0)
    }

    /// Learns the other nodes from one that is up.
    private func discover(through endpoint: Endpoint, _ began: Duration) {
        let left = patience - (now() - began)
        guard left > .zero, case .success(let response) = transport(.get("/api/v1/metadata/cluster"), endpoint, left),
            response.status == 200,
            let cluster = try? JSONDecoder().decode(ClusterAnswer.self, from: Data(response.body))
        else { return }
        for node in cluster.activeMetadataNodes {
            guard let other = Endpoint(node.url), !endpoints.contains(other) else { continue }
            endpoints.append(other)
        }
    }

    private func unreachable(_ trouble: [Endpoint: String]) -> CommandFailure {
        let details = trouble.map { "\($0.key): \($0.value)" }.sorted().joined(separator: "; ")
        return CommandFailure(.unavailable, "no node could serve the request within \(patience.seconds) s (\(details))")
    }

    private func outcomeUnknown(_ endpoint: Endpoint, _ error: HTTPClientError) -> CommandFailure {
        CommandFailure(
            .unavailable,
            "\(endpoint): \(Self.explain(error)); whether the request was carried out is not known, it may have been")
    }

    static func explain(_ error: HTTPClientError) -> String {
        switch error {
        case .resolutionFailed(let reason): "the name can not be resolved (\(reason))"
        case .connectionFailed(let number): "no connection (\(systemMessage(number)))"
        case .connectionClosed: "the connection broke"
        case .timedOut: "no answer in time"
        case .invalidResponse(let reason): "no valid answer (\(reason))"
        }
    }
}

extension HTTPClientError {
    /// Whether the server can not have seen the request.
    var happenedBeforeSending: Bool {
        switch self {
        case .resolutionFailed, .connectionFailed: true
        case .connectionClosed, .timedOut, .invalidResponse: false
        }
    }
}

extension Duration {
    /// With one decimal at most, for people.
    var seconds: String {
        let tenths = wholeMilliseconds / 100
        return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
    }
}
