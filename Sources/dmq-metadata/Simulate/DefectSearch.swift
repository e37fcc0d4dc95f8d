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
    /// finds first is the lowest seed, however many processes run beside each other. With a table of an earlier search each
    /// begins with the seed that caught it then, and searches only if that one does not any more.
    final class DefectSearch: Sendable {
        /// As many seeds must find nothing where there is no defect.
        static let cleanSeeds: UInt64 = 200

        private struct Attempt {
            /// `nil` stands for the run without a defect.
            var defect: Defect?
            /// The only one; `nil` for all, from the first on.
            var seed: UInt64?

            var range: [String] {
                if let seed { return ["--from", "\(seed)", "--seeds", "1"] }
                return ["--seeds", "\(defect?.seeds ?? DefectSearch.cleanSeeds)"]
            }
        }

        private struct State {
            var waiting: [Attempt]
            var running: [ChildProcess] = []
            var findings: [Defect?: DefectFinding] = [:]
        }

        private let jobs: Int
        private let state: Mutex<State>

        /// - Parameter table: What ``run()`` printed, perhaps among other lines.
        init(jobs: Int, table: String = "") {
            self.jobs = jobs
            let known = DefectFinding.seeds(in: table)
            // The longest first, so that none begins late and is waited for alone.
            let defects = Defect.allCases.sorted { $0.seeds < $1.seeds }
            state = Mutex(
                State(waiting: defects.map { Attempt(defect: $0, seed: known[$0.rawValue]) } + [Attempt(defect: nil)]))
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
            while let (attempt, child) = startNext() {
                var finding = DefectFinding()
                child.forEachLine { line in
                    finding.read(line)
                    if finding.isComplete { child.send(signal: SIGKILL) }
                }
                finding.isAtEnd = child.wait() == .exited(0)
                state.withLock { state in
                    state.running.removeAll { $0 === child }
                    if attempt.seed == nil || finding.isComplete {
                        state.findings[attempt.defect] = finding
                    } else {
                        state.waiting.append(Attempt(defect: attempt.defect))
                    }
                    let left = state.waiting.count + state.running.count
                    LineOutput.standardError.showProgress("🎲 \(left) of \(Defect.allCases.count + 1) defects left")
                }
            }
        }

        /// One at a time: a child must not inherit what is another's.
        private func startNext() -> (Attempt, ChildProcess)? {
            state.withLock { state -> (Attempt, ChildProcess)? in
                guard let attempt = state.waiting.popLast() else { return nil }
                var arguments = ["dmq-metadata", "simulate", "--nodes", "random", "--jobs", "1"]
                arguments += attempt.range
                if let defect = attempt.defect { arguments += ["--defect", defect.rawValue] }
                do throws(SystemError) {
                    let child = try ChildProcess(
                        path: "/proc/self/exe", arguments: arguments,
                        environment: ProcessInfo.processInfo.environment, input: STDIN_FILENO)
                    state.running.append(child)
                    return (attempt, child)
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

        /// The seeds in the rows of a text, by the names of the defects.
        static func seeds(in table: String) -> [String: UInt64] {
            var seeds: [String: UInt64] = [:]
            for line in table.split(separator: "\n") where line.hasPrefix("| `") {
                let cells = line.split(separator: "|").map { $0.filter { $0 != " " && $0 != "`" } }
                if cells.count == 4, let seed = UInt64(cells[2]) { seeds[cells[0]] = seed }
            }
            return seeds
        }

        func row(of defect: Defect) -> String {
            "| `\(defect.rawValue)` | \(caughtBy ?? "not caught") | \(seed.map(String.init) ?? "–") | \(defect.seeds) |"
        }
    }
#endif
