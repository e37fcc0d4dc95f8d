import Dispatch
import Simulation
import Synchronization

/// Many seeds on several threads. Each simulation is one thread's own; only the totals are shared.
final class SeedSweep: Sendable {
    /// A defect that most seeds find would bury its own first report.
    static let maximumFailures = 10

    private struct State {
        var next: UInt64?
        var totals = SimulationTotals()
        var isStopped = false
        var progressAt = ContinuousClock.now
    }

    private let seeds: ClosedRange<UInt64>
    private let options: String
    private let configuration: @Sendable (UInt64) -> Simulation.Configuration
    private let state: Mutex<State>
    private let finished = DispatchSemaphore(value: 0)
    private let began = ContinuousClock.now

    /// - Parameter options: What the command that repeats a seed needs besides the seed.
    init(
        seeds: ClosedRange<UInt64>, options: String,
        configuration: @escaping @Sendable (UInt64) -> Simulation.Configuration
    ) {
        self.seeds = seeds
        self.options = options
        self.configuration = configuration
        state = Mutex(State(next: seeds.lowerBound))
    }

    /// Runs all seeds, or until ``stop()``; then those in progress are left as they are, they own nothing but memory.
    func run(threads: Int) -> SimulationTotals {
        let group = DispatchGroup()
        for worker in 0..<threads {
            // A serial queue has a thread of its own, however many threads there are for the cores.
            DispatchQueue(label: "dmq.simulation.\(worker)").async(group: group) { [self] in work(worker) }
        }
        group.notify(queue: DispatchQueue(label: "dmq.simulation.end")) { [self] in finished.signal() }
        finished.wait()
        return state.withLock { state in
            state.isStopped = true
            return state.totals
        }
    }

    func stop() {
        state.withLock { $0.isStopped = true }
        finished.signal()
    }

    private func work(_ worker: Int) {
        while let seed = takeSeed() {
            SeedsInProgress.begin(seed, worker: worker)
            let start = Duration.processorTimeOfThread
            let report = Simulation.run(seed: seed, configuration: configuration(seed))
            SeedsInProgress.end(worker: worker)
            record(report, processorTime: Duration.processorTimeOfThread - start)
        }
    }

    private func takeSeed() -> UInt64? {
        state.withLock { state in
            guard !state.isStopped, let seed = state.next else { return nil }
            state.next = seed < seeds.upperBound ? seed + 1 : nil
            return seed
        }
    }

    private func record(_ report: SimulationReport, processorTime: Duration) {
        state.withLock { state in
            // The summary may be out already.
            guard !state.isStopped else { return }
            state.totals.add(report, processorTime: processorTime)
            if let failure = FailureText.describe(report, options: options) {
                LineOutput.standardError.writeLine(failure)
                if state.totals.failedSeeds.count >= Self.maximumFailures { state.next = nil }
            }
            let now = ContinuousClock.now
            guard now >= state.progressAt else { return }
            state.progressAt = now + .milliseconds(200)
            let total = seeds.upperBound - seeds.lowerBound
            LineOutput.standardError.showProgress(
                state.totals.progress(of: total == .max ? total : total + 1, elapsed: now - began))
        }
    }
}
