import Dispatch
import Metadata
import Server
import Synchronization
import Wire

/// `?watch=true` of the changes: each line is a page, as long as somebody listens. Holds one; who reads slowly is told of all that
/// changed meanwhile at once.
final class ChangesWatch: Sendable {
    private struct State {
        /// What is asked for next.
        var request: ChangesRequest
        var page: SharedChangesPage?
        var problem: Problem?
        var isAsking = false
        /// The version may have changed since the last question.
        var isDue = true
        var hasNodeEnded = false
    }

    private let service: any NodeService
    private let looking: DispatchQueue
    private let state: Mutex<State>
    /// Rings when ``next()`` may have something.
    private let bell = Doorbell()

    private init(_ request: ChangesRequest, _ exchange: Exchange) {
        (service, looking) = (exchange.service, exchange.looking)
        state = Mutex(State(request: request))
    }

    /// What can not be followed is refused before the first line.
    static func begin(_ request: ChangesRequest, _ exchange: Exchange) {
        exchange.service.changes(request) { result in
            guard case .success(.page) = result else { return Changes.answer(result, exchange) }
            if EventStream.answerHead(exchange) { return }
            ChangesWatch(request, exchange).listen(exchange)
        }
    }

    private func listen(_ exchange: Exchange) {
        let begun: @Sendable (Result<UInt64, RequestFailure>) -> Void = { [self] result in
            switch result {
            case .success(let number):
                EventStream.answer(
                    exchange, bell, position: "to", quiet: .seconds(10),
                    release: { [service] in service.unwatchMetadata(number) }, next: next)
            case .failure(let failure): exchange.answer(failure)
            }
        }
        exchange.service.watchMetadata(wake: { [self] in changed() }, completion: begun)
    }

    private func changed() {
        state.withLock { $0.isDue = true }
        bell.ring()
    }

    private func next() -> EventStream.News {
        let (news, request) = state.withLock { state -> (EventStream.News, ChangesRequest?) in
            if let page = state.page { return (line(of: page, &state), nil) }
            if let problem = state.problem { return (.last(.one { $0.object(problem.write) }), nil) }
            if state.hasNodeEnded { return (.ended, nil) }
            let mustAsk = state.isDue && !state.isAsking
            if mustAsk { (state.isDue, state.isAsking) = (false, true) }
            return (.nothing(through: state.request.version), mustAsk ? state.request : nil)
        }
        if let request { ask(request) }
        return news
    }

    /// Only a line that is the last of its version has an id: whoever is cut off before it begins again.
    private func line(of page: SharedChangesPage, _ state: inout State) -> EventStream.News {
        (state.page, state.isDue) = (nil, true)
        state.request.cursor = page.next
        if page.next == nil { state.request.version = page.version }
        let id = page.next == nil ? page.version : nil
        return .event(id: id, ChangesText(page, service.members).steps)
    }

    /// The page is made away from the node's executor, and at once: a client that does not read holds its rows, not the state.
    private func ask(_ request: ChangesRequest) {
        service.changes(request) { [self] result in looking.async { [self] in take(result) } }
    }

    private func take(_ result: Result<ChangesOutcome, RequestFailure>) {
        if case .success(.page(let page)) = result, !page.isNothing { _ = page.page }
        state.withLock { state in
            state.isAsking = false
            switch result {
            case .success(.page(let page)): if !page.isNothing { state.page = page }
            case .success(let other): state.problem = Changes.problem(other)
            case .failure: state.hasNodeEnded = true
            }
        }
        bell.ring()
    }
}
