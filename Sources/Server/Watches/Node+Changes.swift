import Defects
import Metadata
import Raft
import Synchronization

/// What whoever follows brokers, topics and partitions asks for.
public struct ChangesRequest: Equatable, Sendable {
    /// All up to there is known.
    public var version: UInt64
    /// Where the page begins; `nil` for the first one.
    public var cursor: ChangesCursor?
    /// How many rows at most.
    public var limit: Int

    public init(after version: UInt64, from cursor: ChangesCursor? = nil, limit: Int) {
        (self.version, self.cursor, self.limit) = (version, cursor, limit)
    }
}

/// Where a page begins that is not the first.
public struct ChangesCursor: Equatable, Sendable {
    /// What the first page was of, and all others must be of at least: behind it the next question begins.
    public var version: UInt64
    public var place: ChangesPage.Place

    public init(version: UInt64, place: ChangesPage.Place) { (self.version, self.place) = (version, place) }
}

public enum ChangesOutcome: Sendable {
    case page(SharedChangesPage)
    /// This node does not know what went behind that version; it does from `oldest` on.
    case tooOld(oldest: UInt64)
    /// This node is not as far.
    case ahead(present: UInt64)
    /// This node has known no leader for so long that what it knows may be of long ago.
    case notReady(String)
}

/// A page with who leads, made once for all who are as far as each other; so is its text.
public final class SharedChangesPage: Sendable {
    private enum Content {
        /// Rows that are looked up when somebody wants to see them, and not on the node's executor.
        case image(ChangesImage)
        case page(ChangesPage)
    }

    public let request: ChangesRequest
    /// Of the state that the page is of.
    public let present: UInt64
    public let leader: NodeID?
    public let term: Term
    private let content: Mutex<Content>
    private let text = Mutex<[UInt8]?>(nil)

    package init(_ request: ChangesRequest, _ image: ChangesImage, leader: NodeID?, term: Term) {
        (self.request, present, self.leader, self.term) = (request, image.version, leader, term)
        content = Mutex(.image(image))
    }

    public var page: ChangesPage {
        content.withLock { content in
            switch content {
            case .page(let page): return page
            case .image(let image):
                let page = image.page(after: request.version, from: request.cursor?.place, limit: request.limit)
                // While there are two of a state, its next change copies what it touches.
                content = .page(page)
                return page
            }
        }
    }

    /// What its first page was of.
    public var version: UInt64 { request.cursor?.version ?? present }

    /// `nil` on the last page.
    public var next: ChangesCursor? { page.next.map { ChangesCursor(version: version, place: $0) } }

    /// Whether there is nothing behind what is known.
    public var isNothing: Bool { request.cursor == nil && present <= request.version }

    /// What `render` makes of it, the first time.
    public func text(_ render: (SharedChangesPage) -> [UInt8]) -> [UInt8] {
        text.withLock { text in
            let rendered = text ?? render(self)
            text = rendered
            return rendered
        }
    }
}

extension Node {
    func changes(_ request: ChangesRequest) -> Result<ChangesOutcome, RequestFailure> {
        if let outOfService { return .failure(.unavailable(outOfService)) }
        if let reason = cutOff { return .success(.notReady(reason)) }
        let present = metadata.counters.version
        // Another node may have made the pages before.
        let reached = Defect.changesPageOfThePast.isOn ? request.version : request.cursor?.version ?? request.version
        if max(request.version, reached) > present { return .success(.ahead(present: present)) }
        let oldest = metadata.oldestVersionToFollow
        if request.version > 0, request.version < oldest {
            guard Defect.changesBelowFloor.isOn else { return .success(.tooOld(oldest: oldest)) }
            return .success(.page(page(ChangesRequest(after: 0, from: request.cursor, limit: request.limit))))
        }
        return .success(.page(page(request)))
    }

    private func page(_ request: ChangesRequest) -> SharedChangesPage {
        if let latest = latestChanges, latest.request == request, latest.present == metadata.counters.version,
            latest.leader == raft.leader, latest.term == raft.currentTerm
        {
            return latest
        }
        let shared = SharedChangesPage(request, metadata.changesImage, leader: raft.leader, term: raft.currentTerm)
        latestChanges = shared
        return shared
    }

    /// When whoever watches is told that nothing can be told any more.
    var cutOffDeadline: Instant? { isCutOffTold ? nil : leaderlessSince?.advanced(by: settings.brokerTimeout) }

    func tellIfCutOff() {
        let wasTold = isCutOffTold
        isCutOffTold = cutOff != nil
        if isCutOffTold, !wasTold { metadataWatches.wakeAll() }
    }

    /// A broker that listens to this node only would go on by what was so before the network broke.
    private var cutOff: String? {
        guard let since = leaderlessSince else { return nil }
        let pause = now.instant.since(since)
        guard pause > settings.brokerTimeout else { return nil }
        return "no leader is known for \(pause.wholeNanoseconds / 1_000_000) ms"
    }
}
