import FoundationEssentials
import Testing

extension DiskTests {
    @Suite(.serialized) struct FaultTests {
        /// At every call with `DMQ_POWER_CUTS`, of more than one workload.
        private static let isLong = ProcessInfo.processInfo.environment["DMQ_POWER_CUTS"] != nil

        @Test(arguments: Fault.allCases) func aFaultStopsTheStoreOrDoesNoHarm(fault: Fault) throws {
            let faults = try Faults()
            for seed in 1...(Self.isLong ? 4 : 2) as ClosedRange<UInt64> {
                try faults.inject(fault, seed: seed, limit: Self.isLong ? .max : 15, variants: Self.isLong ? 6 : 2)
            }
            print("faults: \(faults.summary(of: fault))")
            #expect(faults.runs > 0)
            #expect(faults.violations.isEmpty, "\(faults.violations.count): \(faults.violations.prefix(5))")
        }
    }
}
