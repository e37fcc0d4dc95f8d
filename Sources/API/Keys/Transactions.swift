import HTTP
import Metadata
import Wire

/// `POST /api/v1/txn`: comparisons, and what is done if they hold, or else; in one step.
enum Transactions {
    static let maxOperations = 1000

    @Sendable static func commit(_ exchange: Exchange) throws(Problem) {
        let fence = try Fence(exchange.request.headers)
        var transaction = try exchange.decodeFields { json throws(JSONInputError) in
            try Transaction(json: json, depth: 1)
        }
        transaction.fence = fence
        do throws(TransactionFlaw) { try transaction.check() } catch { throw Problem(error) }
        let request = transaction
        exchange.submit(.transaction(request)) { result in
            guard case .transaction(let outcome, let revision) = result else {
                return exchange.answerUnexpected(result)
            }
            let body = JSONStream.body(
                .one { json in
                    json.beginObject()
                    json.field("succeeded", outcome.succeeded)
                    json.field("revision", revision)
                },
                .results(outcome, of: request),
                .one { $0.endObject() })
            exchange.answerJSON(
                headers: HTTPHeaders([(name: "X-Revision", value: String(revision))]), stream: body)
        }
    }
}

extension Problem {
    init(_ flaw: TransactionFlaw) {
        switch flaw {
        case .keyChangedTwice(let key):
            self.init(.keyChangedTwice, "the key \(key) is changed twice in what may be carried out together")
        case .tooManyOperations(let limit):
            self.init(.outOfRange, "a transaction has at most \(limit) comparisons and operations altogether")
        case .tooDeep(let limit): self.init(.outOfRange, "transactions stand at most \(limit) deep in each other")
        }
    }
}

// MARK: What is asked

extension Transaction {
    /// `{"if":[…],"then":[…],"else":[…]}`, each of which may be missing.
    init(json: JSONObject, depth: Int) throws(JSONInputError) {
        guard depth <= Self.maximumDepth else {
            throw JSONInputError(
                code: .outOfRange, field: "txn", problem: "stands more than \(Self.maximumDepth) deep in others")
        }
        let limit = Transactions.maxOperations
        self.init()
        if json.find("if") != nil {
            comparisons = try json.objects("if", atMost: limit) { json throws(JSONInputError) in
                try Comparison(json: json)
            }
        }
        if json.find("then") != nil {
            success = try json.objects("then", atMost: limit) { json throws(JSONInputError) in
                try Operation(json: json, depth: depth)
            }
        }
        if json.find("else") != nil {
            failure = try json.objects("else", atMost: limit) { json throws(JSONInputError) in
                try Operation(json: json, depth: depth)
            }
        }
    }
}

extension JSONObject {
    /// A key, or with a slash at its end all that is below it; any octets as base64.
    fileprivate func keys(_ name: String) throws(JSONInputError) -> KeySpan {
        let base64 = name + "Base64"
        guard let octets = try octetsIfPresent(text: name, base64: base64) else { throw .missing(name) }
        do throws(KeyError) {
            if find(base64) != nil { return .key(try Key.validateLength(octets)) }
            return try KeyPath(octets).keys
        } catch {
            throw JSONInputError(code: .outOfRange, field: name, problem: "is no key: \(error)")
        }
    }
}

extension Comparison {
    /// `{"key":"/a","modRevision":3}`: with `createRevision`, `version`, `lease`, `value` or `exists` alike; instead of what it is
    /// equal to `{"greater":…}`, `{"less":…}` or `{"notEqual":…}`.
    fileprivate init(json: JSONObject) throws(JSONInputError) {
        var found: [(relation: Relation, operand: Operand)] = []
        func compare(
            _ name: String, _ read: (JSONObject, String) throws(JSONInputError) -> Operand?
        ) throws(JSONInputError) {
            guard case .object(let nested)? = json.find(name) else {
                if let operand = try read(json, name) { found.append((.equal, operand)) }
                return
            }
            for (word, relation) in Self.relations {
                do throws(JSONInputError) {
                    if let operand = try read(nested, word) { found.append((relation, operand)) }
                } catch { throw error.inside(name) }
            }
        }
        let numbers = 0...Limits.maxInteger
        try compare("modRevision") { json, name throws(JSONInputError) in
            try json.integerIfPresent(name, in: numbers).map { .modRevision($0) }
        }
        try compare("createRevision") { json, name throws(JSONInputError) in
            try json.integerIfPresent(name, in: numbers).map { .createRevision($0) }
        }
        try compare("version") { json, name throws(JSONInputError) in
            try json.integerIfPresent(name, in: numbers).map { .version($0) }
        }
        try compare("lease") { json, name throws(JSONInputError) in
            try json.leaseIDIfPresent(name).map { .lease($0) }
        }
        try compare("value") { json, name throws(JSONInputError) in
            try json.octetsIfPresent(text: name, base64: name == "value" ? "valueBase64" : name + "Base64").map {
                .value($0)
            }
        }
        if let exists = try json.boolIfPresent("exists") {
            found.append((exists ? .greater : .equal, .createRevision(0)))
        }
        guard found.count == 1 else {
            throw JSONInputError(
                code: found.isEmpty ? .missingField : .outOfRange,
                problem: "a comparison needs exactly one of modRevision, createRevision, version, value, lease, exists")
        }
        self.init(try json.keys("key"), found[0].relation, found[0].operand)
    }

