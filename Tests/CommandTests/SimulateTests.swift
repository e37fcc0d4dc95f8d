import ArgumentParser
import Glibc
import Testing

@testable import Simulation
@testable import dmq_metadata

@Suite struct SimulateTests {
    private func parse(_ arguments: String...) throws -> SimulateCommand {
        try #require(try Entry.parseAsRoot(["simulate"] + arguments) as? SimulateCommand)
    }

    @Test func defaultsAreTheDefaultConfiguration() throws {
        let command = try parse()
        #expect(command.range == 1...100)
        #expect(command.configuration(for: 1).nodes == Simulation.Configuration().nodes)
        #expect(command.configuration(for: 1).seconds == Simulation.Configuration().seconds)
    }

    @Test func optionsChooseSeedsSizeAndTime() throws {
        let command = try parse("--seeds", "20", "--from", "7", "--nodes", "5", "--minutes", "2.5", "--jobs", "3")
        #expect(command.range == 7...26)
        #expect(command.configuration(for: 9).nodes == 5)
        #expect(command.configuration(for: 9).seconds == 150)
        #expect(try parse("--seed", "9", "--trace").range == 9...9)
        #expect(try parse("--seeds", "1", "--from", "\(UInt64.max)").range == UInt64.max...UInt64.max)
        #expect(try parse("--minutes", "0.001").configuration(for: 1).seconds == 1)
    }

    @Test func aSeedHasOneRandomSize() throws {
        let command = try parse("--nodes", "random")
        let sizes = (UInt64(0)..<100).map { command.configuration(for: $0).nodes }
        #expect(Set(sizes) == [1, 3, 5, 7])
        #expect(sizes == (UInt64(0)..<100).map { command.configuration(for: $0).nodes })
    }

    @Test(arguments: [
        ["--seeds", "0"], ["--seeds", "-1"], ["--seeds", "x"], ["--nodes", "4"], ["--nodes", "0"], ["--minutes", "0"],
        ["--minutes", "nan"], ["--minutes", "-1"], ["--minutes", "1e9"], ["--jobs", "0"], ["--jobs", "65"], ["--trace"],
        ["--seed", "1", "--seeds", "2"], ["--seed", "1", "--from", "1"], ["--seed", "1", "--jobs", "2"],
        ["--from", "\(UInt64.max)", "--seeds", "2"], ["--seed", "18446744073709551616"],
        // An ordinary build has no defects to make.
        ["--defect", "votes-twice"], ["--every-defect"],
    ])
    func wrongUsageIs64(arguments: [String]) {
        #expect {
            _ = try Entry.parseAsRoot(["simulate"] + arguments)
        } throws: { error in
            Entry.exitCode(for: error).rawValue == 64
        }
    }

    @Test func aSmallSweepIsSummedUp() throws {
        let command = try parse("--seeds", "2", "--from", "3", "--minutes", "0.05")
        let run = { (threads: Int) in
            SeedSweep(
                seeds: command.range, options: command.repeatingOptions, configuration: command.configuration(for:)
            ).run(threads: threads)
        }
        let totals = run(2)
        #expect(totals.seeds == 2)
        #expect(totals.failedSeeds.isEmpty)
        #expect(totals.virtualSeconds >= 6)
        #expect(totals.counts.operationsAcknowledged > 0)
        #expect(totals.storyHash == run(1).storyHash)
        let lines = totals.summary(elapsed: .seconds(2)).split(separator: "\n")
        #expect(lines.first == "seeds       2, with violations: 0")
        let counted = totals.counts.faultsByKind
        #expect(!counted.isEmpty)
        for fault in counted {
            #expect(lines.contains { $0.hasPrefix(fault.kind.rawValue) && $0.hasSuffix(" \(fault.count)") })
        }
    }

    @Test func aStoppedSweepHasItsTotalsSoFar() {
        let sweep = SeedSweep(seeds: 1...UInt64.max, options: "") { _ in
            var configuration = Simulation.Configuration()
            configuration.seconds = 1
            return configuration
        }
        sweep.stop()
        #expect(sweep.run(threads: 1).failedSeeds.isEmpty)
    }

    /// What the command writes to the standard output with `--trace`.
    @Test func theSameSeedGivesTheSameBytes() throws {
        let command = try parse("--seed", "11", "--trace", "--minutes", "0.05")
        let story = { () -> String in
            var text = ""
            let report = Simulation.run(seed: 11, configuration: command.configuration(for: 11)) { text += $0 + "\n" }
            return text + "\(report.traceHash)"
        }
        let first = story()
        #expect(first.utf8.count > 10_000)
        #expect(first == story())
        // A private type that is printed without a description shows an address, which only another process would tell.
        #expect(!first.contains("unknown context"))
    }

    @Test func aFailureNamesTheSeedTheRuleAndTheCommand() throws {
        var report = SimulationReport(seed: 42, nodes: 3)
        #expect(FailureText.describe(report, options: "") == nil)
        report.violations = [Violation(invariant: "Election Safety", text: "nodes 1 and 2 both lead", seconds: 1.5)]
        report.lastEvents = (1...100).map { "event \($0)" }
        let text = try #require(FailureText.describe(report, options: try parse("--nodes", "random").repeatingOptions))
        #expect(
            text.hasPrefix(
                """
                ❌ seed 42, 3 nodes, at 1.5 s: Election Safety
                nodes 1 and 2 both lead
                repeat it: dmq-metadata simulate --seed 42 --nodes random --minutes 0.5 --trace
                the last events:
                """))
        #expect(text.hasSuffix("event 99\nevent 100"))
        #expect(!text.contains("event 60\n"))
        var totals = SimulationTotals()
        totals.add(report, processorTime: .seconds(1))
        #expect(totals.summary(elapsed: .seconds(1)).hasSuffix("failed seeds: 42"))
    }
}

/// The handler of a trap can only be seen from outside; this is what it writes.
@Suite(.serialized) struct SeedsInProgressTests {
    @Test func theSeedOfThisThreadIsNamed() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer { for end in ends { close(end) } }
        SeedsInProgress.begin(1_203_040, worker: 60)
        SeedsInProgress.write(to: ends[1])
        SeedsInProgress.end(worker: 60)
        var buffer = [UInt8](repeating: 0, count: 1000)
        let count = read(ends[0], &buffer, buffer.count)
        let text = String(decoding: buffer[..<max(0, count)], as: UTF8.self)
        #expect(text.contains("dmq-metadata simulate --seed 1203040 "))
    }
}
