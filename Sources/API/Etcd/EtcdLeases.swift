import Dispatch
import HTTP
import Metadata
import Server
import Wire

/// The service Lease.
enum EtcdLeases {
    /// As etcd has it.
    private static let greatestTTL: Int64 = 9_000_000_000
    /// Shorter ones are made so long, as etcd does by its election timeout.
    private static let leastTTL: Int64 = 2

    @Sendable static func grant(_ exchange: Exchange, _ json: JSONObject) throws {
        let (ttl, id) = (try json.int64("TTL"), try json.int64("ID"))
        guard ttl <= greatestTTL else { throw EtcdError.leaseTTLTooLarge }
        guard id >= 0 else { throw EtcdError("etcdserver: the ID of a lease must not be negative", .invalidArgument) }
        let lease = Lease(
            id: id == 0 ? .random(in: Limits.leaseID) : id,
            ttlSeconds: min(max(ttl, leastTTL), Lease.ttls.upperBound))
        exchange.submitEtcd(.grantLease(lease)) { _ in
            exchange.answerWithHeader { json, _ in
                json.proto("ID", lease.id)
                json.proto("TTL", lease.ttlSeconds)
            }
        }
    }

    @Sendable static func revoke(_ exchange: Exchange, _ json: JSONObject) throws {
        let id = try json.int64("ID")
        guard id > 0 else { throw EtcdError.leaseNotFound }
        exchange.submitEtcd(.revokeLease(id)) { _ in exchange.answerWithHeader() }
    }

    /// One message, one answer, and the end of the stream: so clients use it.
    @Sendable static func keepAlive(_ exchange: Exchange, _ body: [UInt8]) throws {
        let id = try JSONObject(firstOf: body).int64("ID")
        let answer: @Sendable (Lease?) -> Void = { lease in
            exchange.service.read(.stale) { view in
                let revision = (try? view.get())?.metadata.counters.revision ?? 0
                var json = JSONWriter()
                json.object { json in
                    json.objectField("result") { json in
                        json.header(exchange.service, revision: revision)
                        json.proto("ID", id)
                        // Whoever finds no TTL knows that the lease is gone.
                        json.proto("TTL", lease?.ttlSeconds ?? 0)
                    }
                }
                exchange.answer(EtcdStream.whole(json.bytes))
            }
        }
        guard id > 0 else { return answer(nil) }
        exchange.service.keepAlive(id) { result in
            switch result {
            case .success(let lease): answer(lease)
            case .failure(let failure): exchange.answerEtcd(failure, isStream: true)
            }
        }
    }

    @Sendable static func timeToLive(_ exchange: Exchange, _ json: JSONObject) throws {
        let (id, showsKeys) = (try json.int64("ID"), try json.flag("keys"))
        exchange.readEtcd(.linearizable) { view in
            exchange.answerJSON { json in
                json.object { json in
                    json.header(exchange.service, revision: view.metadata.counters.revision)
                    json.proto("ID", id)
                    guard let lease = view.metadata.lease(id) else { return json.field("TTL", "-1") }
                    json.proto("TTL", view.remaining(of: id)?.components.seconds ?? lease.ttlSeconds)
                    json.proto("grantedTTL", lease.ttlSeconds)
                    let keys = showsKeys ? view.metadata.keys(of: id) : []
                    guard !keys.isEmpty else { return }
                    json.arrayField("keys") { json in for key in keys { json.base64(key.bytes) } }
                }
            }
        }
    }

    @Sendable static func list(_ exchange: Exchange, _ json: JSONObject) throws {
        exchange.readEtcd(.stale) { view in
            let state = view.metadata
            exchange.looking.async {
                let leases = state.allLeases
                let body = JSONStream.body(
                    .one { json in
                        json.beginObject()
                        json.header(exchange.service, revision: state.counters.revision)
                        guard !leases.isEmpty else { return }
                        json.key("leases")
                        json.beginArray()
                    },
                    .each(leases) { lease in [.write { json in json.object { $0.proto("ID", lease.id) } }] },
                    .one { json in
                        if !leases.isEmpty { json.endArray() }
                        json.endObject()
                    })
                exchange.answerJSON(stream: body)
            }
        }
    }
}

extension JSONWriter {
    fileprivate mutating func base64(_ octets: [UInt8]) {
        beginString()
        base64Fragment(octets[...])
        endString()
    }
}
