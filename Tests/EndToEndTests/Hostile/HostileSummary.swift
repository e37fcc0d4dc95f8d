import Foundation

/// What a run under faults came to.
struct HostileSummary {
    let nodes: Int
    let seed: Int
    var rounds = 0
    /// The faults of the round that is going on.
    var last: [Fault] = []
    /// Whether all rounds and the last checks are done.
    var isFinished = false
    private var faults: [Fault: (count: Int, longestPause: Duration)] = [:]
    private var histories = 0
    private var operations = 0
    private(set) var undecided = 0
    private var longestRecovery = Duration.zero

    init(nodes: Int, seed: Int) {
        self.nodes = nodes
        self.seed = seed
    }

    func count(_ fault: Fault) -> Int { faults[fault]?.count ?? 0 }

    mutating func happened(_ fault: Fault) { faults[fault, default: (0, .zero)].count += 1 }

    /// How long the cluster took to be whole after `faults` had ended, and how long no write was acknowledged at a
    /// time. The latter is told of single faults only.
    mutating func ended(_ faults: [Fault], recovery: Duration, longestPause: Duration) {
        longestRecovery = max(longestRecovery, recovery)
        guard faults.count == 1, let fault = faults.first, let known = self.faults[fault]?.longestPause else { return }
        self.faults[fault]?.longestPause = max(known, longestPause)
    }

    mutating func add(_ check: KeyValueLoad.Check) {
        histories += check.histories
        operations += check.operations
        undecided += check.undecided
    }

    func text(age: Duration, operations counts: [(operation: String, outcomes: [Int])], entries: Int) -> String {
        func pad(_ text: String, _ width: Int) -> String {
            text + String(repeating: " ", count: max(0, width - text.count))
        }
        func right(_ text: String, _ width: Int) -> String {
            String(repeating: " ", count: max(0, width - text.count)) + text
        }
        func time(_ duration: Duration) -> String { String(format: "%.2f s", duration.seconds) }

        var lines = ["\(nodes) nodes, seed \(seed), \(rounds) rounds in \(age.milliseconds / 1000) s"]
        lines.append(pad("fault", 26) + right("times", 6) + "   longest time without an acknowledged write")
        for fault in Fault.allCases {
            guard let (count, longest) = faults[fault] else { continue }
            lines.append(pad(fault.rawValue, 26) + right("\(count)", 6) + right(time(longest), 10))
        }
        lines.append(pad("operation", 18) + ["answered", "failed", "unknown"].map { right($0, 10) }.joined())
        for (operation, outcomes) in counts {
            lines.append(pad(operation, 18) + outcomes.map { right("\($0)", 10) }.joined())
        }
        lines.append(
            "\(histories) histories of keys with \(operations) operations, \(undecided) undecided; \(entries) log entries"
        )
        lines.append("longest time from the end of a fault to a whole cluster: \(time(longestRecovery))")
        lines.append(
            isFinished ? "valid" : "NOT valid, in the round of \(last.map(\.rawValue).joined(separator: " and "))")
        return lines.joined(separator: "\n")
    }
}
