import Testing

@testable import Raft

@Suite struct MajorityTests {
    /// Tries every value: the greatest that more than half have reached.
    static func naive(_ values: [Int]) -> Int {
        values.filter { bar in values.count(where: { $0 >= bar }) * 2 > values.count }.max() ?? Int.min
    }

    @Test(arguments: 1...7) func agreesWithCounting(voters: Int) {
        var random = SeededGenerator(seed: UInt64(voters))
        for _ in 0..<2000 {
            let values = (0..<voters).map { _ in Int.random(in: 0...6, using: &random) }
            #expect(
                Majority.reached(own: values[0], Array(values.dropFirst())) { $0 } == Self.naive(values), "\(values)")
        }
    }

    @Test func size() {
        #expect((1...7).map(Majority.size(of:)) == [1, 2, 2, 3, 3, 4, 4])
    }
}
