import Dispatch
import Glibc
import Logging
import Raft
import Synchronization

/// One run of a node as a process: from start over ready to its end, with the service manager told at each step.
final class ServeSession: Sendable {
    struct Environment: Sendable {
        var notifier: ServiceNotifier?
        var watchdog: WatchdogSettings?
        /// A node that takes longer than this to stop is ended. Below the unit's TimeoutStopSec.
        var stopPatience: Duration = .seconds(25)
        /// Where the progress of a long replay is shown.
        var output: LineOutput = .standardError
        /// Ends the process.
        var exit: @Sendable (Int32) -> Void
    }

    private enum Phase { case starting, running, stopping, ended }

    private struct State {
        var phase = Phase.starting
        var node: (any ServedNode)?
        var watchdog: Watchdog?
        var lastStatus: String?
        var lastExtension: Duration?
        var hasWarned = false
    }

    private let logger: Logger
    private let environment: Environment
    private let queue = DispatchQueue(label: "dmq.serve")
    private let state = Mutex(State())
    private let began = ContinuousClock.now

    /// How much longer the service manager should wait whenever loading the log has come on.
    static let startExtension: Duration = .seconds(60)

    init(logger: Logger, environment: Environment) {
        self.logger = logger
        self.environment = environment
    }

    private var now: Duration { ContinuousClock.now - began }

    /// Starts the node; returns at once.
    func start(_ configuration: NodeConfiguration, factory: NodeFactory) {
        logger.info("🚀 starting", metadata: ["version": "\(Version.current)", "pid": "\(getpid())"])
        logger.info(
            "📋 node",
            metadata: [
                "id": "\(configuration.node)", "port": "\(configuration.listenPort)",
                "host": "\(configuration.listenHost ?? "*")", "clusterSize": "\(configuration.members.count)",
                "services": "\(configuration.servicesFile)", "data": "\(configuration.dataDirectory)",
            ])
        for warning in configuration.warnings { logger.warning("⚠️ \(warning)") }
        let events = NodeEvents(
            onReplayProgress: { [weak self] in self?.replayed($0, of: $1) },
            onReady: { [weak self] in self?.becameReady() },
            onFailure: { [weak self] in self?.failed($0) })
        let node = factory(configuration, logger, events)
        state.withLock { $0.node = node }
        environment.notifier?.send(.status("starting node \(configuration.node)"))
        node.start()
    }

    /// The first call stops the node in good order and then ends the process with 0; a second one ends it at once.
    func stop(because reason: String, exitStatusIfForced: Int32) {
        let (phase, node) = state.withLock { state in
            let before = state.phase
            if before == .starting || before == .running { state.phase = .stopping }
            return (before, state.node)
        }
        guard phase == .starting || phase == .running else {
            logger.warning("🛑 stopping at once", metadata: ["reason": "\(reason)"])
            return end(exitStatusIfForced)
        }
        // First of all: nothing that follows may keep the process alive.
        after(environment.stopPatience) { [weak self] in self?.endUnfinished() }
        logger.info("🛑 stopping", metadata: ["reason": "\(reason)"])
        environment.notifier?.send(.stopping, .status("stopping"))
        environment.output.showProgress(nil)
        guard let node else { return end(ExitStatus.success.rawValue) }
        node.stop { [weak self] in
            self?.logger.info("🛑 stopped")
            self?.end(ExitStatus.success.rawValue)
        }
    }

    /// A success all the same: what was acknowledged is on the disk, and the rest is what a power cut would leave, which
    /// every start can deal with.
    private func endUnfinished() {
        logger.warning(
            "⚠️ the node was too busy to stop in good order; what it acknowledged is on its disk",
            metadata: ["patience": "\(environment.stopPatience)"])
        end(ExitStatus.success.rawValue)
    }

