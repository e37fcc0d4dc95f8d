import Dispatch
import HTTP
import Metadata
import Server
import Wire

/// The service KV.
enum EtcdKeys {
    @Sendable static func put(_ exchange: Exchange, _ json: JSONObject) throws {
        let write = try Transaction.Write(etcd: json)
        let showsPrevious = try json.flag("prev_kv")
        exchange.submitEtcd(.transaction(Transaction(success: [.put(write)]))) { result in
            guard case .transaction(let outcome, let revision) = result else {
                return exchange.answerUnexpected(result)
            }
            exchange.answerJSON { json in
                json.object { json in
                    json.header(exchange.service, revision: revision)
                    if showsPrevious, case .put(_, let previous)? = outcome.results.first?.kind {
                        json.previous(previous)
                    }
                }
            }
        }
    }

    @Sendable static func range(_ exchange: Exchange, _ json: JSONObject) throws {
        let range = try EtcdRange(json)
        exchange.readEtcd(range.isSerializable ? .stale : .linearizable) { view in
            let state = view.metadata
            do throws(RevisionFault) { if let revision = range.revision { try state.check(revision) } } catch {
                return exchange.answer(EtcdError(error))
            }
            guard range.isLong(in: state) else { return answer(range, state, exchange) }
            exchange.looking.async { answer(range, state, exchange) }
        }
    }

    private static func answer(_ range: EtcdRange, _ state: MetadataStateMachine, _ exchange: Exchange) {
        let found = range.find(in: state)
        let revision = state.counters.revision
        guard found.pairs.reduce(0, { $0 + $1.value.count }) > HTTPBodyStream.pieceBytes else {
            return exchange.answerJSON { json in
                json.object { json in
                    json.header(exchange.service, revision: revision)
                    range.write(found, to: &json)
                }
            }
        }
        let body = JSONStream.body(
            .one { json in
                json.beginObject()
                json.header(exchange.service, revision: revision)
            }, range.steps(found), .one { $0.endObject() })
        exchange.answerJSON(stream: body)
    }

    @Sendable static func deleteRange(_ exchange: Exchange, _ json: JSONObject) throws {
        let keys = try KeySpan(etcd: json)
        let showsPrevious = try json.flag("prev_kv")
        exchange.submitEtcd(.transaction(Transaction(success: [.delete(keys)]))) { result in
            guard case .transaction(let outcome, let revision) = result else {
                return exchange.answerUnexpected(result)
            }
            // They may be a million.
            aside(if: showsPrevious, exchange) {
                exchange.answerJSON { json in
                    json.object { json in
                        json.header(exchange.service, revision: revision)
                        if case .deleted(let deleted)? = outcome.results.first?.kind {
                            json.deleted(deleted, showsPrevious: showsPrevious)
                        }
                    }
                }
            }
        }
    }

    /// Where nobody waits for it but others of its kind, or at once.
    private static func aside(if isLong: Bool, _ exchange: Exchange, _ answer: @escaping @Sendable () -> Void) {
        if isLong { exchange.looking.async(execute: answer) } else { answer() }
    }

    @Sendable static func transact(_ exchange: Exchange, _ json: JSONObject) throws {
        let request = try EtcdTransaction(json)
        do throws(TransactionFlaw) { try request.command.check() } catch { throw EtcdError(error) }
        let answer: @Sendable (CommandResult) -> Void = { result in
            guard case .transaction(let outcome, let revision) = result else {
                return exchange.answerUnexpected(result)
            }
            // What it reads is looked up now, and may be long.
            aside(if: request.isLong, exchange) {
                exchange.answerJSON { json in
                    json.object { json in
                        json.header(exchange.service, revision: revision)
                        request.write(outcome, to: &json)
                    }
                }
            }
        }
        guard request.command.isReadOnly else { return exchange.submitEtcd(.transaction(request.command), answer) }
        // It changes nothing, so what it finds is what it would find in the log.
        exchange.readEtcd(request.isSerializable ? .stale : .linearizable) { view in
            var copy = view.metadata
            switch copy.apply(.transaction(request.command), timestamp: view.now).result {
            case .refused(let refusal): exchange.answer(EtcdError(refusal))
            case let result: answer(result)
            }
        }
    }

    @Sendable static func compact(_ exchange: Exchange, _ json: JSONObject) throws {
        let wanted = try json.int64("revision")
        // What lies before all revisions has been given up before there was any.
        guard wanted > 0 else { throw EtcdError.compacted }
        exchange.submitEtcd(.compactHistory(through: UInt64(wanted))) { _ in
            exchange.answerWithHeader()
        }
    }
}

extension Exchange {
    /// With a header that has the present revision, and what `write` adds.
    func answerWithHeader(_ write: @escaping @Sendable (inout JSONWriter, NodeView) -> Void = { _, _ in }) {
        service.read(.stale) { [self] result in
            guard case .success(let view) = result else { return answer(EtcdError.noLeader) }
            answerJSON { json in
                json.object { json in
                    json.header(service, revision: view.metadata.counters.revision)
                    write(&json, view)
                }
            }
        }
    }
}
