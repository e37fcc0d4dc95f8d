import Dispatch
import HTTP
import Metadata
import Server
import Wire

/// `GET /changes` and `GET /snapshot`: brokers, topics, partitions and groups for whoever keeps a copy of them, from any node.
enum Changes {
    static let defaultLimit: UInt64 = 2000
    private static let waitMilliseconds: ClosedRange<UInt64> = 0...30_000

    /// What changed behind `since`; with `wait` answered when something has, with `watch` told line by line.
    @Sendable static func follow(_ exchange: Exchange) throws(Problem) {
        let query = exchange.query
        let wait = try query.integer("wait", in: waitMilliseconds)
        let cursor = try ChangesCursor(query)
        if try query.bool("watch") ?? false {
            guard wait == nil, cursor == nil else {
                throw Problem(.invalidParameter, "`wait` and `after` are not for watch=true")
            }
            let since = try EventStream.start(exchange, parameter: "since") ?? 0
            return ChangesWatch.begin(ChangesRequest(after: since, limit: try limit(query)), exchange)
        }
        let since = try query.integer("since", in: 0...UInt64(Limits.maxInteger)) ?? 0
        let request = ChangesRequest(after: since, from: cursor, limit: try limit(query))
        if let wait, wait > 0, cursor == nil {
            return ChangesPoll.begin(request, milliseconds: wait, exchange)
        }
        exchange.service.changes(request) { answer($0, exchange) }
    }

    /// All there is, page by page.
    @Sendable static func snapshot(_ exchange: Exchange) throws(Problem) {
        let cursor = try ChangesCursor(exchange.query)
        let limit = try limit(exchange.query)
        exchange.service.changes(ChangesRequest(after: 0, from: cursor, limit: limit)) {
            answer($0, exchange)
        }
    }

    private static func limit(_ query: QueryParameters) throws(Problem) -> Int {
        Int(try query.integer("limit", in: Partitions.limits) ?? defaultLimit)
    }

    /// Away from the node's executor: a page is long.
    static func answer(_ result: Result<ChangesOutcome, RequestFailure>, _ exchange: Exchange) {
        switch result {
        case .failure(let failure): exchange.answer(failure)
        case .success(.page(let page)):
            exchange.looking.async {
                exchange.answerJSON(
                    headers: Exchange.tag(page.page.version),
                    text: page.text { ChangesText($0, exchange.service.members).text })
            }
        case .success(let other): exchange.answer(problem(other))
        }
    }

    static func problem(_ outcome: ChangesOutcome) -> Problem {
        switch outcome {
        case .tooOld(let oldest):
            Problem(
                .versionTooOld,
                "this node knows what was removed behind version \(oldest) and later ones: take the snapshot",
                members: [("oldestVersion", oldest)])
        case .ahead(let present):
            Problem(.versionAhead, "this node is at version \(present)", members: [("version", present)])
        case .notReady(let reason): Problem(.notReady, reason)
        case .page: preconditionFailure("a page is no problem")
        }
    }
}

extension ChangesCursor {
    /// `nil` where there is none.
    init?(_ query: QueryParameters) throws(Problem) {
        guard let text = try query.text("after") else { return nil }
        guard let cursor = ChangesCursor(text) else {
            throw Problem(.invalidParameter, "parameter `after` must be the `next` of the page before")
        }
        self = cursor
    }

    fileprivate init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count >= 3, let version = UInt64(parts[0]) else { return nil }
        switch (parts[1], parts.count) {
        case ("removed", 3):
            guard let first = UInt64(parts[2]) else { return nil }
            self.init(version: version, place: .removal(first))
        case ("broker", 3):
            guard let id = BrokerID(parts[2]), id > 0 else { return nil }
            self.init(version: version, place: .broker(id))
        case ("topic", 4):
            guard let id = Int(parts[3]), (-1..<Topic.partitionCounts.upperBound).contains(id) else { return nil }
            self.init(version: version, place: .topic(String(parts[2]), partition: id))
        case ("group", _):
            // It may hold the mark between the parts.
            let id = parts[2...].joined(separator: ":")
            guard Limits.isGroupID(id) else { return nil }
            self.init(version: version, place: .group(id))
        default: return nil
        }
    }

    var text: String {
        switch place {
        case .removal(let first): "\(version):removed:\(first)"
        case .broker(let id): "\(version):broker:\(id)"
        case .group(let id): "\(version):group:\(id)"
        case .topic(let name, let partition): "\(version):topic:\(name):\(partition)"
        }
    }
}
