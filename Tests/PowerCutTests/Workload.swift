import CPowerCutVFS
import Metadata
import Raft
import Storage

/// A node's life with its store, from one seed.
final class Workload {
    enum Step: CaseIterable {
        case append, group, election, conflict, checkpoint, compaction, largeCheckpoint, walCheckpoint, snapshot,
            identity
        case restart, kill
    }

    /// What the store finds when it is opened for the first time.
    enum Beginning {
        case nothing, firstRelease
    }

    private(set) var home: ScratchDirectory
    private var store: NodeStore?
    var generator: SeededGenerator
    /// What the store may hold now: what it acknowledged, and while a call is under way also what that makes of it.
    private(set) var candidates = [Memory()]
    /// Whether the store was opened for the first time.
    private(set) var isCreated = false
    /// Told after each call that returned.
    var onReturn: () -> Void = {}
    private(set) var call = "creation"

    init(seed: UInt64, startsFrom beginning: Beginning = .nothing) throws {
        home = try ScratchDirectory()
        generator = SeededGenerator(seed: seed)
        powercut_register()
        if beginning == .firstRelease {
            let isKilled = seed % 2 == 0
            let sample = try ScratchDirectory()
            try FirstRelease.build(sample, isKilled: isKilled)
            candidates = [Memory(try NodeStore.open(sample).recover { _ in })]
            try FirstRelease.build(home, isKilled: isKilled)
            isCreated = true
        }
        powercut_begin(home.path)
    }

    private var memory: Memory { candidates[0] }

