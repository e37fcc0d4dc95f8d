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
            let revision = state.counters.revision
            guard range.isLong(in: state) else {
                return exchange.answerJSON { json in
                    json.object { json in
                        json.header(exchange.service, revision: revision)
                        range.write(range.find(in: state), to: &json)
                    }
                }
            }
            exchange.looking.async { exchange.answerEtcd(revision, range.steps(in: state)) }
        }
    }

    @Sendable static func deleteRange(_ exchange: Exchange, _ json: JSONObject) throws {
        let keys = try KeySpan(etcd: json)
        let showsPrevious = try json.flag("prev_kv")
        exchange.submitEtcd(.transaction(Transaction(success: [.delete(keys)]))) { result in
            guard case .transaction(let outcome, let revision) = result else {
                return exchange.answerUnexpected(result)
            }
            guard case .deleted(let deleted)? = outcome.results.first?.kind else { return }
            exchange.answerEtcd(revision, JSONStream.deleted(deleted, showsPrevious: showsPrevious))
        }
    }

    @Sendable static func transact(_ exchange: Exchange, _ json: JSONObject) throws {
        let request = try EtcdTransaction(json)
        do throws(TransactionFlaw) { try request.command.check() } catch { throw EtcdError(error) }
        let answer: @Sendable (CommandResult) -> Void = { result in
            guard case .transaction(let outcome, let revision) = result else {
                return exchange.answerUnexpected(result)
            }
            let answer: @Sendable () -> Void = { exchange.answerEtcd(revision, request.steps(outcome)) }
            // What it reads is looked up now, and may be long.
            if request.isLong { exchange.looking.async(execute: answer) } else { answer() }
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
    /// A header that has this revision, and what follows; in one piece if that is short.
    func answerEtcd(_ revision: UInt64, _ steps: AnySequence<JSONStream.Step>) {
        let head = AnySequence<JSONStream.Step>.one { [service] json in
            json.beginObject()
            json.header(service, revision: revision)
        }
        var stream = JSONStream(AnySequence([head, steps, .one { $0.endObject() }].joined()))
        var piece: [UInt8] = []
        guard stream.produce(&piece) else { return answerJSON(text: piece) }
        answerJSON(
            stream: HTTPBodyStream { out in
                if piece.isEmpty { return stream.produce(&out) }
                out += piece
                piece = []
                return true
            })
    }

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
