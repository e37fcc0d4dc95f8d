import CPowerCutVFS
import FoundationEssentials
import Testing

/// One after another: the disk is one for the process.
@Suite(.serialized) struct DiskTests {}

extension DiskTests {
    @Suite(.serialized) struct PowerCutTests {
        private let keeps: [Int32] = [0, 5, 50, 95, 100]

        /// At least so many, or as many as `DMQ_POWER_CUTS` says.
        private static func cuts(default number: Int) -> Int {
            ProcessInfo.processInfo.environment["DMQ_POWER_CUTS"].flatMap { Int($0) } ?? number
        }

        private static let isContinuousIntegration = ProcessInfo.processInfo.environment["CI"] != nil

        @Test func aPowerCutLosesNothingThatWasAcknowledged() throws {
            let powerCuts = try PowerCuts(keeps: keeps)
            try powerCuts.run(from: 1, minimum: Self.cuts(default: Self.isContinuousIntegration ? 200 : 10_000))
            print("power cuts: \(powerCuts.summary)")
            #expect(powerCuts.tornTails > 0 && powerCuts.restarts > 0)
            #expect(powerCuts.violations.isEmpty, "\(powerCuts.violations.prefix(5))")
        }

        /// Tables of the first release become ours at the start, or stay as they are.
        @Test func aPowerCutDuringTheMigrationLosesNothing() throws {
            let powerCuts = try PowerCuts(keeps: keeps, startsFrom: .firstRelease)
            try powerCuts.run(from: 1, minimum: Self.cuts(default: Self.isContinuousIntegration ? 800 : 2_000))
            print("power cuts from the first release on: \(powerCuts.summary)")
            #expect(powerCuts.restarts > 0)
            #expect(powerCuts.violations.isEmpty, "\(powerCuts.violations.prefix(5))")
        }

        /// The test of the test: without the sync of each commit, as with `synchronous=NORMAL`, it must find losses.
        @Test func withoutTheSyncOfEachCommitLossesAreFound() throws {
            powercut_omit_commit_syncs(1)
            defer { powercut_omit_commit_syncs(0) }
            let powerCuts = try PowerCuts(keeps: keeps)
            try powerCuts.run(from: 1, minimum: Self.cuts(default: 200))
            print("power cuts with synchronous=NORMAL: \(powerCuts.summary)")
            #expect(powerCuts.count(.lost) > 0)
        }
    }
}
