import HTTP
import Metadata
import Wire

/// `PUT` and `DELETE` of `/api/v1/kv`.
enum KeyValueWrites {
    @Sendable static func put(_ exchange: Exchange) throws(Problem) {
        let lease = try exchange.query.integer("lease", in: 1...UInt64(Int64.max)).map { LeaseID($0) }
        guard case .key(let key) = try KeyPath(exchange.tail) else {
            throw Problem(.invalidKey, "a key must not end in a slash")
        }
        let value = exchange.takeBody()
        guard value.count <= Limits.maxValueBytes else {
            throw Problem(.bodyTooLarge, "a value has at most \(Limits.maxValueBytes) bytes, not \(value.count)")
        }
        let write = KeyWrite(
            change: .put(key, value: value), lease: lease, fence: try Fence(exchange.request.headers))
        exchange.submit(write, to: key, if: try Conditions(exchange.request.headers)) { result in
            guard case .put(let revision, let version) = result else { return exchange.answerUnexpected(result) }
            exchange.answerJSON(
                status: version == 1 ? 201 : 200, headers: Exchange.tag(revision),
                capacity: key.bytes.count + 64
            ) { json in
                json.object { json in
                    json.field("key", key.description)
                    json.field("revision", revision)
                    json.field("version", version)
                }
            }
        }
    }

    @Sendable static func delete(_ exchange: Exchange) throws(Problem) {
        let isRecursive = try exchange.query.bool("recursive") ?? false
        let conditions = try Conditions(exchange.request.headers)
        let fence = try Fence(exchange.request.headers)
        switch try KeyPath(exchange.tail) {
        case .key(let key):
            guard !isRecursive else {
                throw Problem(.invalidParameter, "recursive=true is for a path that ends in a slash")
            }
            exchange.submit(KeyWrite(change: .delete(key), fence: fence), to: key, if: conditions) { result in
                answer(result, exchange)
            }
        case .directory(let key):
            guard isRecursive else {
                throw Problem(.recursiveRequired, "deleting a whole subtree needs ?recursive=true")
            }
            guard conditions.isEmpty else {
                throw Problem(.invalidPrecondition, "a subtree has no revision to compare")
            }
            exchange.submit(KeyWrite(change: .deleteSubtree(of: key), fence: fence), to: key, if: conditions) {
                answer($0, exchange)
            }
        }
    }

    private static func answer(_ deletion: CommandResult, _ exchange: Exchange) {
        guard case .deleted(let count, let revision) = deletion else { return exchange.answerUnexpected(deletion) }
        exchange.answerJSON(capacity: 64) { json in
            json.object { json in
                json.field("deleted", count)
                json.field("revision", revision)
            }
        }
    }
}
