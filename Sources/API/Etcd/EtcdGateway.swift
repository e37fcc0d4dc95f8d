import Dispatch
import HTTP
import Metadata
import Server
import Wire

/// etcd's v3 API as its JSON gateway has it, under `/v3/` (`/v3beta/`, `/v3alpha/`): programs that were written for etcd work unchanged.
/// The rules are those that its clients depend on; the texts of errors are etcd's, for clients compare them.
enum EtcdGateway {
    /// Longer bodies are parsed away from the event loop.
    private static let maxInlineBytes = 16 * 1024

    static func handle(_ exchange: Exchange, _ parsing: DispatchQueue) {
        guard let call = call(exchange.tail) else { return answerText(404, "Not Found", exchange) }
        switch exchange.method {
        case .options: return exchange.answer(HTTPResponse(status: 200))
        case .post: break
        default: return answerText(405, "Method Not Allowed", exchange)
        }
        // Nobody can have one: there are no users.
        guard !exchange.request.headers.contains("Authorization") else {
            return exchange.answer(EtcdError("etcdserver: invalid auth token", .unauthenticated))
        }
        let body = exchange.takeBody()
        guard body.count > maxInlineBytes else { return run(call, body, exchange) }
        parsing.async { run(call, body, exchange) }
    }

    private static func run(_ call: Call, _ body: [UInt8], _ exchange: Exchange) {
        do {
            try call.handle(exchange, body)
        } catch let error as EtcdError {
            call.isStream ? exchange.answer(EtcdStream.head(error)) : exchange.answer(error)
        } catch let error as JSONInputError {
            // (To a stream etcd says 500; what a client asks wrongly is not the server's fault.)
            let refusal = EtcdError(error.description, .invalidArgument)
            call.isStream ? exchange.answer(EtcdStream.head(refusal)) : exchange.answer(refusal)
        } catch {
            exchange.answer(EtcdError("\(error)", .unknown))
        }
    }

    private static func answerText(_ status: Int, _ text: String, _ exchange: Exchange) {
        let headers = HTTPHeaders([(name: "Content-Type", value: "text/plain; charset=utf-8")])
        exchange.answer(HTTPResponse(status: status, headers: headers, body: Array(text.utf8)))
    }

    // MARK: Calls

    private struct Call: Sendable {
        var isStream = false
        let handle: @Sendable (Exchange, [UInt8]) throws -> Void

        static func unary(_ handle: @escaping @Sendable (Exchange, JSONObject) throws -> Void) -> Call {
            Call { exchange, body in try handle(exchange, try JSONObject(firstOf: body)) }
        }

        static func stream(_ handle: @escaping @Sendable (Exchange, [UInt8]) throws -> Void) -> Call {
            Call(isStream: true, handle: handle)
        }
    }

    /// By what stands behind `/v3`.
    private static func call(_ tail: ArraySlice<UInt8>) -> Call? {
        calls[String(decoding: withoutStage(tail), as: UTF8.self)]
    }

    /// What etcd's gateway was called before it was finished, older clients go on to call it.
    private static func withoutStage(_ tail: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        for stage in ["alpha", "beta"] where tail.starts(with: stage.utf8) { return tail.dropFirst(stage.utf8.count) }
        return tail
    }

    private static let calls: [String: Call] = [
        "/kv/range": .unary(EtcdKeys.range),
        "/kv/put": .unary(EtcdKeys.put),
        "/kv/deleterange": .unary(EtcdKeys.deleteRange),
        "/kv/txn": .unary(EtcdKeys.transact),
        "/kv/compaction": .unary(EtcdKeys.compact),
        "/watch": .stream(EtcdWatch.begin),
        "/lease/grant": .unary(EtcdLeases.grant),
        "/lease/keepalive": .stream(EtcdLeases.keepAlive),
        "/lease/revoke": .unary(EtcdLeases.revoke),
        "/kv/lease/revoke": .unary(EtcdLeases.revoke),
        "/lease/timetolive": .unary(EtcdLeases.timeToLive),
        "/kv/lease/timetolive": .unary(EtcdLeases.timeToLive),
        "/lease/leases": .unary(EtcdLeases.list),
        "/kv/lease/leases": .unary(EtcdLeases.list),
        "/maintenance/status": .unary(EtcdMaintenance.status),
        "/maintenance/alarm": .unary(EtcdMaintenance.nothing),
        "/maintenance/defragment": .unary(EtcdMaintenance.nothing),
        "/cluster/member/list": .unary(EtcdMaintenance.members),
        "/auth/authenticate": .unary(EtcdMaintenance.authenticate),
    ]
}
