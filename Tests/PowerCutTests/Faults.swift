import CPowerCutVFS
import Raft
import Storage

/// What a disk can do beside losing power.
enum Fault: CaseIterable {
    case readError, shortRead, flippedBit, writeError, diskFull, truncateError, syncError

    var code: powercut_fault {
        switch self {
        case .readError: POWERCUT_READ_ERROR
        case .shortRead: POWERCUT_SHORT_READ
        case .flippedBit: POWERCUT_FLIPPED_BIT
        case .writeError: POWERCUT_WRITE_ERROR
        case .diskFull: POWERCUT_DISK_FULL
        case .truncateError: POWERCUT_TRUNCATE_ERROR
        case .syncError: POWERCUT_SYNC_ERROR
        }
    }

    /// The calls that it can happen at.
    var call: powercut_call {
        switch self {
        case .readError, .shortRead, .flippedBit: POWERCUT_READ
        case .writeError, .diskFull: POWERCUT_WRITE
        case .truncateError: POWERCUT_TRUNCATE
        case .syncError: POWERCUT_SYNC
        }
    }

    /// A wrong answer, not a refused one: what it did may have been stored before it is noticed.
    var deceives: Bool { self == .shortRead || self == .flippedBit }

    func explains(_ error: StorageError) -> Bool {
        switch (self, error) {
        case (.diskFull, .full): true
        case (.diskFull, _): false
        case (.shortRead, .damaged), (.flippedBit, .damaged): true
        case (_, .failed): true
        default: false
        }
    }
}

/// One workload for each fault and call that it can happen at.
final class Faults {
    private(set) var runs = 0
    private(set) var stopped = 0
    private(set) var foundAtRestart = 0
    private(set) var unharmed = 0
    private(set) var violations: [Violation] = []

    private let image: ScratchDirectory

    init() throws { image = try ScratchDirectory() }

    func summary(of fault: Fault) -> String {
        "\(fault) in \(runs) runs: \(stopped) stopped, \(foundAtRestart) found at the restart, \(unharmed) unharmed"
    }

    /// At each of the calls, or at about `limit` of them; faults with random content in some `variants`.
    func inject(_ fault: Fault, seed: UInt64, limit: Int, variants: UInt64) throws {
        _ = try run(.readError, after: .max, seed: seed, variant: 0)
        let calls = powercut_count(Int32(bitPattern: fault.call.rawValue))
        let stride = Swift.stride(from: 0, to: calls, by: max(1, Int(calls) / limit))
        for after in stride {
            for variant in 0..<(fault.deceives ? variants : 1) {
                runs += 1
                try injectOnce(fault, after: after, seed: seed, variant: variant)
            }
        }
    }

    private func injectOnce(_ fault: Fault, after calls: Int64, seed: UInt64, variant: UInt64) throws {
        let (workload, error) = try run(fault, after: calls, seed: seed, variant: variant)
        let place = "\(fault) after \(calls) calls, seed \(seed), variant \(variant), \(workload.call)"
        func report(_ kind: Violation.Kind, _ text: String) {
            violations.append(Violation(place: place, findings: [.init(kind: kind, text: text)]))
        }
        if powercut_has_injected() == 0 { report(.refused, "the fault did not happen") }
        if let violation = error as? Violation {
            violations.append(Violation(place: place, findings: violation.findings))
        } else if let error = error as? StorageError {
            if !fault.explains(error) { report(.refused, "stopped with \(error)") }
            if !workload.repeats(error) { report(.refused, "went on after \(error)") }
        }
        workload.abandon()

        var isFoundAtRestart = false
        for keep: Int32 in [100, 50, 0] {
            try image.takeImage(keep: keep, seed: UInt64(calls))
            do {
                let node = try NodeStore.open(image).recover { _ in }
                let differences = workload.candidates.map { $0.differences(from: node) }
                if !differences.contains(where: \.isEmpty) {
                    violations.append(Violation(place: place + ", keep \(keep) %", findings: differences[0]))
                }
            } catch .damaged(_) where fault.deceives {
                isFoundAtRestart = true
            } catch {
                report(.refused, "keep \(keep) %: does not restart: \(error)")
            }
        }
        if error != nil {
            stopped += 1
        } else if isFoundAtRestart {
            foundAtRestart += 1
        } else {
            unharmed += 1
        }
    }

    private func run(
        _ fault: Fault, after calls: Int64, seed: UInt64, variant: UInt64
    ) throws -> (Workload, (any Error)?) {
        let workload = try Workload(seed: seed)
        powercut_inject(Int32(bitPattern: fault.code.rawValue), calls, seed &+ UInt64(calls) &+ variant << 32)
        do {
            try workload.open()
            for step in Workload.Step.allCases.shuffled(using: &workload.generator) { try workload.run(step) }
            try workload.run(.restart)
            return (workload, nil)
        } catch {
            return (workload, error)
        }
    }
}
