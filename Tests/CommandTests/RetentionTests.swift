import Testing

@testable import dmq_metadata

@Suite struct RetentionTests {
    private let hour: Int64 = 3_600_000

    @Test(arguments: ["", "7d", "7d:", ":1h", "7d:1h:1h", "0d:1h", "7:1h", "7d:1h,", "-1d:1h", "7y:1d", "7d:24x"])
    func nonsenseIsRefused(text: String) { #expect(Retention(argument: text) == nil) }

    @Test func classesAreSortedByAge() throws {
        let retention = try #require(Retention(argument: "4w:1w,90m:30m"))
        #expect(retention.classes.map(\.age) == [5_400_000, 2_419_200_000])
        #expect(retention.classes.map(\.interval) == [1_800_000, 604_800_000])
    }

    /// A year of hours, pruned after each: what is left at the end, and that nothing but the end of its age takes away what
    /// was kept for long.
    @Test func aYearOfBackups() throws {
        let retention = try #require(Retention(argument: "24h:1h,7d:24h,30d:7d"))
        var kept: [Int64] = []
        for index in 0..<Int64(24 * 365) {
            let now = (490_000 + index) * hour
            kept.append(now)
            let removed = Set(retention.superfluous(kept, at: now))
            #expect(!removed.contains(now))
            kept.removeAll { removed.contains($0) }
        }
        let ages = kept.map { (kept.last! - $0) / hour }
        #expect(ages.filter { $0 <= 24 } == Array((0...24).reversed()))
        #expect(ages.count { $0 > 24 && $0 <= 7 * 24 } == 6)
        #expect((3...4).contains(ages.count { $0 > 7 * 24 }))
        #expect(ages.max()! <= 30 * 24)
        #expect(ages.max()! > 21 * 24)
    }

    /// The timer stood still for months: the last one stays, however old, and so does the new one.
    @Test func theLatestStays() throws {
        let retention = try #require(Retention(argument: "1h:1h"))
        #expect(retention.superfluous([], at: 5) == [])
        #expect(retention.superfluous([1], at: 1_000 * hour) == [])
        #expect(retention.superfluous([1, 2, 3], at: 1_000 * hour) == [1, 2])
        #expect(retention.superfluous([1, 1_000 * hour], at: 1_000 * hour) == [1])
    }
}
