import Dispatch
import Logging
import Raft
import Synchronization
import Testing

@testable import dmq_metadata

/// A node that does what the test says.
private final class ScriptedNode: ServedNode {
    let events: NodeEvents
    let stops = Mutex<[@Sendable () -> Void]>([])
    let questions = Mutex(0)

    init(events: NodeEvents) { self.events = events }

    func start() {}
    func stop(completion: @escaping @Sendable () -> Void) { stops.withLock { $0.append(completion) } }
    func ask(_ part: Watchdog.Part, _ body: @escaping @Sendable () -> Void) {
        questions.withLock { $0 += 1 }
        body()
    }
    func summary(_ completion: @escaping @Sendable (NodeSummary) -> Void) {
        completion(NodeSummary(role: "LEADER", term: Term(3), leader: NodeID(1), applied: LogIndex(42)))
    }
}

@Suite struct ServeSessionTests {
    private final class Run {
        let socket = TestNotifySocket(isAbstract: true)
        private let log: TestPipe
        private let output: LineOutput
        let session: ServeSession
        let node: ScriptedNode
        let exits: Exits

        final class Exits: Sendable {
            let statuses = Mutex<[Int32]>([])
        }

        init(watchdogTimeout: String? = nil, stopPatience: Duration = .seconds(60)) throws {
            let log = try TestPipe()
            let output = LineOutput(descriptor: log.writeEnd)
            let logger = Logger(label: "test") { _ in
                LineLogHandler(level: .info, formatter: LogFormatter(style: .journal), output: output)
            }
            let exits = Exits()
            let session = ServeSession(
                logger: logger,
                environment: ServeSession.Environment(
                    notifier: ServiceNotifier(environment: ["NOTIFY_SOCKET": socket.name]),
                    watchdog: WatchdogSettings(environment: ["WATCHDOG_USEC": watchdogTimeout ?? ""]),
                    stopPatience: stopPatience, output: output,
                    exit: { status in exits.statuses.withLock { $0.append(status) } }))
            let made = Mutex<ScriptedNode?>(nil)
            let configuration = try configure([.nodeID: "1"], environment: ["KRAFT_X": "y"])
            withoutActuallyEscaping(
                { (events: NodeEvents) in
                    let node = ScriptedNode(events: events)
                    made.withLock { $0 = node }
                    return node
                } as @Sendable (NodeEvents) -> ScriptedNode
            ) { make in
                session.start(configuration) { _, _, events in make(events) }
            }
            (self.log, self.output, self.session, self.exits) = (log, output, session, exits)
            node = try #require(made.withLock { $0 })
        }

        /// All that was logged; nothing can be logged afterwards.
        func readLog() -> String {
            output.flush(limit: .seconds(60))
            return log.readAll()
        }

        var exitStatuses: [Int32] { exits.statuses.withLock { $0 } }
    }

    @Test func tellsTheServiceManagerEachStep() throws {
        let run = try Run()
        #expect(run.socket.receive() == "STATUS=starting node 1")
        run.node.events.onReplayProgress(1000, 5000)
        #expect(
            run.socket.receive()
                == "EXTEND_TIMEOUT_USEC=60000000\nSTATUS=loading the log: 1000 of 5000 entries")
        run.node.events.onReady()
        #expect(run.socket.receive()?.hasPrefix("READY=1\nMAINPID=") == true)
        #expect(run.socket.receive() == "STATUS=LEADER, term 3, leader node 1, applied index 42")
        run.session.stop(because: "SIGTERM", exitStatusIfForced: 143)
        #expect(run.socket.receive() == "STOPPING=1\nSTATUS=stopping")
        #expect(run.exitStatuses.isEmpty)
        for completion in run.node.stops.withLock({ $0 }) { completion() }
        #expect(run.exitStatuses == [0])
        let log = run.readLog()
        for part in [
            "<6>🚀 starting", "<6>📋 node", " port=9091", "<4>⚠️ the environment variable KRAFT_X", "<6>✅ started",
            "<6>🛑 stopping",
        ] {
            #expect(log.contains(part), "\(part) is missing in \(log)")
        }
    }

    @Test func secondSignalEndsAtOnce() throws {
        let run = try Run()
        run.session.stop(because: "SIGINT", exitStatusIfForced: 130)
        #expect(run.exitStatuses.isEmpty)
        run.session.stop(because: "SIGINT", exitStatusIfForced: 130)
        #expect(run.exitStatuses == [130])
        for completion in run.node.stops.withLock({ $0 }) { completion() }
        #expect(run.exitStatuses == [130])
        #expect(run.node.stops.withLock { $0.count } == 1)
    }

    @Test func nodeThatIsTooBusyToStopHasSucceededAllTheSame() throws {
        let run = try Run(stopPatience: .milliseconds(10))
        run.session.stop(because: "SIGTERM", exitStatusIfForced: 143)
        #expect(soon { run.exitStatuses == [0] })
        #expect(run.readLog().contains("<4>⚠️ the node was too busy to stop in good order"))
    }

    @Test func failureEndsWithItsStatus() throws {
        let run = try Run()
        #expect(run.socket.receive() == "STATUS=starting node 1")
        run.node.events.onFailure(CommandFailure(.dataError, "node.db: damaged"))
        #expect(run.exitStatuses == [65])
        #expect(run.socket.receive() == "STOPPING=1\nSTATUS=node.db: damaged")
        #expect(run.readLog().contains("<2>❌ node.db: damaged exit=65"))
    }

    @Test func watchdogIsFedOnceReady() throws {
        let run = try Run(watchdogTimeout: "40000")
        #expect(run.socket.receive() == "STATUS=starting node 1")
        run.node.events.onReady()
        #expect(run.socket.receive()?.hasPrefix("READY=1") == true)
        for _ in 0..<3 { #expect(run.socket.receive() == "WATCHDOG=1") }
        #expect(run.node.questions.withLock { $0 } >= 4)
        run.session.stop(because: "SIGTERM", exitStatusIfForced: 143)
    }
}
