import Defects
import Metadata
import Raft
import Server
import Storage

/// One process's way to its node's platter: one transaction at a time, in order, each taking its time. What is not
/// completed when the process dies is lost; of the transaction in progress a part may be there.
final class SimulatedDisk: NodeDisk {
    private enum Operation {
        case write([Write])
        case store(NodeIdentity)
        case checkpoint(Checkpoint)
        case stage([Row], isFirst: Bool)
        case install(LogPosition, Counters, Digest)

        /// What its size costs: some ten microseconds for a row, a second for 50 MB.
        var workTime: VirtualTime {
            switch self {
            case .write(let writes):
                VirtualTime(nanoseconds: UInt64(writes.reduce(0) { $0 + $1.entries.reduce(0) { $0 + $1.size } }) * 20)
            case .checkpoint(let checkpoint):
                VirtualTime(nanoseconds: UInt64(checkpoint.changes.count { _ in true }) * 10_000)
            case .stage(let rows, _): VirtualTime(nanoseconds: UInt64(rows.count) * 10_000)
            case .store, .install: .zero
            }
        }
    }

    private let node: SimulatedNode
    private let cluster: SimulatedCluster
    private var waiting: [Operation] = []
    private var running: Operation?
    private var isDead = false

    init(node: SimulatedNode, cluster: SimulatedCluster) {
        self.node = node
        self.cluster = cluster
    }

    var isIdle: Bool { running == nil && waiting.isEmpty }

    func write(_ writes: [Write]) { enqueue(.write(writes)) }
    func store(_ identity: NodeIdentity) { enqueue(.store(identity)) }
    func checkpoint(_ checkpoint: Checkpoint) { enqueue(.checkpoint(checkpoint)) }
    func stage(_ rows: [Row], isFirst: Bool) { enqueue(.stage(rows, isFirst: isFirst)) }

    func installSnapshot(position: LogPosition, counters: Counters, digest: Digest) {
        enqueue(.install(position, counters, digest))
    }

    private func enqueue(_ operation: Operation) {
        guard !isDead else { return }
        waiting.append(operation)
        if Defect.fsyncLies.isOn, case .write(let writes) = operation, let last = writes.last {
            node.post(.persisted(last.id, took: .zero))
        }
        startNext()
    }

    private func startNext() {
        guard running == nil, !waiting.isEmpty else { return }
        let operation = takeNext()
        running = operation
        let delay = cluster.disks.latency(of: node) + operation.workTime
        cluster.timeline.schedule(after: delay) { [self] in
            guard !isDead else { return }
            finish(operation, took: .nanoseconds(Int64(delay.nanoseconds)))
        }
    }

    /// Writes that stand one behind the other are one transaction (group commit).
    private func takeNext() -> Operation {
        var writes: [Write] = []
        while case .write(let more)? = waiting.first {
            writes += more
            waiting.removeFirst()
        }
        return writes.isEmpty ? waiting.removeFirst() : .write(writes)
    }

    private func finish(_ operation: Operation, took: Duration) {
        if case .write(let writes) = operation, writes.count > 1 || writes.contains(where: { $0.entries.count > 1 }),
            cluster.disks.takeTear(of: node)
        {
            return cluster.nemesis.crash(inWriteOf: node)
        }
        running = nil
        if let error = cluster.disks.takeFailure(of: node) {
            // An error does not say whether the change is there.
            interrupt(operation)
            isDead = true
            cluster.trace.record(.diskFailure, node: node.id, 0, "\(error)")
            node.post(.diskFailed(error))
            return
        }
        carryOut(operation, tell: took)
        startNext()
    }

    /// Changes the platter; tells the process unless there is none to tell.
    private func carryOut(_ operation: Operation, tell took: Duration?) {
        do {
            switch operation {
            case .write(let writes): try commit(writes, tell: took)
            case .store(let identity):
                node.image.identity = identity
                cluster.trace.record(.identity, node: node.id, identity.run.number, "\(identity.summary)")
                if took != nil { node.post(.identityStored) }
            case .checkpoint(let checkpoint):
                try node.image.apply(checkpoint)
                let index = checkpoint.position.index
                cluster.trace.record(.checkpoint, node: node.id, index.number, "at \(checkpoint.position)")
                if took != nil { node.post(.checkpointed(index)) }
            case .stage(let rows, let isFirst):
                node.image.stage(rows, isFirst: isFirst)
                cluster.trace.record(.stage, node: node.id, UInt64(rows.count), "\(rows.count) rows, first \(isFirst)")
                if took != nil { node.post(.snapshotStaged) }
            case .install(let position, let counters, let digest):
                install(position, counters, digest, tell: took != nil)
            }
        } catch {
            cluster.violated("Storage contract", "node \(node.id): \((error as? DiskImage.Defect)?.text ?? "\(error)")")
        }
    }