    private static let relations: [(String, Relation)] = [
        ("equal", .equal), ("greater", .greater), ("less", .less), ("notEqual", .notEqual),
    ]
}

extension Transaction.Operation {
    /// `{"put":"/a","value":"x","lease":"7"}`, `{"delete":"/a"}`, `{"delete":"/a/","recursive":true}`, `{"get":"/a"}`,
    /// `{"txn":{…}}`.
    fileprivate init(json: JSONObject, depth: Int) throws(JSONInputError) {
        let verbs = ["put", "delete", "get", "txn"].filter { json.find($0) != nil || json.find($0 + "Base64") != nil }
        guard verbs.count == 1 else {
            throw JSONInputError(
                code: verbs.isEmpty ? .missingField : .outOfRange,
                problem: "an operation is exactly one of put, delete, get, txn")
        }
        switch verbs[0] {
        case "put":
            guard case .key(let key) = try json.keys("put") else {
                throw JSONInputError(code: .outOfRange, field: "put", problem: "must not end in a slash")
            }
            let value = try json.octetsIfPresent(text: "value", base64: "valueBase64")
            guard let value else { throw .missing("value") }
            guard value.count <= Limits.maxValueBytes else {
                throw JSONInputError(
                    code: .outOfRange, field: "value", problem: "has at most \(Limits.maxValueBytes) bytes")
            }
            let lease = try json.leaseIDIfPresent("lease")
            self = .put(Transaction.Write(key: key, value: value, lease: lease.map { .lease($0) } ?? .none))
        case "delete":
            let keys = try json.keys("delete")
            if case .range = keys, try json.boolIfPresent("recursive") != true {
                throw JSONInputError(
                    code: .outOfRange, field: "delete", problem: "of a whole subtree needs \"recursive\":true")
            }
            self = .delete(keys)
        case "get":
            let revision = try json.integerIfPresent("revision", in: Limits.counter)
            self = .read(try json.keys("get"), at: revision.map { UInt64($0) })
        default:
            let nested = try json.objectIfPresent("txn") { json throws(JSONInputError) in
                try Transaction(json: json, depth: depth + 1)
            }
            guard let nested else { throw .missing("txn") }
            self = .transaction(nested)
        }
    }
}

// MARK: What is answered

extension AnySequence<JSONStream.Step> {
    /// `"results":[…]`: each shaped as the answer to the single request.
    fileprivate static func results(_ outcome: TransactionResult, of transaction: Transaction) -> Self {
        let operations = outcome.succeeded ? transaction.success : transaction.failure
        let steps = zip(operations, outcome.results).lazy.flatMap { JSONStream.steps($1, of: $0) }
        return .array("results", Self(steps))
    }
}

extension JSONStream {
    fileprivate static func steps(_ result: OperationResult, of operation: Transaction.Operation) -> [Step] {
        switch (operation, result.kind) {
        case (_, .put(let pair, _)):
            [
                .write { json in
                    json.object { json in
                        json.field(key: pair.key)
                        json.field("revision", pair.modRevision)
                        json.field("version", pair.version)
                    }
                }
            ]
        case (_, .deleted(let deleted)):
            [
                .write { json in
                    json.object { json in
                        json.field("deleted", deleted.count)
                        json.field("revision", result.revision)
                    }
                }
            ]
        case (.read(.key(let key), let revision), .read(let image)): steps(of: key, at: revision, in: image.state)
        case (.read(let keys, let revision), .read(let image)): steps(below: keys, at: revision, in: image.state)
        case (.transaction(let nested), .transaction(let outcome)):
            [
                .write { json in
                    json.beginObject()
                    json.field("succeeded", outcome.succeeded)
                }
            ] + AnySequence.results(outcome, of: nested) + [.write { $0.endObject() }]
        default: preconditionFailure("a result of another operation")
        }
    }

    // That the revision can be read was seen when the transaction was applied.

    private static func steps(of key: Key, at revision: UInt64?, in state: MetadataStateMachine) -> [Step] {
        let pair = revision.map { (try? state.value(key, at: $0)) ?? nil } ?? state.value(key)
        guard let pair else { return [.write { $0.raw(Problem(.unknownKey(key)).response.body) }] }
        return steps(pair)
    }

    private static func steps(below keys: KeySpan, at revision: UInt64?, in state: MetadataStateMachine) -> [Step] {
        let page = state.pairs(
            in: keys, at: revision, limit: Int(KeyValueReads.defaultLimit), byteLimit: KeyValueReads.maxPageBytes)
        return [
            .write { json in
                json.beginObject()
                json.field("revision", revision ?? state.counters.revision)
                json.key("entries")
                json.beginArray()
            }
        ] + page.pairs.flatMap { steps($0) } + [
            .write { json in
                json.endArray()
                json.field("next", page.isCut ? page.pairs.last?.key.description : nil)
                json.endObject()
            }
        ]
    }
}
