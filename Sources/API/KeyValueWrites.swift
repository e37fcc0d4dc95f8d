import HTTP
import Metadata
import Wire

/// `PUT` and `DELETE` of `/api/v1/kv`.
enum KeyValueWrites {
    @Sendable static func put(_ exchange: Exchange) throws(Problem) {
        guard case .key(let key) = try KeyPath(exchange.tail) else {
            throw Problem(.invalidKey, "a key must not end in a slash")
        }
        let value = exchange.takeBody()
        guard value.count <= Limits.maxValueBytes else {
            throw Problem(.bodyTooLarge, "a value has at most \(Limits.maxValueBytes) bytes, not \(value.count)")
        }
        let put = Put(key: key, value: value, precondition: try precondition(exchange))
        exchange.submit(.put(put)) { result in
            guard case .put(let revision, let version) = result else { return exchange.answerUnexpected(result) }
            exchange.answerJSON(
                status: version == 1 ? 201 : 200, headers: [(name: "ETag", value: "\"\(revision)\"")],
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
        let precondition = try precondition(exchange)
        let delete: Delete
        switch try KeyPath(exchange.tail) {
        case .key(let key):
            guard !isRecursive else {
                throw Problem(.invalidParameter, "recursive=true is for a path that ends in a slash")
            }
            delete = Delete(key: key, precondition: precondition)
        case .directory(let key):
            guard isRecursive else {
                throw Problem(.recursiveRequired, "deleting a whole subtree needs ?recursive=true")
            }
            guard precondition == .none else {
                throw Problem(.invalidPrecondition, "a subtree has no revision to compare")
            }
            delete = Delete(key: key, isRecursive: true)
        }
        exchange.submit(.delete(delete)) { result in
            guard case .deleted(let count, let revision) = result else { return exchange.answerUnexpected(result) }
            exchange.answerJSON(capacity: 64) { json in
                json.object { json in
                    json.field("deleted", count)
                    json.field("revision", revision)
                }
            }
        }
    }

    /// `If-Match: "<modRevision>"` or `If-None-Match: *`.
    private static func precondition(_ exchange: Exchange) throws(Problem) -> Precondition {
        let headers = exchange.request.headers
        let match = headers["If-Match"]
        let noneMatch = headers["If-None-Match"]
        switch (match, noneMatch) {
        case (nil, nil): return .none
        case (nil, "*"): return .absent
        case (let tag?, nil): return .modRevision(try revision(tag))
        default:
            throw Problem(.invalidPrecondition, "use either If-Match: \"<revision>\" or If-None-Match: *")
        }
    }

    /// The quotes of an entity tag (RFC 9110 §8.8.3) may be missing: shells eat them.
    private static func revision(_ tag: String) throws(Problem) -> UInt64 {
        let isQuoted = tag.count >= 2 && tag.hasPrefix("\"") && tag.hasSuffix("\"")
        let digits = isQuoted ? tag.dropFirst().dropLast() : tag[...]
        guard let revision = UInt64(digits), String(revision) == digits else {
            throw Problem(.invalidPrecondition, "If-Match must be one revision in quotes, such as \"12\"")
        }
        return revision
    }
}
