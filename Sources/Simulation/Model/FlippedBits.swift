// What may not be held against a node that nobody has found out yet: a bit of a value's last byte that flipped in its memory.

extension KeysModel.Value {
    var withoutLastByte: Self {
        var value = self
        value.bytes = Array(bytes.dropLast())
        return value
    }
}

extension ModelAnswer {
    /// With nothing of what the values end with, which only a transaction's answer tells of.
    var withoutLastBytes: Self {
        guard case .transaction(let answer, let revision) = self else { return self }
        return .transaction(answer.withoutLastBytes, revision: revision)
    }
}

extension TransactionModel.Answer {
    fileprivate var withoutLastBytes: Self {
        Self(
            succeeded: succeeded,
            results: results.map { result in
                switch result {
                case .put(let key, let value): .put(key, value.withoutLastByte)
                case .deleted: result
                case .read(let found):
                    .read(found.map { TransactionModel.Found(key: $0.key, value: $0.value.withoutLastByte) })
                case .nested(let answer): .nested(answer.withoutLastBytes)
                }
            })
    }
}
