#if Defects || DEBUG
    import Defects
    import Foundation
    import Testing

    /// The table in the DocC catalogue tells of every defect, and of nothing else. That each is caught is for
    /// `simulate --every-defect` to show, in a build that has them.
    @Suite struct DefectTableTests {
        struct Row {
            let name: String
            let caughtBy: String
            let seed: UInt64?
            let bound: UInt64?
        }

        private static func rows() throws -> [Row] {
            let catalogue = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
                .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
                .appendingPathComponent("Sources/Simulation/Simulation.docc/Simulation.md")
            return try String(contentsOf: catalogue, encoding: .utf8).split(separator: "\n").compactMap { line in
                let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
                guard cells.count == 4, cells[0].wholeMatch(of: /`[a-z-]+`/) != nil else { return nil }
                return Row(
                    name: cells[0].trimmingCharacters(in: ["`"]), caughtBy: cells[1], seed: UInt64(cells[2]),
                    bound: UInt64(cells[3]))
            }
        }

        @Test func everyDefectHasItsRow() throws {
            let rows = try Self.rows()
            #expect(rows.map(\.name) == Defect.allCases.map(\.rawValue))
            for (row, defect) in zip(rows, Defect.allCases) {
                #expect(row.bound == defect.seeds, "\(row.name)")
            }
        }

        @Test func everyDefectWasCaughtWithinItsBound() throws {
            for row in try Self.rows() {
                let seed = try #require(row.seed, "\(row.name)")
                let bound = try #require(row.bound, "\(row.name)")
                #expect((1...bound).contains(seed), "\(row.name)")
                #expect(!row.caughtBy.isEmpty, "\(row.name)")
            }
        }

        @Test func thereAreEnoughOfThem() { #expect(Defect.allCases.count >= 24) }

        /// A typist's way to name them, as the command line takes them.
        @Test func namesAreKebabCase() {
            for defect in Defect.allCases {
                #expect(defect.rawValue.wholeMatch(of: /[a-z]+(-[a-z]+)+/) != nil, "\(defect.rawValue)")
            }
        }
    }

    /// Two cases with one name are a compiler's error; a name that is on without being asked for would be ours.
    @Suite struct DefectSwitchTests {
        @Test func noDefectIsOnByItself() {
            for defect in Defect.allCases { #expect(!defect.isOn, "\(defect.rawValue)") }
        }
    }
#endif