    func random(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &generator) }

    /// Throws a ``Violation`` if the store does not hold what it should.
    func open() throws {
        call = isCreated ? "recovery" : "creation"
        let store = try NodeStore.open(home, vfs: "powercut")
        powercut_directory_synchronized()
        isCreated = true
        self.store = store
        let node = try store.recover { _ in }
        guard let match = candidates.first(where: { $0.differences(from: node).isEmpty }) else {
            throw Violation(place: call, findings: memory.differences(from: node))
        }
        candidates = [match]
        onReturn()
        try storeIdentity { $0.run = Run(number: $0.run.number + 1, nonce: generator.next()) }
    }

    private func storeIdentity(_ change: (inout NodeIdentity) -> Void) throws {
        var after = memory
        change(&after.identity)
        try perform(after) { store throws in try store.store(after.identity) }
    }

    /// Somebody's new directory was let in, say.
    private func changeIdentity() throws {
        try storeIdentity { identity in
            let number = generator.next()
            identity.members = (1...UInt64(1 + random(5))).map { id in
                KnownMember(
                    id: NodeID(id), directory: DirectoryID(high: number, low: id), generation: UInt64(random(3)),
                    isAdmitted: random(2) == 0, run: random(2) == 0 ? nil : Run(number: id, nonce: number))
            }
            identity.electors = identity.ids
            identity.isSettled.toggle()
        }
    }

    /// As the end of the process has it: nothing more is written.
    func abandon() { store = nil }

    /// Whether the store refuses everything with the same error.
    func repeats(_ error: StorageError) -> Bool {
        // What fails while it closes ends the store as well.
        guard let store, call != "restart" else { return true }
        do throws(StorageError) {
            try store.commit([])
            return false
        } catch let repeated {
            return repeated == error
        }
    }

    /// Goes on with what a power cut left in `directory`.
    func restart(in directory: ScratchDirectory, _ candidates: [Memory]) throws {
        abandon()
        home = directory
        self.candidates = candidates
        powercut_begin(directory.path)
    }

    func run(_ step: Step) throws {
        call = "\(step)"
        switch step {
        case .append: try append(groups: 1)
        case .group: try append(groups: 2 + random(4))
        case .election: try commit([write(term: 1 + random(3), vote: random(2) == 0 ? nil : NodeID(2))])
        case .conflict: try conflict()
        case .checkpoint: try checkpoint(compacts: false)
        case .compaction: try checkpoint(compacts: true)
        case .largeCheckpoint: try checkpoint(compacts: random(2) == 0, inSlices: true)
        case .walCheckpoint: try perform(memory) { store throws in try store.checkpointWAL(minimumFrames: 1) }
        case .snapshot: try installSnapshot()
        case .identity: try changeIdentity()
        case .restart:
            try perform(memory) { store throws in try store.close() }
            abandon()
            try open()
        case .kill:
            abandon()
            try open()
        }
    }

    private func perform(_ after: Memory, _ body: (NodeStore) throws -> Void) throws {
        guard let store else { return }
        candidates = [memory, after]
        try body(store)
        candidates = [after]
        onReturn()
    }

    // Commits

    private func commit(_ writes: [Write]) throws {
        var after = memory
        for write in writes { after.apply(write) }
        try perform(after) { store throws in try store.commit(writes) }
    }

    private func write(term increment: Int, vote: NodeID?) -> Write {
        let term = Term(memory.hardState.currentTerm.number + UInt64(increment))
        return Write(id: WriteID(1), hardState: HardState(currentTerm: term, votedFor: vote))
    }

    private func entry(_ index: UInt64, _ term: Term) -> LogEntry {
        let size = random(8) == 0 ? 3000 + random(9000) : random(300)
        let data = (0..<size).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
        return LogEntry(
            index: LogIndex(index), term: term, type: random(4) == 0 ? "DELETE" : "PUT", data: data,
            timestamp: Int64(random(1 << 40)))
    }

    private func entries(from first: UInt64, _ term: Term) -> [LogEntry] {
        (0..<UInt64(1 + random(3))).map { entry(first + $0, term) }
    }

    private func append(groups: Int) throws {
        let term = memory.hardState.currentTerm
        var writes: [Write] = []
        var next = memory.last.index.number + 1
        for _ in 0..<groups {
            writes.append(Write(id: WriteID(1), entries: entries(from: next, term)))
            next += UInt64(writes.last!.entries.count)
        }
        try commit(writes)
    }

    /// A new leader replaces what is not applied.
    private func conflict() throws {
        let unapplied = memory.last.index.number - memory.applied.index.number
        let first = memory.applied.index.number + 1 + (unapplied == 0 ? 0 : UInt64(random(Int(unapplied))))
        var write = write(term: 1, vote: nil)
        write.truncateFrom = LogIndex(first)
        write.entries = entries(from: first, write.hardState!.currentTerm)
        try commit([write])
    }

    // The state tables

    /// What keys were is kept from somewhere on, and given up now and then.
    private func command() -> Command {
        let key = Key(validated: Array("/k\(random(4))/\(random(10))".utf8))
        switch random(40) {
        case 0..<26:
            let value = (0..<(random(6) == 0 ? 5000 : 100)).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
            return .put(Put(key: key, value: value))
        case 26..<34: return .delete(Delete(key: key))
        case 34: return .delete(Delete(key: Key(validated: Array("/k1".utf8)), isRecursive: true))
        case 35: return random(2) == 0 ? .raiseLevel(to: 2 + random(3)) : .raiseLevel(of: .placement, to: 2)
        case 36: return .grantLease(Lease(id: LeaseID(1 + random(3)), ttlSeconds: 5))
        case 37: return random(2) == 0 ? .revokeLease(LeaseID(1 + random(3))) : .transaction(transaction())
        case 38: return .transaction(transaction())
        default:
            let revision = memory.state.counters.revision
            return .compactHistory(through: revision - UInt64(random(Int(revision) + 1)))
        }
    }

    /// Several keys, one of them no path, and perhaps one with a lease.
    private func transaction() -> Transaction {
        let lease = memory.state.allLeases.last.map { Transaction.LeaseChoice.lease($0.id) } ?? .none
        return Transaction(success: [
            .put(Transaction.Write(key: Key(validated: [0xff, UInt8(random(4))]), value: [1])),
            .delete(.subtree(of: Key(validated: Array("/k2".utf8)))),
            .put(Transaction.Write(key: Key(validated: Array("/k3/\(random(10))".utf8)), value: [2], lease: lease)),
        ])
    }

    private func commands() -> [Command] { (0...random(8)).map { _ in command() } }

    private func checkpoint(compacts: Bool, inSlices: Bool = false) throws {
        let span = Int(memory.last.index.number - memory.applied.index.number)
        let index = memory.applied.index.number + UInt64(random(span + 1))
        let position = memory.position(LogIndex(index))
        var after = memory
        let changes = after.apply(commands(), at: position)
        let moved = after
        var compaction: LogPosition?
        if compacts {
            let base = memory.logBase.index.number
            compaction = memory.position(LogIndex(base + UInt64(random(Int(index - base) + 1))))
            after.logBase = compaction!
            after.entries.removeAll { $0.index <= compaction!.index }
        }
        let checkpoint = Checkpoint(
            position: position, changes: changes, counters: after.state.counters, digest: after.state.digest,
            compactThrough: compaction)
        if inSlices { return try perform(checkpoint, [memory, moved, after]) }
        try perform(after) { store throws in try store.checkpoint(checkpoint) }
    }

    /// One that takes many transactions, between which the log goes on. `stages`: what the store may hold meanwhile; the last
    /// one in the end.
    private func perform(_ checkpoint: Checkpoint, _ stages: [Memory]) throws {
        guard let store else { return }
        var stages = stages
        (store.limits.rowCost, store.limits.whole, store.limits.slice) = (100, 1, 300 + random(900))
        defer { store.limits = SliceLimits() }
        candidates = stages
        var isDone = try store.checkpoint(checkpoint)
        onReturn()
        while !isDone {
            if random(3) == 0 {
                let write = Write(
                    id: WriteID(1), entries: entries(from: memory.last.index.number + 1, memory.hardState.currentTerm))
                let before = stages
                for stage in stages.indices { stages[stage].apply(write) }
                candidates = before + stages
                try store.commit([write])
                candidates = stages
                onReturn()
            }
            isDone = try store.continueCheckpoint()
            onReturn()
        }
        candidates = [stages[stages.count - 1]]
        onReturn()
    }

    private func installSnapshot() throws {
        let position = LogPosition(
            term: memory.hardState.currentTerm, index: LogIndex(memory.last.index.number + UInt64(1 + random(5))))
        var after = memory
        _ = after.apply(commands() + commands(), at: position)
        var rows: [Row] = []
        after.state.forEachRow { rows.append($0) }
        (after.logBase, after.entries) = (position, [])

        try perform(memory) { store throws in try store.beginStaging() }
        try perform(memory) { store throws in try store.stage(Array(rows.prefix(7))) }
        if random(3) == 0 { try append(groups: 1) }
        try perform(memory) { store throws in try store.stage(Array(rows.dropFirst(7))) }
        // What was appended meanwhile is behind the snapshot or goes with it.
        guard position.index > memory.applied.index else { return }
        (after.hardState) = memory.hardState
        try perform(after) { store throws in
            _ = try store.installStaged(position: position, counters: after.state.counters, digest: after.state.digest)
        }
    }
}
