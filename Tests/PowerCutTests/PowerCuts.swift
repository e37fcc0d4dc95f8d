import CPowerCutVFS
import Raft
import Storage

/// Power cuts at every call of a workload that changes the disk, each followed by a restart.
final class PowerCuts {
    private(set) var workloads = 0
    private(set) var points = 0
    private(set) var cuts = 0
    private(set) var tornTails = 0
    private(set) var restarts = 0
    private(set) var violations: [Violation] = []

    private let keeps: [Int32]
    private let startsFrom: Workload.Beginning
    private let image: ScratchDirectory
    private var workload: Workload
    private var seed: UInt64 = 0
    private var random = SeededGenerator(seed: 0)
    private var failure: StorageError?
    /// Where a cut is to be the workload's fate, once so many calls were made.
    private var fate: (calls: Int, directory: ScratchDirectory, candidates: [Memory])?

    /// `keeps`: the percentages of what was not synchronized that reach the disk.
    init(keeps: [Int32], startsFrom: Workload.Beginning = .nothing) throws {
        self.keeps = keeps
        self.startsFrom = startsFrom
        image = try ScratchDirectory()
        workload = try Workload(seed: 0)
    }

    var summary: String {
        """
        \(cuts) cuts at \(points) crash points of \(workloads) workloads: \(count(.lost)) lost, \
        \(count(.invented)) invented, \(count(.refused)) refused, \
        \(count(.mistaken)) mistaken for copies; \(tornTails) torn tails, \(restarts) lives after a cut
        """
    }

    func count(_ kind: Violation.Kind) -> Int {
        violations.count { violation in violation.findings.contains { $0.kind == kind } }
    }

    /// Workloads from `seed` on, until there were `minimum` cuts.
    func run(from seed: UInt64, minimum: Int) throws {
        self.seed = seed
        while cuts < minimum {
            try runWorkload()
            self.seed += 1
        }
    }

    private func runWorkload() throws {
        workloads += 1
        random = SeededGenerator(seed: seed)
        workload = try Workload(seed: seed, startsFrom: startsFrom)
        defer {
            workload.abandon()
            powercut_on_call(nil, nil)
        }
        do {
            try live()
        } catch let violation as Violation {
            violations.append(violation)
        } catch let error as StorageError {
            let finding = Violation.Finding(kind: .refused, text: "\(error)")
            violations.append(Violation(place: "seed \(seed), \(workload.call)", findings: [finding]))
        }
        if let failure { throw failure }
    }

    private func live() throws {
        observe()
        try workload.open()
        // Each kind of step at least once, in an order of the seed's own.
        let steps: [Workload.Step] =
            switch startsFrom {
            case .nothing: Workload.Step.allCases + [.append, .election, .conflict, .append, .walCheckpoint]
            case .firstRelease: [.append, .identity, .election, .kill, .walCheckpoint, .restart]
            }
        for step in steps.shuffled(using: &workload.generator) {
            fate = workload.random(4) == 0 ? (workload.random(12), try ScratchDirectory(), []) : nil
            try workload.run(step)
            if let fate, !fate.candidates.isEmpty { try resume(fate.directory, fate.candidates) }
        }
    }

    private func resume(_ directory: ScratchDirectory, _ candidates: [Memory]) throws {
        fate = nil
        restarts += 1
        powercut_on_call(nil, nil)
        try workload.restart(in: directory, candidates)
        observe()
        try workload.open()
    }

    private func observe() {
        workload.onReturn = { [unowned self] in cut("return") }
        powercut_on_call(
            { context, call in
                let names = ["read", "write", "truncation", "sync", "deletion"]
                Unmanaged<PowerCuts>.fromOpaque(context!).takeUnretainedValue().cut(names[Int(call)])
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    private func cut(_ call: String) {
        points += 1
        for keep in keeps {
            cuts += 1
            let place = "seed \(seed), point \(points), \(call) of \(workload.call), keep \(keep) %"
            guard take(image, keep) else { return }
            let findings = findings()
            if !findings.isEmpty { violations.append(Violation(place: place, findings: findings)) }
        }
        if let calls = fate?.calls, fate!.candidates.isEmpty {
            fate!.calls -= 1
            if calls == 0, workload.isCreated {
                fate!.candidates = workload.candidates
                _ = take(fate!.directory, [5, 50, 95].randomElement(using: &random)!)
            }
        }
    }

    private func take(_ directory: ScratchDirectory, _ keep: Int32) -> Bool {
        do throws(StorageError) {
            try directory.takeImage(keep: keep, seed: random.next())
            return true
        } catch {
            failure = error
            return false
        }
    }

    /// What is wrong with the image, by `verify` and by a restart.
    private func findings() -> [Violation.Finding] {
        do {
            if workload.isCreated {
                let verification = try Verification.verify(directory: image.path)
                if verification.tornFrames > 0 { tornTails += 1 }
                if !verification.isSound {
                    return verification.findings.map { Violation.Finding(kind: .refused, text: $0) }
                }
            }
            let node = try NodeStore.open(image).recover { _ in }
            let differences = workload.candidates.map { $0.differences(from: node) }
            guard !differences.contains(where: \.isEmpty) else { return try findingsAfterRecovery() }
            return differences[0]
        } catch {
            return [Violation.Finding(kind: .refused, text: "\(error)")]
        }
    }

    private func findingsAfterRecovery() throws -> [Violation.Finding] {
        // Costs as much as all the rest.
        guard cuts % 8 == 0 else { return [] }
        return try Verification.verify(directory: image.path).findings.map {
            Violation.Finding(kind: .refused, text: $0)
        }
    }
}
