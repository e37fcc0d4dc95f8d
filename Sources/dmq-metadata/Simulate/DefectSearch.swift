#if Defects
    import ArgumentParser
    import Defects
    import Dispatch
    import FoundationEssentials
    import Glibc
    import Synchronization

    extension Defect: ExpressibleByArgument {}

    /// The test of the test: looks for the first seed that catches each defect.
    ///
    /// Each has a process of its own, which a failed precondition may end, and goes through the seeds one by one: what it
    /// finds first is the lowest seed, however many processes run beside each other.
    final class DefectSearch: Sendable {
        /// As many seeds must find nothing where there is no defect.
        static let cleanSeeds: UInt64 = 200

        private struct State {
            /// `nil` stands for the run without a defect.
            var waiting: [Defect?]
            var running: [ChildProcess] = []
            var findings: [Defect?: DefectFinding] = [:]
        }

        private let jobs: Int
        private let state: Mutex<State>

        init(jobs: Int) {
            self.jobs = jobs
            // The longest first, so that none begins late and is waited for alone.
            state = Mutex(State(waiting: Defect.allCases.sorted { $0.seeds < $1.seeds } + [nil]))
        }

        /// Prints the rows of the table, and fails if a defect is not caught, or one is where there is none.
        func run() throws {
            let signals = SignalHandling.onTermination(queue: DispatchQueue(label: "dmq.signals")) { [self] _, _ in
                stop()
            }
            withExtendedLifetime(signals) {
                DispatchQueue.concurrentPerform(iterations: jobs) { _ in work() }
            }
            LineOutput.standardError.showProgress(nil)
            let findings = state.withLock { $0.findings }
            for defect in Defect.allCases {
                try StandardOutput.writeLine(findings[defect, default: DefectFinding()].row(of: defect))
            }
            let missed = Defect.allCases.filter { findings[$0]?.seed == nil }
            for defect in missed { LineOutput.standardError.writeLine("❌ \(defect.rawValue) is not caught") }
            let isClean = findings[nil].map { $0.seed == nil && $0.isAtEnd } ?? false
            LineOutput.standardError.writeLine(
                "\(isClean ? "✅" : "❌") without a defect: \(Self.cleanSeeds) seeds, \(isClean ? "nothing" : "not clean")"
            )
            guard missed.isEmpty, isClean else { throw ExitCode(ExitStatus.failure.rawValue) }
        }

        private func stop() {
            state.withLock { state in
                state.waiting = []
                for child in state.running { child.send(signal: SIGKILL) }
            }
        }

        private func work() {
            while let (defect, child) = startNext() {
                var finding = DefectFinding()
                child.forEachLine { line in
                    finding.read(line)
                    if finding.isComplete { child.send(signal: SIGKILL) }
                }
                finding.isAtEnd = child.wait() == .exited(0)
                state.withLock { state in
                    state.running.removeAll { $0 === child }
                    state.findings[defect] = finding
                    let left = state.waiting.count + state.running.count
                    LineOutput.standardError.showProgress("🎲 \(left) of \(Defect.allCases.count + 1) defects left")
                }
            }
        }

        /// One at a time: a child must not inherit what is another's.
        private func startNext() -> (Defect?, ChildProcess)? {
            state.withLock { state -> (Defect?, ChildProcess)? in
                guard let defect = state.waiting.popLast() else { return nil }
                var arguments = ["dmq-metadata", "simulate", "--nodes", "random", "--jobs", "1"]
                arguments += ["--seeds", "\(defect?.seeds ?? Self.cleanSeeds)"]
                if let defect { arguments += ["--defect", defect.rawValue] }
                do throws(SystemError) {
                    let child = try ChildProcess(
                        path: "/proc/self/exe", arguments: arguments,
                        environment: ProcessInfo.processInfo.environment, input: STDIN_FILENO)
                    state.running.append(child)
                    return (defect, child)
                } catch {
                    LineOutput.standardError.writeLine("❌ no process: \(systemMessage(error.number))")
                    return nil
                }
            }
        }
    }

    /// What one process found, from what it printed.
    struct DefectFinding {
        private(set) var seed: UInt64?
        private(set) var caughtBy: String?
        /// All seeds were run, and none found anything.
        var isAtEnd = false

        var isComplete: Bool { seed != nil && caughtBy != nil }

        mutating func read(_ line: String) {
            guard !isComplete else { return }
            if line.hasPrefix("❌ seed ") {
                // ❌ seed 42, 3 nodes, at 1.5 s: Election Safety (§3.6.3)
                seed = UInt64(line.dropFirst("❌ seed ".count).prefix { $0.isNumber })
                caughtBy = line.firstRange(of: " s: ").map { String(line[$0.upperBound...]) }
            } else if let seedName = line.firstRange(of: "simulate --seed ") {
                seed = UInt64(line[seedName.upperBound...].prefix { $0.isNumber })
            } else if let text = line.firstRange(of: "Precondition failed: ") ?? line.firstRange(of: "Fatal error: ") {
                caughtBy = "precondition: " + line[text.upperBound...]
            }
        }

        func row(of defect: Defect) -> String {
            "| `\(defect.rawValue)` | \(caughtBy ?? "not caught") | \(seed.map(String.init) ?? "–") | \(defect.seeds) |"
        }
    }
#endif
