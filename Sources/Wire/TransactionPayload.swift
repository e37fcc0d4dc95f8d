import Metadata

/// The payload of a transaction: the dense form, begun by its version.
enum TransactionPayload {
    private static let version: UInt8 = 1

    private enum Tag {
        static let put: UInt8 = 1
        static let delete: UInt8 = 2
        static let read: UInt8 = 3
        static let transaction: UInt8 = 4
    }

    // MARK: Encoding

    static func encode(_ transaction: Transaction) -> [UInt8] {
        var bytes = [version]
        bytes.appendBool(transaction.fence != nil)
        if let fence = transaction.fence {
            append(fence.queue, to: &bytes)
            bytes.appendVarint(fence.token)
        }
        append(transaction, to: &bytes)
        return bytes
    }

    private static func append(_ transaction: Transaction, to bytes: inout [UInt8]) {
        bytes.appendVarint(UInt64(transaction.comparisons.count))
        for comparison in transaction.comparisons { append(comparison, to: &bytes) }
        for operations in [transaction.success, transaction.failure] {
            bytes.appendVarint(UInt64(operations.count))
            for operation in operations { append(operation, to: &bytes) }
        }
    }

    private static func append(_ keys: KeySpan, to bytes: inout [UInt8]) {
        switch keys {
        case .key(let key):
            bytes.append(0)
            bytes.appendCounted(key.bytes)
        case .range(let lower, let upper):
            bytes.append(upper == nil ? 1 : 2)
            bytes.appendCounted(lower)
            if let upper { bytes.appendCounted(upper) }
        }
    }

    private static func append(_ comparison: Comparison, to bytes: inout [UInt8]) {
        append(comparison.keys, to: &bytes)
        bytes.append(comparison.relation.rawValue)
        func appendNumber(_ tag: UInt8, _ number: Int64) {
            bytes.append(tag)
            bytes.appendZigZag(number)
        }
        switch comparison.operand {
        case .version(let number): appendNumber(0, number)
        case .createRevision(let number): appendNumber(1, number)
        case .modRevision(let number): appendNumber(2, number)
        case .lease(let id): appendNumber(3, id)
        case .value(let value):
            bytes.append(4)
            bytes.appendCounted(value)
        }
    }

    private static func append(_ operation: Transaction.Operation, to bytes: inout [UInt8]) {
        switch operation {
        case .put(let write):
            bytes.append(Tag.put)
            append(write, to: &bytes)
        case .delete(let keys):
            bytes.append(Tag.delete)
            append(keys, to: &bytes)
        case .read(let keys, let revision):
            bytes.append(Tag.read)
            append(keys, to: &bytes)
            bytes.appendBool(revision != nil)
            if let revision { bytes.appendVarint(revision) }
        case .transaction(let nested):
            bytes.append(Tag.transaction)
            append(nested, to: &bytes)
        }
    }

    private static func append(_ write: Transaction.Write, to bytes: inout [UInt8]) {
        bytes.appendCounted(write.key.bytes)
        bytes.appendBool(write.value != nil)
        if let value = write.value { bytes.appendCounted(value) }
        switch write.lease {
        case .none: bytes.append(0)
        case .same: bytes.append(1)
        case .lease(let id):
            bytes.append(2)
            bytes.appendVarint(UInt64(bitPattern: id))
        }
    }

    // MARK: Decoding

    static func decode(_ data: [UInt8]) throws(WireError) -> Transaction {
        var reader = ByteReader(data, subject: "TXN")
        let version = try reader.byte()
        guard version == Self.version else { throw reader.error("version \(version), not \(Self.version)") }
        let fence =
            try reader.bool()
            ? Fence(queue: try decodeSpan(&reader), token: try reader.varint(in: Limits.counter)) : nil
        var transaction = try decodeTransaction(&reader, depth: 1)
        transaction.fence = fence
        try reader.finish()
        return transaction
    }

    private static func decodeTransaction(_ reader: inout ByteReader, depth: Int) throws(WireError) -> Transaction {
        guard depth <= Transaction.maximumDepth else { throw reader.error("transactions within too many others") }
        var transaction = Transaction()
        let count = try reader.count(minimumBytes: 5)
        for _ in 0..<count { transaction.comparisons.append(try decodeComparison(&reader)) }
        transaction.success = try decodeOperations(&reader, depth: depth)
        transaction.failure = try decodeOperations(&reader, depth: depth)
        return transaction
    }

    private static func decodeOperations(
        _ reader: inout ByteReader, depth: Int
    ) throws(WireError) -> [Transaction.Operation] {
        let count = try reader.count(minimumBytes: 2)
        var operations: [Transaction.Operation] = []
        for _ in 0..<count {
            switch try reader.byte() {
            case Tag.put: operations.append(.put(try decodeWrite(&reader)))
            case Tag.delete: operations.append(.delete(try decodeSpan(&reader)))
            case Tag.read:
                let keys = try decodeSpan(&reader)
                operations.append(.read(keys, at: try reader.bool() ? try reader.varint(in: Limits.counter) : nil))
            case Tag.transaction: operations.append(.transaction(try decodeTransaction(&reader, depth: depth + 1)))
            default: throw reader.error("unknown operation")
            }
        }
        return operations
    }

    private static func decodeKey(_ reader: inout ByteReader) throws(WireError) -> Key {
        let bytes = try reader.countedBytes()
        do throws(KeyError) { return try Key.validateLength(bytes) } catch { throw reader.error("\(error)") }
    }

    private static func decodeSpan(_ reader: inout ByteReader) throws(WireError) -> KeySpan {
        let tag = try reader.byte()
        if tag == 0 { return .key(try decodeKey(&reader)) }
        guard tag <= 2 else { throw reader.error("unknown kind of span") }
        let lower = try reader.countedBytes()
        let upper = tag == 2 ? try reader.countedBytes() : nil
        guard max(lower.count, upper?.count ?? 0) <= Key.maximumLength + 1 else {
            throw reader.error("a span too long")
        }
        return .range(from: lower, before: upper)
    }

    private static func decodeComparison(_ reader: inout ByteReader) throws(WireError) -> Comparison {
        let keys = try decodeSpan(&reader)
        guard let relation = Comparison.Relation(rawValue: try reader.byte()) else {
            throw reader.error("unknown relation")
        }
        let operand: Comparison.Operand
        switch try reader.byte() {
        case 0: operand = .version(try reader.zigZag())
        case 1: operand = .createRevision(try reader.zigZag())
        case 2: operand = .modRevision(try reader.zigZag())
        case 3: operand = .lease(try reader.zigZag())
        case 4: operand = .value(try reader.countedBytes())
        default: throw reader.error("unknown operand")
        }
        return Comparison(keys, relation, operand)
    }

    private static func decodeWrite(_ reader: inout ByteReader) throws(WireError) -> Transaction.Write {
        let key = try decodeKey(&reader)
        let value = try reader.bool() ? try reader.countedBytes() : nil
        guard value?.count ?? 0 <= Limits.maxValueBytes else { throw reader.error("a value too long") }
        let lease: Transaction.LeaseChoice
        switch try reader.byte() {
        case 0: lease = .none
        case 1: lease = .same
        case 2: lease = .lease(LeaseID(try reader.varint(in: Limits.leaseID)))
        default: throw reader.error("unknown choice of lease")
        }
        return Transaction.Write(key: key, value: value, lease: lease)
    }
}