    private func commit(_ writes: [Write], tell took: Duration?) throws {
        for write in writes { try node.image.commit(write) }
        guard let last = writes.last else { return }
        let image = node.image
        cluster.trace.record(
            .write, node: node.id, last.id.number,
            "through \(last.id): term \(image.hardState.currentTerm) last \(image.lastIndex)")
        if let took { node.post(.persisted(last.id, took: took)) }
    }

    private func install(_ position: LogPosition, _ counters: Counters, _ digest: Digest, tell: Bool) {
        do {
            let machine = try node.image.installStaged(position: position, counters: counters, digest: digest)
            cluster.trace.record(.install, node: node.id, position.index.number, "at \(position)")
            cluster.counts.snapshotsInstalled += 1
            cluster.observe(.logReplaced(node))
            if tell { node.post(.snapshotInstalled(position, machine)) }
        } catch {
            cluster.trace.record(.install, node: node.id, 0, "rejected: \(error)")
            cluster.counts.snapshotsRejected += 1
            cluster.operator.snapshotRejected(by: node)
            if tell { node.post(.snapshotRejected("\(error)")) }
        }
    }

    /// The process dies now.
    func crash() {
        guard !isDead else { return }
        isDead = true
        if let running, interrupt(running) { cluster.counts.count(.crashDuringWrite) }
        running = nil
        waiting = []
    }

    /// Nobody will learn how far it came: all of it is on the platter, or nothing, or a part. Returns whether anything is.
    ///
    /// SQLite's transactions are there or not. That what is not acknowledged may be there in part, Raft must bear too:
    /// a promise is given only when all that it rests on is durable.
    @discardableResult private func interrupt(_ operation: Operation) -> Bool {
        if case .write(let writes) = operation, cluster.faults.includes(.tornBatch), cluster.disks.random.chance(500) {
            let steps = writes.flatMap(\.steps)
            let done = cluster.disks.random.within(0...steps.count)
            if done > 0, done < steps.count { cluster.counts.count(.tornBatch) }
            if done > 0 { carryOut(.write(Array(steps[..<done])), tell: nil) }
            return done > 0
        }
        guard cluster.disks.random.chance(500) else { return false }
        carryOut(operation, tell: nil)
        return true
    }

    /// An orderly end: all that was asked for is carried out.
    func close() {
        guard !isDead else { return }
        if let running { carryOut(running, tell: nil) }
        running = nil
        while !waiting.isEmpty { carryOut(takeNext(), tell: nil) }
        isDead = true
    }
}

/// How the disks of all nodes behave at present.
struct DiskConditions {
    var random: Randomness
    /// Until when the disk of a node takes long.
    private var slow: [(until: VirtualTime, milliseconds: ClosedRange<Int>)]
    private var failures: [StorageError?]
    private var tears: [Bool]
    private let timeline: Timeline

    init(random: Randomness, places: Int, timeline: Timeline) {
        self.random = random
        self.timeline = timeline
        slow = Array(repeating: (.zero, 0...0), count: places)
        failures = Array(repeating: nil, count: places)
        tears = Array(repeating: false, count: places)
    }

    mutating func latency(of node: SimulatedNode) -> VirtualTime {
        let condition = slow[node.position]
        guard timeline.now < condition.until else { return random.time(microseconds: 200...2500) }
        return random.time(milliseconds: condition.milliseconds)
    }

    mutating func slowDown(_ node: SimulatedNode, milliseconds: ClosedRange<Int>, until end: VirtualTime) {
        slow[node.position] = (end, milliseconds)
    }

    /// The next operation of the node fails.
    mutating func failNext(of node: SimulatedNode, _ error: StorageError) { failures[node.position] = error }

    mutating func takeFailure(of node: SimulatedNode) -> StorageError? {
        defer { failures[node.position] = nil }
        return failures[node.position]
    }

    /// The node dies in the middle of its next write that has more than one part.
    mutating func tearNext(of node: SimulatedNode) { tears[node.position] = true }

    mutating func takeTear(of node: SimulatedNode) -> Bool {
        defer { tears[node.position] = false }
        return tears[node.position]
    }

    mutating func heal() {
        for position in slow.indices {
            slow[position] = (.zero, 0...0)
            failures[position] = nil
            tears[position] = false
        }
    }
}

extension Write {
    /// What a disk that is no transaction would do one after the other: term and vote with the truncation, then entry by
    /// entry.
    fileprivate var steps: [Write] {
        var steps: [Write] = []
        if hardState != nil || truncateFrom != nil {
            steps.append(Write(id: id, hardState: hardState, truncateFrom: truncateFrom))
        }
        return steps + entries.map { Write(id: id, entries: [$0]) }
    }
}
