import Logging

/// Where `serve` gets its node from.
enum NodeBinding {
    static let factory: NodeFactory = { _, _, events in
        UnboundNode(events: events)
    }
}

/// Stands where a node belongs as long as this build has none: fails to start.
private final class UnboundNode: RunningNode {
    private let events: NodeEvents

    init(events: NodeEvents) { self.events = events }

    func start() { events.onFailure(CommandFailure(.unavailable, "this build has no node in it")) }
    func stop(completion: @escaping @Sendable () -> Void) { completion() }
    func ask(_ part: Watchdog.Part, _ body: @escaping @Sendable () -> Void) { body() }
    func summary(_ completion: @escaping @Sendable (NodeSummary) -> Void) {}
}
