import HTTP
import Metadata
import Wire

/// A write of one key or the deletion of some: what stands beside it in the request, a lease and a fence, makes it a
/// transaction; without them it is the command that it has always been.
struct KeyWrite: Sendable {
    enum Change: Sendable {
        case put(Key, value: [UInt8])
        case delete(Key)
        case deleteSubtree(of: Key)
    }

    let change: Change
    var lease: LeaseID?
    var fence: Fence?

    func command(if precondition: Precondition) -> Command {
        guard lease != nil || fence != nil else { return plainCommand(precondition) }
        var transaction = Transaction(fence: fence, success: [operation], failure: [.read(.key(key), at: nil)])
        switch (precondition, change) {
        case (.none, _), (_, .deleteSubtree): break
        case (.absent, .put(let key, _)), (.absent, .delete(let key)):
            transaction.comparisons = [Comparison(.key(key), .equal, .createRevision(0))]
        case (.modRevision(let revision), .put(let key, _)), (.modRevision(let revision), .delete(let key)):
            transaction.comparisons = [Comparison(.key(key), .equal, .modRevision(Int64(clamping: revision)))]
        }
        return .transaction(transaction)
    }

    private func plainCommand(_ precondition: Precondition) -> Command {
        switch change {
        case .put(let key, let value): .put(Put(key: key, value: value, precondition: precondition))
        case .delete(let key): .delete(Delete(key: key, precondition: precondition))
        case .deleteSubtree(let directory): .delete(Delete(key: directory, isRecursive: true))
        }
    }

    private var operation: Transaction.Operation {
        switch change {
        case .put(let key, let value):
            .put(Transaction.Write(key: key, value: value, lease: lease.map { .lease($0) } ?? .none))
        case .delete(let key): .delete(.key(key))
        case .deleteSubtree(let directory): .delete(.subtree(of: directory))
        }
    }

    private var key: Key {
        switch change {
        case .put(let key, _), .delete(let key), .deleteSubtree(let key): key
        }
    }

    /// The result of the command as if it had been the plain one.
    func plainResult(_ result: CommandResult) -> CommandResult {
        guard case .transaction(let transaction, let revision) = result, let first = transaction.results.first else {
            return result
        }
        switch first.kind {
        case .put(let pair, _): return .put(modRevision: pair.modRevision, version: pair.version)
        case .deleted(let deleted):
            return deleted.count == 0
                ? .refused(.unknownKey(key)) : .deleted(count: deleted.count, revision: revision)
        case .read(let image): return .refused(.revisionMismatch(present: image.state.value(key)?.modRevision))
        case .transaction: return result
        }
    }
}

extension Fence {
    static let field = "X-Fence"

    /// The header field `X-Fence: <name>:<token>`; `nil` if there is none.
    init?(_ headers: HTTPHeaders) throws(Problem) {
        guard let text = headers[Self.field] else { return nil }
        guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")), let name = LockName(text[..<colon]),
            let token = UInt64(text[text.utf8.index(after: colon)...])
        else { throw Problem(.invalidPrecondition, "\(Self.field) must be a lock's name and a token: name:17") }
        self.init(queue: name.queue, token: token)
    }
}
