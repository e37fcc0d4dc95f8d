import ArgumentParser
import Defects
import Dispatch
import Glibc
import Simulation

struct SimulateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Run whole clusters under faults in simulated time, and check them after every step.",
        discussion: """
            Each seed makes one cluster of real nodes over a simulated clock, network and disk, with clients and brokers, \
            and decides which faults happen to it. After the faults the cluster must become whole again within bounded \
            time. The same seed tells the same story, byte for byte. Nothing of this machine but processor time is \
            touched.

            Exit code 0 when no rule was broken, 1 when one was: then the seed, the rule, the last events and the \
            command that repeats it are printed. It ends early when \(SeedSweep.maximumFailures) seeds failed. Ctrl-C \
            ends it with the summary so far.
            """)

    @Option(help: ArgumentHelp("How many seeds (default: 100).", valueName: "count")) var seeds: UInt64?
    @Option(help: ArgumentHelp("The first seed (default: 1).", valueName: "seed")) var from: UInt64?
    @Option(help: "The size of each cluster: 1, 3, 5, 7, or random, which depends on the seed.")
    var nodes = SimulatedSize.fixed(3)
    @Option(help: ArgumentHelp("How long each cluster is under faults, in virtual minutes.", valueName: "minutes"))
    var minutes = 0.5
    @Option(help: ArgumentHelp("How many simulations run beside each other (default: one for each core).")) var jobs:
        Int?
    @Option(help: "Only this seed.") var seed: UInt64?
    @Flag(help: "With --seed: print everything that happens, a line for each event.") var trace = false
    #if Defects
        @Option(help: "Make this mistake on purpose.") var defect: Defect?
        @Flag(help: "Look for the first seed that catches each defect; print the table of the documentation.")
        var everyDefect = false
        @Option(
            help: ArgumentHelp(
                "With --every-defect: a table of an earlier search; begin with its seeds.", valueName: "path"))
        var known: String?
    #endif

    func validate() throws {
        guard minutes > 0, minutes <= 10_000 else { throw ValidationError("--minutes must be above 0, at most 10000") }
        if let jobs {
            guard (1...SeedsInProgress.capacity).contains(jobs) else {
                throw ValidationError("--jobs must be between 1 and \(SeedsInProgress.capacity)")
            }
        }
        #if Defects
            guard !everyDefect || defect == nil && seed == nil && seeds == nil && from == nil else {
                throw ValidationError("--every-defect chooses defects and seeds; leave out all but --jobs and --known")
            }
            guard known == nil || everyDefect else { throw ValidationError("--known is for --every-defect") }
        #endif
        guard !trace || seed != nil else { throw ValidationError("--trace is for one seed; name it with --seed") }
        guard seed == nil || seeds == nil && from == nil && jobs == nil else {
            throw ValidationError("--seed is for one seed; leave out --seeds, --from and --jobs")
        }
        guard seeds != 0 else { throw ValidationError("--seeds is 0, there is nothing to do") }
        guard !(from ?? 1).addingReportingOverflow((seeds ?? 100) - 1).overflow else {
            throw ValidationError("--from and --seeds reach beyond the largest seed, \(UInt64.max)")
        }
    }

    func run() throws {
        #if Defects
            if everyDefect {
                return try DefectSearch(jobs: jobs ?? Self.cores, table: try known.map(Self.table) ?? "").run()
            }
            defect?.switchOn()
        #endif
        SeedsInProgress.reportOnTrap(options: repeatingOptions)
        let totals = if trace, let seed { runTraced(seed) } else { runSweep() }
        guard totals.failedSeeds.isEmpty else { throw ExitCode(ExitStatus.failure.rawValue) }
    }

    func configuration(for seed: UInt64) -> Simulation.Configuration {
        var configuration = Simulation.Configuration()
        configuration.nodes = nodes.count(for: seed)
        configuration.seconds = max(1, Int((minutes * 60).rounded()))
        #if Defects
            if let defect, !defect.isOfMembersInLog { configuration.faults.removeAll { $0 == .membersInLog } }
        #endif
        return configuration
    }

    var range: ClosedRange<UInt64> {
        if let seed { return seed...seed }
        return (from ?? 1)...((from ?? 1) + ((seeds ?? 100) - 1))
    }

    /// What tells the same story with `--seed`.
    var repeatingOptions: String {
        let options = "--nodes \(nodes) --minutes \(minutes)"
        #if Defects
            if let defect { return "\(options) --defect \(defect.rawValue)" }
        #endif
        return options
    }

    #if Defects
        private static func table(at path: String) throws -> String {
            guard case .bytes(let text) = readFile(path) else {
                throw ValidationError("\(path) of --known can not be read")
            }
            return String(decoding: text, as: UTF8.self)
        }
    #endif

    private static var cores: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

    private var threads: Int {
        let wanted = min(jobs ?? Self.cores, SeedsInProgress.capacity)
        let further = range.upperBound - range.lowerBound
        return further < UInt64(wanted) ? Int(further) + 1 : wanted
    }

    /// The story goes to the standard output alone, so that two of them can be compared.
    private func runTraced(_ seed: UInt64) -> SimulationTotals {
        let (began, start) = (ContinuousClock.now, Duration.processorTimeOfThread)
        SeedsInProgress.begin(seed, worker: 0)
        let report = Simulation.run(
            seed: seed, configuration: configuration(for: seed), trace: StandardOutput.writeLineOrExit)
        SeedsInProgress.end(worker: 0)
        StandardOutput.writeLineOrExit("hash of the story: \(String(report.traceHash, radix: 16))")
        var totals = SimulationTotals()
        totals.add(report, processorTime: .processorTimeOfThread - start)
        if let failure = FailureText.describe(report, options: repeatingOptions) {
            LineOutput.standardError.writeLine(failure)
        }
        LineOutput.standardError.writeLine(totals.summary(elapsed: ContinuousClock.now - began))
        return totals
    }

    private func runSweep() -> SimulationTotals {
        let sweep = SeedSweep(seeds: range, options: repeatingOptions, configuration: configuration(for:))
        let signals = SignalHandling.onTermination(queue: DispatchQueue(label: "dmq.signals")) { _, _ in sweep.stop() }
        let began = ContinuousClock.now
        let totals = withExtendedLifetime(signals) { sweep.run(threads: threads) }
        LineOutput.standardError.showProgress(nil)
        StandardOutput.writeLineOrExit(totals.summary(elapsed: ContinuousClock.now - began))
        return totals
    }
}

/// How many nodes a simulated cluster has.
enum SimulatedSize: ExpressibleByArgument, Equatable, CustomStringConvertible {
    case fixed(Int)
    case random

    init?(argument: String) {
        switch argument {
        case "random": self = .random
        case "1", "3", "5", "7": self = .fixed(Int(argument) ?? 3)
        default: return nil
        }
    }

    var description: String {
        switch self {
        case .fixed(let count): "\(count)"
        case .random: "random"
        }
    }

    var defaultValueDescription: String { description }

    /// Three most often, as clusters have in practice. A seed has one size, for ever.
    func count(for seed: UInt64) -> Int {
        switch self {
        case .fixed(let count): count
        case .random: [3, 5, 3, 1, 3, 5, 3, 7][Int(seed % 8)]
        }
    }
}
