import Foundation
import Testing

extension EndToEnd {
    /// A seed must tell the same story in every process, or a failure could not be repeated.
    @Suite(.serialized) struct SimulateTests {
        @Test(arguments: ["11", "12"]) func aSeedTellsTheSameStoryTwice(seed: String) throws {
            let arguments = ["simulate", "--seed", seed, "--nodes", "random", "--minutes", "0.1", "--trace"]
            let first = try Finished.run(Surroundings.binary, arguments, within: .seconds(180))
            let second = try Finished.run(Surroundings.binary, arguments, within: .seconds(180))
            #expect(first.end == .exited(0), "\(first.errorOutput)")
            #expect(first.output.count > 10_000, "a story")
            // Not compared by the macro, which would search for the differences in megabytes.
            let isSame = first.output == second.output
            #expect(isSame, "the same bytes")
        }
    }
}