    private func failed(_ failure: CommandFailure) {
        environment.output.showProgress(nil)
        logger.critical("❌ \(failure.description)", metadata: ["exit": "\(failure.status.rawValue)"])
        environment.notifier?.send(.stopping, .status(failure.description))
        end(failure.status.rawValue)
    }

    private func end(_ status: Int32) {
        let isFirst = state.withLock { state in
            defer { state.phase = .ended }
            return state.phase != .ended
        }
        if isFirst { environment.exit(status) }
    }

    // MARK: Start

    private func replayed(_ done: Int, of total: Int?) {
        let now = now
        let isDue = state.withLock { state in
            guard state.phase == .starting else { return false }
            if let last = state.lastExtension, now - last < .seconds(1) { return false }
            state.lastExtension = now
            return true
        }
        guard isDue else { return }
        let text = "loading the log: \(done)" + (total.map { " of \($0)" } ?? "") + " entries"
        environment.notifier?.send(.extendTimeout(Self.startExtension), .status(text))
        if now > .seconds(1) { environment.output.showProgress("📚 \(text)") }
    }

    private func becameReady() {
        let isFirst = state.withLock { state in
            guard state.phase == .starting else { return false }
            state.phase = .running
            return true
        }
        guard isFirst else { return }
        environment.output.showProgress(nil)
        environment.notifier?.send(.ready, .mainPID(getpid()), .status("listening, no leader known yet"))
        logger.info("✅ started", metadata: ["afterMs": "\(now.wholeMilliseconds)"])
        guard environment.notifier != nil else { return }
        every(.seconds(2)) { [weak self] in self?.reportStatus() }
        if let settings = environment.watchdog {
            state.withLock { $0.watchdog = Watchdog(timeout: settings.timeout) }
            feedWatchdog()
            every(settings.timeout / 4) { [weak self] in self?.feedWatchdog() }
        }
    }

    // MARK: While it runs

    private func reportStatus() {
        let node = state.withLock { $0.phase == .running ? $0.node : nil }
        node?.summary { [weak self] summary in self?.report(summary) }
    }

    private func report(_ summary: NodeSummary) {
        let leader = summary.leader.map { "node \($0)" } ?? "none"
        let text = "\(summary.role), term \(summary.term), leader \(leader), applied index \(summary.applied)"
        let isNew = state.withLock { state in
            defer { state.lastStatus = text }
            return state.phase == .running && state.lastStatus != text
        }
        if isNew { environment.notifier?.send(.status(text)) }
    }

    /// Asks the node's parts for a sign, and passes it on unless one of them has owed its for too long.
    private func feedWatchdog() {
        let now = now
        let (node, questions, stuck, shallWarn) = state.withLock { state in
            let questions = state.watchdog?.questions(at: now) ?? []
            let stuck = state.watchdog?.stuckPart(at: now)
            let shallWarn = stuck != nil && !state.hasWarned
            state.hasWarned = stuck != nil
            return (state.node, questions, stuck, shallWarn)
        }
        for part in questions {
            node?.ask(part) { [weak self] in self?.state.withLock { $0.watchdog?.answered(part) } }
        }
        if let stuck {
            if shallWarn {
                logger.critical("❌ no progress; the watchdog is no longer fed", metadata: ["part": "\(stuck)"])
            }
        } else {
            environment.notifier?.send(.watchdog)
        }
    }

    /// Until the end of the session.
    private func every(_ interval: Duration, _ body: @escaping @Sendable () -> Void) {
        after(interval) { [weak self] in
            body()
            self?.every(interval, body)
        }
    }

    /// Unless the session has ended before.
    private func after(_ delay: Duration, _ body: @escaping @Sendable () -> Void) {
        let nanoseconds = Int(clamping: delay.wholeNanoseconds)
        queue.asyncAfter(deadline: .now() + .nanoseconds(nanoseconds)) { [weak self] in
            guard let self, self.state.withLock({ $0.phase != .ended }) else { return }
            body()
        }
    }
}
