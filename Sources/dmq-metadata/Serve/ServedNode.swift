import Logging
import Raft

/// What `serve` needs of a node. All calls are safe from any thread, and none blocks.
protocol ServedNode: AnyObject, Sendable {
    /// Loads what is on disk, listens, and then takes part. Reports through `events`. Called once.
    func start()

    /// Hands leadership over if it has it, answers what is in progress, closes the store; then calls `completion`.
    /// Also right before the start has finished.
    func stop(completion: @escaping @Sendable () -> Void)

    /// Runs `body` on the executor that owns `part`, behind all that waits there.
    func ask(_ part: Watchdog.Part, _ body: @escaping @Sendable () -> Void)

    /// The node's place in the cluster now.
    func summary(_ completion: @escaping @Sendable (NodeSummary) -> Void)
}

/// What `systemctl status` shows of a node.
struct NodeSummary: Equatable, Sendable {
    var role: String
    var term: Term
    var leader: NodeID?
    var applied: LogIndex
}

/// What a node tells while it lives. Called from any thread.
struct NodeEvents: Sendable {
    /// While the log is loaded: rows or entries so far, and of how many if that is known.
    var onReplayProgress: @Sendable (_ done: Int, _ total: Int?) -> Void
    /// Once: what was on disk is loaded, and the port listens. There need not be a leader.
    var onReady: @Sendable () -> Void
    /// The node can not go on; the process must end with this exit code.
    var onFailure: @Sendable (_ failure: CommandFailure) -> Void
}

typealias NodeFactory = @Sendable (NodeConfiguration, Logger, NodeEvents) -> any ServedNode
