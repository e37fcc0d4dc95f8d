import HTTP
import Metadata
import Raft
import Server
import Wire

/// `GET /api/v1/raft/status` and `GET /api/v1/raft/log`: this node's own view, on any node.
enum RaftState {
    @Sendable static func status(_ exchange: Exchange) throws(Problem) {
        exchange.read(.stale) { view in
            let status = view.status
            exchange.answerJSON(capacity: 512) { write(status, to: &$0) }
        }
    }

    private static func write(_ status: NodeStatus, to json: inout JSONWriter) {
        json.object { json in
            json.field("nodeId", status.node.number)
            json.field("currentTerm", status.term.number)
            json.field("state", status.role.rawValue)
            json.field("leader", status.role == .leader)
            json.field("leaderId", status.leader?.number)
            json.field("votedFor", status.votedFor?.number)
            json.field("commitIndex", status.commitIndex.number)
            json.field("lastApplied", status.lastApplied.number)
            json.field("lastLogIndex", status.lastLog.index.number)
            json.field("lastLogTerm", status.lastLog.term.number)
            json.field("firstLogIndex", status.firstLogIndex.number)
            json.field("stateDigest", status.digest.description)
            json.field("directoryId", status.directory.description)
            json.field("clusterId", status.clusterID)
            json.field("voter", status.isVoter)
            json.arrayField("peers") { json in
                for peer in status.peers { write(peer, to: &json) }
            }
        }
    }

    private static func write(_ peer: NodeStatus.PeerStatus, to json: inout JSONWriter) {
        json.object { json in
            json.field("id", peer.id.number)
            json.field("matchIndex", peer.matchIndex.number)
            json.field("nextIndex", peer.nextIndex.number)
            json.field("lastContactMs", peer.lastContactMs)
        }
    }

    // MARK: Log

    private static let defaultLimit: UInt64 = 100
    private static let limits: ClosedRange<UInt64> = 1...1_000
    /// Of one answer, in bytes of payloads; it holds one entry in any case.
    static let maxPageBytes = 4 * 1024 * 1024

    @Sendable static func log(_ exchange: Exchange) throws(Problem) {
        let query = exchange.query
        let from = try query.integer("from", in: 0...UInt64(Limits.maxInteger)) ?? 0
        let limit = try query.integer("limit", in: limits) ?? defaultLimit
        exchange.service.log(from: LogIndex(max(from, 1)), limit: Int(limit)) { entries, firstIndex in
            exchange.answerJSON(stream: body(entries, firstIndex))
        }
    }

    private static func body(_ entries: [LogEntry], _ firstIndex: LogIndex) -> HTTPBodyStream {
        JSONStream.body(
            .object(
                .one { $0.field("firstLogIndex", firstIndex.number) },
                .array(
                    "entries",
                    .each(page(entries)) { entry in
                        [
                            .write { JSONMessageCodec.begin(entry, in: &$0) },
                            .bytes(name: "commandData", base64: "commandDataBase64", entry.data),
                            .write { JSONMessageCodec.end(entry, in: &$0) },
                        ]
                    })))
    }

    private static func page(_ entries: [LogEntry]) -> ArraySlice<LogEntry> {
        var bytes = 0
        return entries.enumerated().first { offset, entry in
            bytes += entry.data.count
            return offset > 0 && bytes > maxPageBytes
        }.map { entries[..<$0.offset] } ?? entries[...]
    }
}
