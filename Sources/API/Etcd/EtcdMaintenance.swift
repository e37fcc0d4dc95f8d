import HTTP
import Metadata
import Raft
import Server
import Wire

/// The services Maintenance, Cluster and Auth, as far as clients ask for them, `/version` and `/health`.
enum EtcdMaintenance {
    /// Of the etcd that it behaves like: clients choose by it what they ask for.
    static let etcdVersion = "3.5.0"

    @Sendable static func version(_ exchange: Exchange) throws(Problem) {
        exchange.answerJSON { json in
            json.object { json in
                json.field("etcdserver", etcdVersion)
                json.field("etcdcluster", etcdVersion)
            }
        }
    }

    @Sendable static func health(_ exchange: Exchange) throws(Problem) {
        exchange.service.read(.stale) { result in
            let isHealthy = (try? result.get())?.status.notReady == nil && (try? result.get()) != nil
            exchange.answerJSON(status: isHealthy ? 200 : 503) { json in
                json.object { $0.field("health", isHealthy ? "true" : "false") }
            }
        }
    }

    /// Of this node, also without a leader.
    @Sendable static func status(_ exchange: Exchange, _ json: JSONObject) throws {
        exchange.answerWithHeader { json, view in
            let status = view.status
            json.field("version", etcdVersion)
            json.proto("leader", status.leader?.number ?? 0)
            json.proto("raftIndex", status.commitIndex.number)
            json.proto("raftTerm", status.term.number)
            json.proto("raftAppliedIndex", status.lastApplied.number)
            guard status.leader == nil else { return }
            json.arrayField("errors") { $0.value("etcdserver: no leader") }
        }
    }

    /// There is nothing to defragment, and no alarm.
    @Sendable static func nothing(_ exchange: Exchange, _ json: JSONObject) throws { exchange.answerWithHeader() }

    @Sendable static func members(_ exchange: Exchange, _ json: JSONObject) throws {
        exchange.answerJSON { json in
            json.object { json in
                json.header(exchange.service, revision: nil)
                json.arrayField("members") { json in
                    for member in exchange.service.members {
                        json.object { json in
                            json.proto("ID", member.id.number)
                            json.field("name", "node\(member.id)")
                            json.arrayField("peerURLs") { json in
                                json.value(Member.url(host: member.host, port: member.port))
                            }
                            json.arrayField("clientURLs") { $0.value(member.url) }
                        }
                    }
                }
            }
        }
    }

    @Sendable static func authenticate(_ exchange: Exchange, _ json: JSONObject) throws {
        throw EtcdError("etcdserver: authentication is not enabled", .failedPrecondition)
    }
}
