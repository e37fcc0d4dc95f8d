import Server
import Synchronization
import Wire

/// `?watch=true` of the cluster: a line for each change of the metadata version, as brokers are told of it, by any node, from
/// what it has applied. Holds what it tells next, and no more: who reads slowly is told of several changes together, or
/// begins again with all of the state.
final class ClusterWatch: Sendable {
    private struct State {
        /// All up to there is told, or among the updates; `nil` before the first line.
        var version: UInt64?
        var updates: ArraySlice<PushUpdate> = []
        var isAsking = false
        /// The version may have changed since the last question.
        var isDue = true
        var hasNodeEnded = false
    }

    private let service: any NodeService
    private let state: Mutex<State>
    /// Rings when ``next()`` may have something.
    private let bell = Doorbell()

    private init(after version: UInt64?, _ service: any NodeService) {
        self.service = service
        state = Mutex(State(version: version))
    }

    static func begin(_ exchange: Exchange) throws(Problem) {
        let watch = ClusterWatch(after: try EventStream.start(exchange), exchange.service)
        if EventStream.answerHead(exchange) { return }
        let completion: @Sendable (Result<UInt64, RequestFailure>) -> Void = { result in
            switch result {
            case .success(let number):
                EventStream.answer(
                    exchange, watch.bell, position: "version", quiet: .seconds(10),
                    release: { [service = watch.service] in service.unwatchMetadata(number) }, next: watch.next)
            case .failure(let failure): exchange.answer(failure)
            }
        }
        exchange.service.watchMetadata(wake: { watch.changed() }, completion: completion)
    }

    private func changed() {
        state.withLock { $0.isDue = true }
        bell.ring()
    }

    private func next() -> EventStream.News {
        let (news, version, mustAsk) = state.withLock { state -> (EventStream.News, UInt64?, Bool) in
            let through = state.version
            if let update = state.updates.popFirst() {
                // Whoever is cut off between two lines of one version resumes before both.
                let id = state.updates.isEmpty ? through : nil
                return (.event(id: id, AnySequence(update.steps.lazy.map { .write($0) })), through, false)
            }
            if state.hasNodeEnded { return (.ended, through, false) }
            let mustAsk = state.isDue && !state.isAsking
            if mustAsk { (state.isDue, state.isAsking) = (false, true) }
            return (.nothing(through: through ?? 0), through, mustAsk)
        }
        if mustAsk { ask(after: version) }
        return news
    }

    private func ask(after version: UInt64?) {
        service.metadataNews(after: version) { [self] result in
            state.withLock { state in
                state.isAsking = false
                switch result {
                case .success(let news): (state.version, state.updates) = (news.version, news.updates[...])
                case .failure: state.hasNodeEnded = true
                }
                // What changed since then, after a snapshot that was made a moment ago too.
                state.isDue = state.isDue || !state.updates.isEmpty
            }
            bell.ring()
        }
    }
}
