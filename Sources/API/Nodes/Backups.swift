import FoundationEssentials
import HTTP
import Metadata
import Raft
import Server
import Storage

/// `GET /api/v1/backup`: the state of one moment as a SQLite file (see `BackupRecord`), by the leader, or with
/// `consistency=stale` by any node.
enum Backups {
    @Sendable static func get(_ exchange: Exchange) throws(Problem) {
        let consistency = try exchange.query.consistency(default: .linearizable)
        // What a backup would be like, only one tells.
        if exchange.method == .head { return exchange.read(consistency) { _ in exchange.answer(Self.head) } }
        exchange.service.backUp(consistency) { result in
            switch result {
            case .success(let content): exchange.answer(response(content))
            case .failure(.request(let failure)): exchange.answer(failure)
            case .failure(.backup(let failure)): exchange.answer(Problem(failure))
            }
        }
    }

    private static let type = "application/vnd.sqlite3"

    private static var head: HTTPResponse {
        HTTPResponse(
            status: 200, headers: HTTPHeaders([(name: "Content-Type", value: type)]),
            stream: HTTPBodyStream { _ in false })
    }

    private static func response(_ content: BackupContent) -> HTTPResponse {
        let record = content.record
        var headers = HTTPHeaders([(name: "Content-Type", value: type)])
        headers.add("Content-Disposition", "attachment; filename=\"\(name(of: record))\"")
        // RFC 9530.
        headers.add("Repr-Digest", "sha-256=:\(Data(content.sha256).base64EncodedString()):")
        headers.add("X-DMQ-Revision", String(record.counters.revision))
        headers.add("X-DMQ-Digest", record.digest)
        var sent: Int64 = 0
        let stream = HTTPBodyStream(length: Int(content.size)) { out in
            let before = out.count
            content.append(HTTPBodyStream.pieceBytes, at: sent, to: &out)
            sent += Int64(out.count - before)
            return sent < content.size
        }
        return HTTPResponse(status: 200, headers: headers, stream: stream)
    }

    private static func name(of record: BackupRecord) -> String {
        let cluster = record.counters.clusterID.map { String($0.prefix(8)) } ?? "unnamed"
        return "dmq-metadata-\(cluster)-\(record.applied.index).db"
    }
}

extension Problem {
    fileprivate init(_ failure: BackupFailure) {
        switch failure {
        case .inProgress:
            self.init(
                .backupInProgress, "another backup is being made or taken; one at a time", headers: Self.retryLater)
        case .noSpace(let text): self.init(.insufficientStorage, text)
        case .abandoned(let text):
            self.init(.unavailable, "the backup was given up: \(text)", headers: Self.retryLater)
        case .failed(let text): self.init(.backupFailed, text)
        }
    }

    private static let retryLater = [(name: "Retry-After", value: "10")]
}
