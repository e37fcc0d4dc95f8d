import Metadata
import Wire

/// A transaction as etcd's clients ask for it, and what is to be shown of its results.
struct EtcdTransaction: Sendable {
    indirect enum Operation: Sendable {
        case put(showsPrevious: Bool)
        case delete(showsPrevious: Bool)
        case range(EtcdRange)
        case transaction(EtcdTransaction)
    }

    /// In each list of it, as etcd has it by default.
    static let maxOperations = 128

    private(set) var command = Transaction()
    private var success: [Operation] = []
    private var failure: [Operation] = []

    init(_ json: JSONObject, depth: Int = 1) throws {
        guard depth <= Transaction.maximumDepth else { throw EtcdError.tooManyOperations }
        let comparisons = try json.messages("compare")
        let lists = [try json.messages("success"), try json.messages("failure")]
        guard ([comparisons] + lists).allSatisfy({ $0.count <= Self.maxOperations }) else {
            throw EtcdError.tooManyOperations
        }
        command.comparisons = try comparisons.map { try Comparison(etcd: $0) }
        for json in lists[0] { try Self.add(json, to: &command.success, &success, depth: depth) }
        for json in lists[1] { try Self.add(json, to: &command.failure, &failure, depth: depth) }
    }

    private static func add(
        _ json: JSONObject, to commands: inout [Transaction.Operation], _ operations: inout [Operation], depth: Int
    ) throws {
        if let put = try json.message("request_put") {
            commands.append(.put(try Transaction.Write(etcd: put)))
            operations.append(.put(showsPrevious: try put.flag("prev_kv")))
        } else if let delete = try json.message("request_delete_range") {
            commands.append(.delete(try KeySpan(etcd: delete)))
            operations.append(.delete(showsPrevious: try delete.flag("prev_kv")))
        } else if let range = try json.message("request_range") {
            let range = try EtcdRange(range)
            commands.append(.read(range.keys, at: range.revision))
            operations.append(.range(range))
        } else if let nested = try json.message("request_txn") {
            let nested = try EtcdTransaction(nested, depth: depth + 1)
            commands.append(.transaction(nested.command))
            operations.append(.transaction(nested))
        } else {
            throw EtcdError.keyNotFound
        }
    }

    /// Whether all that it reads may be old.
    var isSerializable: Bool {
        (success + failure).allSatisfy { operation in
            switch operation {
            case .range(let range): range.isSerializable
            case .transaction(let nested): nested.isSerializable
            case .put, .delete: false
            }
        }
    }

    /// Whether the answer may show many keys.
    var isLong: Bool {
        (success + failure).contains { operation in
            switch operation {
            case .put: false
            case .delete(let showsPrevious): showsPrevious
            case .range(let range): if case .key = range.keys { false } else { true }
            case .transaction(let nested): nested.isLong
            }
        }
    }

    // MARK: Answers

    /// `"succeeded":true,"responses":[…]`, piece by piece.
    func steps(_ result: TransactionResult) -> AnySequence<JSONStream.Step> {
        let head = AnySequence<JSONStream.Step>.one { $0.proto("succeeded", result.succeeded) }
        guard !result.results.isEmpty else { return head }
        let operations = zip(result.succeeded ? success : failure, result.results)
        // Now, and not where the connection takes them: to find the past or another order is work.
        let responses = operations.map { Self.steps($1, of: $0) }
        return AnySequence([head, .array("responses", AnySequence(responses.joined()))].joined())
    }

    private static func steps(
        _ result: OperationResult, of operation: Operation
    ) -> AnySequence<JSONStream.Step> {
        switch (operation, result.kind) {
        case (.put(let showsPrevious), .put(_, let previous)):
            response("response_put", result.revision, .one { $0.previous(showsPrevious ? previous : nil) })
        case (.delete(let showsPrevious), .deleted(let deleted)):
            response(
                "response_delete_range", result.revision, JSONStream.deleted(deleted, showsPrevious: showsPrevious))
        case (.range(let range), .read(let image)):
            response("response_range", result.revision, range.steps(in: image.state))
        case (.transaction(let nested), .transaction(let outcome)):
            response("response_txn", nil, nested.steps(outcome))
        default: preconditionFailure("a result of another operation")
        }
    }

    private static func response(
        _ name: StaticString, _ revision: UInt64?, _ steps: AnySequence<JSONStream.Step>
    ) -> AnySequence<JSONStream.Step> {
        let begin = AnySequence<JSONStream.Step>.one { json in
            json.beginObject()
            json.key(name)
            json.beginObject()
            json.innerHeader(revision: revision)
        }
        let end = AnySequence<JSONStream.Step>.one { json in
            json.endObject()
            json.endObject()
        }
        return AnySequence([begin, steps, end].joined())
    }
}

extension JSONWriter {
    mutating func previous(_ pair: KeyValue?) {
        guard let pair else { return }
        key("prev_kv")
        proto(pair)
    }

}

extension JSONStream {
    static func deleted(_ deleted: DeletedKeys, showsPrevious: Bool) -> AnySequence<Step> {
        let count = AnySequence<Step>.one { $0.proto("deleted", deleted.count) }
        guard showsPrevious, deleted.count > 0 else { return count }
        let pairs = AnySequence<Step>.each(deleted) { pair in [.write { $0.proto(pair) }] }
        return AnySequence([count, .array("prev_kvs", pairs)].joined())
    }
}

extension Transaction.Write {
    init(etcd json: JSONObject) throws {
        guard let key = try json.octets("key"), !key.isEmpty else { throw EtcdError.keyMissing }
        let value = try json.octets("value") ?? []
        let lease = try json.int64("lease")
        let keepsValue = try json.flag("ignore_value")
        let keepsLease = try json.flag("ignore_lease")
        if keepsValue, !value.isEmpty { throw EtcdError.valueProvided }
        if keepsLease, lease != 0 { throw EtcdError.leaseProvided }
        guard key.count <= Key.maximumLength, value.count <= Limits.maxValueBytes else { throw EtcdError.tooLarge }
        guard lease >= 0 else { throw EtcdError.leaseNotFound }
        self.init(
            key: Key(validated: key), value: keepsValue ? nil : value,
            lease: keepsLease ? .same : lease == 0 ? .none : .lease(lease))
    }
}

extension Comparison {
    /// An omitted result is EQUAL, an omitted target VERSION.
    init(etcd json: JSONObject) throws {
        let relation = try json.enumerator("result", ["EQUAL", "GREATER", "LESS", "NOT_EQUAL"])
        let operand: Operand =
            switch try json.enumerator("target", ["VERSION", "CREATE", "MOD", "VALUE", "LEASE"]) {
            case 0: .version(try json.int64("version"))
            case 1: .createRevision(try json.int64("create_revision"))
            case 2: .modRevision(try json.int64("mod_revision"))
            case 3: .value(try json.octets("value") ?? [])
            default: .lease(try json.int64("lease"))
            }
        self.init(try KeySpan(etcd: json), Relation.allCases[relation], operand)
    }
}
