import Dispatch
import HTTP
import Server
import Wire

/// The HTTP interface of a node: takes requests to ``NodeService`` calls and their outcomes back.
///
/// What is wrong with a request in itself is answered first, on every node alike; only then does it matter whether this
/// node is the leader.
public final class Router: Sendable {
    private let environment: Environment

    /// - Parameters:
    ///   - now: The wall clock in Unix milliseconds.
    ///   - hosts: The names that requests may call this server by.
    ///   - statistics: The figures of the listener in front, for `/metrics`.
    ///   - lostLogLines: How many lines of the log nobody read, for `/metrics`.
    ///   - loop: Where the leader is talked to, if requests may be passed on to it.
    ///   - forwardsAll: Whether they are, also if the client does not ask for it.
    public init(
        service: any NodeService, now: @escaping @Sendable () -> Int64, hosts: AllowedHosts = .all,
        statistics: (@Sendable () -> HTTPServer.Statistics)? = nil, lostLogLines: (@Sendable () -> Int)? = nil,
        loop: EventLoop? = nil, forwardsAll: Bool = false
    ) {
        environment = Environment(
            service: service, now: now, hosts: hosts, statistics: statistics, lostLogLines: lostLogLines,
            connections: loop.map { LeaderConnections(loop: $0) }, forwardsAll: forwardsAll)
    }

    /// Answers `request` exactly once, from whatever thread has the outcome.
    public func handle(_ request: HTTPRequest, _ responder: HTTPResponder) {
        let method = Method(rawValue: request.method) ?? .other
        let found = find(Array(request.path.utf8))
        let exchange = Exchange(
            request: request, method: method, route: found?.route, tail: found?.tail ?? [], environment: environment,
            responder: responder)
        do throws(Problem) {
            try environment.hosts.check(request, method)
            if found?.route == Routes.etcd {
                // Other parameters it passes over; who asked what would be must not get it done.
                try exchange.query.refuse(ValidateOnly.parameter)
                return EtcdGateway.handle(exchange, environment.parsing)
            }
            if method == .options { return try answerOptions(exchange, at: found?.route) }
            guard let found else { throw Problem(.unknownPath, "there is nothing at \(request.path)") }
            let route = Routes.table[found.route]
            guard let operation = route.operation(for: method) else {
                let detail = "\(request.method) is not possible here; allowed: \(route.allow)"
                throw Problem(.methodNotAllowed, detail, headers: [(name: "Allow", value: route.allow)])
            }
            try exchange.query.refuseUnknown(operation.parameters)
            _ = try exchange.query.bool(ValidateOnly.parameter)
            guard request.body.count > Self.maxInlineBytes, route.parsesJSON(of: request) else {
                return try operation.handle(exchange)
            }
            environment.parsing.async {
                do throws(Problem) { try operation.handle(exchange) } catch { exchange.answer(error) }
            }
        } catch {
            exchange.answer(error)
        }
    }

    /// Bodies up to here are parsed on the event loop; larger ones would hold it up.
    private static let maxInlineBytes = 16 * 1024
    /// What is possible at a path, or with `*` anywhere (RFC 9110 §9.3.7).
    private func answerOptions(_ exchange: Exchange, at route: Int?) throws(Problem) {
        let isOfServer = exchange.request.path == "*"
        guard isOfServer || route != nil else {
            throw Problem(.unknownPath, "there is nothing at \(exchange.request.path)")
        }
        let allow = route.map { Routes.table[$0].allow } ?? "GET, HEAD, PUT, POST, DELETE, OPTIONS"
        exchange.answer(HTTPResponse(status: 204, headers: HTTPHeaders([(name: "Allow", value: allow)])))
    }

    private func find(_ path: [UInt8]) -> (route: Int, tail: ArraySlice<UInt8>)? {
        for (offset, route) in Routes.table.enumerated() {
            if let tail = route.match(path) { return (offset, tail) }
        }
        return nil
    }
}

/// What all exchanges share.
struct Environment: Sendable {
    let service: any NodeService
    let now: @Sendable () -> Int64
    let hosts: AllowedHosts
    let statistics: (@Sendable () -> HTTPServer.Statistics)?
    let lostLogLines: (@Sendable () -> Int)?
    let connections: LeaderConnections?
    let forwardsAll: Bool
    let peers = PeerConnections()
    let counters = RequestCounters(routes: Routes.table.map(\.template))
    /// Long JSON bodies are parsed here, one at a time, so that they hold up neither the node nor an event loop.
    let parsing = DispatchQueue(label: "dmq.api.parsing")
    /// Where deadlines of streams and long polls ring.
    let timers = DispatchQueue(label: "dmq.api.timers")
    /// Reads that take a while, one at a time.
    let looking = DispatchQueue(label: "dmq.api.looking")
    let forks = ForkQueue(maximumCount: ForkQueue.maximumShort)
    /// Those that take seconds.
    let rehearsals = ForkQueue(maximumCount: ForkQueue.maximumLong)
}
