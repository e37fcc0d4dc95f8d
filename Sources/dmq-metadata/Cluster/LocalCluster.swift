import Dispatch
import FoundationEssentials
import Glibc
import Raft
import Synchronization

/// All nodes of a cluster as children of this process.
final class LocalCluster: Sendable {
    private struct Child {
        var node: ClusterPlan.Node
        var process: ChildProcess
        var queue: DispatchQueue
        var termination: ChildProcess.Termination?
    }

    private struct State {
        var children: [Child] = []
        var isStopping = false
        /// Open for as long as this process lives: at its end, however it comes, every child reads the end of its input.
        var lifeline: Pipe?
    }

    /// How long children may take to stop.
    static let stopPatience: Duration = .seconds(10)

    private let output: LineOutput
    private let exit: @Sendable (Int32) -> Void
    private let state = Mutex(State())

    /// `exit` is called once, when the last child has ended.
    init(output: LineOutput, exit: @escaping @Sendable (Int32) -> Void) {
        self.output = output
        self.exit = exit
    }

    func start(_ plan: ClusterPlan, environment: [String: String]) throws(CommandFailure) {
        do {
            let lifeline = try Pipe()
            state.withLock { $0.lifeline = lifeline }
            for node in plan.nodes {
                // Also right when the executable was replaced meanwhile.
                let process = try ChildProcess(
                    path: "/proc/self/exe", arguments: node.arguments,
                    environment: ClusterPlan.environment(from: environment), input: lifeline.readEnd)
                let queue = DispatchQueue(label: "dmq.child.\(node.id)")
                state.withLock { $0.children.append(Child(node: node, process: process, queue: queue)) }
                follow(process, node.id, queue)
            }
        } catch {
            stop()
            throw CommandFailure(.failure, "a node can not be started: \(systemMessage(error.number))")
        }
    }

    var isStopping: Bool { state.withLock { $0.isStopping } }

    /// The first call asks the children to stop, and ends them if they take too long; a second one ends them at once.
    func stop() {
        let wasStopping = state.withLock { state in
            defer { state.isStopping = true }
            return state.isStopping
        }
        send(signal: wasStopping ? SIGKILL : SIGTERM)
        guard !wasStopping else { return }
        let deadline = DispatchTime.now() + .milliseconds(Int(Self.stopPatience.wholeMilliseconds))
        DispatchQueue(label: "dmq.cluster.stop").asyncAfter(deadline: deadline) { [self] in
            send(signal: SIGKILL)
        }
    }

    private func send(signal: Int32) {
        for child in state.withLock({ $0.children }) { child.process.send(signal: signal) }
    }

    /// A queue for each child, blocked most of the time: simple, and there are at most seven.
    private func follow(_ process: ChildProcess, _ node: NodeID, _ queue: DispatchQueue) {
        let prefix = Self.prefix(of: node, isColored: output.isTerminal)
        queue.async { [self] in
            process.forEachLine { output.writeLine(prefix + $0) }
            let termination = process.wait()
            ended(node, termination, prefix)
        }
    }

    private func ended(_ node: NodeID, _ termination: ChildProcess.Termination, _ prefix: String) {
        let (isExpected, allEnded, status) = state.withLock { state in
            for index in state.children.indices where state.children[index].node.id == node {
                state.children[index].termination = termination
            }
            let ends = state.children.map(\.termination)
            return (
                state.isStopping, !ends.contains(nil), state.isStopping ? 0 : Self.exitStatus(ends.compactMap(\.self))
            )
        }
        if !isExpected {
            output.writeLine(prefix + "❌ this node \(termination)" + (allEnded ? "" : "; the others go on"))
        }
        if allEnded { exit(status) }
    }

    /// Nobody asked for the end: the first failure is the reason.
    private static func exitStatus(_ terminations: [ChildProcess.Termination]) -> Int32 {
        for case .exited(let status) in terminations where status != 0 { return status }
        return ExitStatus.failure.rawValue
    }

    static func prefix(of node: NodeID, isColored: Bool) -> String {
        guard isColored else { return "node\(node) | " }
        // Green, yellow, blue, magenta, cyan; red stays for errors.
        return "\u{1B}[\(32 + (node.number - 1) % 5)mnode\(node) | \u{1B}[0m"
    }
}
