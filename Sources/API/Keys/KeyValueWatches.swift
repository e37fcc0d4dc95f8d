import HTTP
import Metadata
import Server
import Wire

/// `?watch=true` and `?wait=` of `/api/v1/kv`: to be told of changes, by any node, from what it has applied.
enum KeyValueWatches {
    static let parameters = ["watch", "wait", "previous", "events", "progress"]
    private static let progressSeconds: ClosedRange<UInt64> = 1...3600
    private static let waitSeconds: ClosedRange<UInt64> = 1...300

    /// Whether the request is one of these; answers it then.
    static func answer(_ path: KeyPath, _ exchange: Exchange) throws(Problem) -> Bool {
        let query = exchange.query
        let isWatch = try query.bool("watch") ?? false
        let wait = try query.integer("wait", in: waitSeconds)
        let options = try Options(query)
        guard isWatch || wait != nil else {
            guard !options.areGiven else {
                throw Problem(.invalidParameter, "`previous`, `events` and `progress` are for watch=true")
            }
            return false
        }
        guard !(isWatch && wait != nil) else { throw Problem(.invalidParameter, "either `watch` or `wait`") }
        // A watch of a node, whichever it is; there is nothing to confirm.
        if let wait { try self.wait(path, seconds: wait, exchange) } else { try watch(path.keys, options, exchange) }
        return true
    }

    struct Options: Sendable {
        var isPreviousWanted = false
        var arePutsWanted = true
        var areDeletionsWanted = true
        var progress: Duration = .seconds(10)
        fileprivate var areGiven = false

        init(_ query: QueryParameters) throws(Problem) {
            if let previous = try query.bool("previous") { (isPreviousWanted, areGiven) = (previous, true) }
            if let seconds = try query.integer("progress", in: progressSeconds) {
                (progress, areGiven) = (.seconds(seconds), true)
            }
            switch try query.text("events") {
            case nil: return
            case "put": areDeletionsWanted = false
            case "delete": arePutsWanted = false
            default: throw Problem(.invalidParameter, "parameter `events` must be put or delete")
            }
            areGiven = true
        }

        func wants(_ event: KeyEvent) -> Bool {
            if case .put = event { arePutsWanted } else { areDeletionsWanted }
        }
    }

    // MARK: Streams

    private static func watch(_ range: KeySpan, _ options: Options, _ exchange: Exchange) throws(Problem) {
        let after = try EventStream.start(exchange)
        if EventStream.answerHead(exchange) { return }
        let doorbell = Doorbell()
        exchange.watch(range, after: after, doorbell) { KeyEvents.answer(exchange, $0, options, doorbell) }
    }

    // MARK: Long poll

    /// Answers with what is there once it is newer than `after`, or 304 when the time is up.
    private static func wait(_ path: KeyPath, seconds: UInt64, _ exchange: Exchange) throws(Problem) {
        guard let after = try EventStream.start(exchange) else {
            throw Problem(.invalidParameter, "parameter `wait` needs `after`, the revision that is known")
        }
        let doorbell = Doorbell()
        exchange.watch(path.keys, after: after, doorbell) {
            LongPoll($0, of: path, exchange, doorbell).begin(seconds: seconds)
        }
    }
}

extension Exchange {
    /// Begins a watch that rings the bell.
    func watch(
        _ range: KeySpan, after revision: UInt64?, _ doorbell: Doorbell,
        _ begin: @escaping @Sendable (KeyWatch) -> Void
    ) {
        let completion: @Sendable (Result<KeyWatch, WatchFailure>) -> Void = { [self] result in
            switch result {
            case .success(let watch): begin(watch)
            case .failure(.request(let failure)): answer(failure)
            case .failure(.revision(let fault)): answer(Problem(fault))
            }
        }
        service.watch(range, after: revision, wake: { doorbell.ring() }, completion: completion)
    }
}
