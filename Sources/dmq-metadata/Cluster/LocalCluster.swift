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
        /// No further child will be started.
        var isComplete = false
        var isStopping = false
        var hasExited = false
        /// Open for as long as this process lives: at its end, however it comes, every child reads the end of its input.
        var lifeline: Pipe?

        var terminations: [ChildProcess.Termination] { children.compactMap(\.termination) }
        var hasEnded: Bool { isComplete && terminations.count == children.count }
    }

    /// How long children may take to stop.
    static let stopPatience: Duration = .seconds(10)

    private let output: LineOutput
    private let path: String
    private let exit: @Sendable (Int32) -> Void
    private let state = Mutex(State())

    /// `exit` is called once, when the last child has ended. Children are this program, which is also right when the
    /// executable was replaced meanwhile.
    init(output: LineOutput, path: String = "/proc/self/exe", exit: @escaping @Sendable (Int32) -> Void) {
        self.output = output
        self.path = path
        self.exit = exit
    }

    func start(_ plan: ClusterPlan, environment: [String: String]) throws(CommandFailure) {
        do {
            let lifeline = try Pipe()
            state.withLock { $0.lifeline = lifeline }
            for node in plan.nodes where !isStopping {
                let process = try ChildProcess(
                    path: path, arguments: node.arguments,
                    environment: ClusterPlan.environment(from: environment), input: lifeline.readEnd)
                let queue = DispatchQueue(label: "dmq.child.\(node.id)")
                let isLate = state.withLock { state in
                    state.children.append(Child(node: node, process: process, queue: queue))
                    return state.isStopping
                }
                // Whoever stopped the others meanwhile did not see this one.
                if isLate { process.send(signal: SIGTERM) }
                follow(process, node.id, queue)
            }
        } catch {
            stop()
            throw CommandFailure(.failure, "a node can not be started: \(systemMessage(error.number))")
        }
        state.withLock { $0.isComplete = true }
        exitIfAllEnded()
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
        let (isExpected, isLast) = state.withLock { state in
            for index in state.children.indices where state.children[index].node.id == node {
                state.children[index].termination = termination
            }
            return (state.isStopping, state.hasEnded)
        }
        if !isExpected {
            output.writeLine(prefix + "❌ this node \(termination)" + (isLast ? "" : "; the others go on"))
        }
        exitIfAllEnded()
    }

    private func exitIfAllEnded() {
        let status: Int32? = state.withLock { state in
            guard state.hasEnded, !state.hasExited else { return nil }
            state.hasExited = true
            return state.isStopping ? ExitStatus.success.rawValue : Self.exitStatus(state.terminations)
        }
        if let status { exit(status) }
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
