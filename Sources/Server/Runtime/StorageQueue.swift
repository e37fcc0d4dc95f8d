import Dispatch
import Logging
import Metadata
import Raft
import Storage
import Synchronization

/// The store on a queue of its own, for it blocks. While one transaction is on its way to the disk the next writes
/// gather, and go together (group commit).
final class StorageQueue: NodeDisk, Sendable {
    private enum Operation: Sendable {
        case write([Write])
        case store(NodeIdentity)
        case checkpoint(Checkpoint)
        case stage([Row], isFirst: Bool)
        case install(LogPosition, Counters, Digest)
        case ping(@Sendable () -> Void)
    }

    private struct State {
        var operations: [Operation] = []
        var isRunning = false
        var measurements = NodeStore.Measurements()
        var measuredAt = Instant(nanoseconds: 0)
        /// The next warning comes when so many frames wait.
        var warningFrames = StorageQueue.stuckFrames
    }

    /// Frames in the WAL that are worth moving when there is nothing else to do, and when there is.
    private static let idleFrames = 1000
    private static let busyFrames = 4000
    /// So many frames wait only if somebody's read transaction keeps them: 64 MiB.
    private static let stuckFrames = 16_384

    // No quality of service: libdispatch would ask for a priority that a confined process may not have, and say so.
    private let queue = DispatchQueue(label: "dmq.storage")
    private let directory: String
    private let store: ConfinedStore
    private let mailbox: Mailbox
    private let logger: Logger
    private let state = Mutex(State())
    private let snapshots: SnapshotQueue

    /// The store is used on `queue` only.
    private struct ConfinedStore: @unchecked Sendable { let value: NodeStore }

    init(store: consuming NodeStore, directory: String, mailbox: Mailbox, logger: Logger) {
        self.logger = logger
        self.store = ConfinedStore(value: store)
        self.directory = directory
        self.mailbox = mailbox
        snapshots = SnapshotQueue(directory: directory, mailbox: mailbox)
    }

    func write(_ writes: [Write]) { enqueue(.write(writes)) }
    func store(_ identity: NodeIdentity) { enqueue(.store(identity)) }
    func checkpoint(_ checkpoint: Checkpoint) { enqueue(.checkpoint(checkpoint)) }
    func stage(_ rows: [Row], isFirst: Bool) { enqueue(.stage(rows, isFirst: isFirst)) }

    func installSnapshot(position: LogPosition, counters: Counters, digest: Digest) {
        enqueue(.install(position, counters, digest))
    }

    func openSnapshot(for peer: NodeID) { snapshots.open(for: peer) }
    func readSnapshot(for peer: NodeID) { snapshots.read(for: peer) }
    func closeSnapshot(for peer: NodeID) { snapshots.close(for: peer) }

    /// Behind what was asked for before: under load the queue itself is never idle.
    func ping(_ completion: @escaping @Sendable () -> Void) { enqueue(.ping(completion)) }

    var measurements: NodeStore.Measurements { state.withLock { $0.measurements } }

    /// Ends the queue: what was asked for before is done, then the store is closed.
    func close(completion: @escaping @Sendable () -> Void) {
        queue.async { [self] in
            try? store.value.close()
            completion()
        }
    }

    private func enqueue(_ operation: Operation) {
        let mustSchedule = state.withLock { state in
            state.operations.append(operation)
            guard !state.isRunning else { return false }
            state.isRunning = true
            return true
        }
        if mustSchedule { queue.async { self.run() } }
    }

    private func run() {
        do throws(StorageError) {
            while let operations = take() {
                try perform(operations)
                try store.value.checkpointWAL(minimumFrames: Self.busyFrames)
            }
            try store.value.checkpointWAL(minimumFrames: Self.idleFrames)
        } catch {
            // Final: `isRunning` stays set, so nothing is done any more.
            mailbox.post(.diskFailed(error))
        }
    }

    private func take() -> [Operation]? {
        let now = SystemClock.now.instant
        return state.withLock { state in
            if now.since(state.measuredAt) > .seconds(1) {
                state.measurements = store.value.measure()
                state.measuredAt = now
                warnOfReaders(&state)
            }
            guard !state.operations.isEmpty else {
                state.isRunning = false
                return nil
            }
            var operations: [Operation] = []
            swap(&operations, &state.operations)
            return operations
        }
    }

    /// Again whenever the WAL has doubled since.
    private func warnOfReaders(_ state: inout State) {
        let waiting = state.measurements.uncheckpointedFrames
        if waiting <= Self.stuckFrames { state.warningFrames = Self.stuckFrames }
        guard waiting > state.warningFrames else { return }
        while waiting > state.warningFrames { state.warningFrames *= 2 }
        var metadata: Logger.Metadata = ["frames": "\(waiting)", "bytes": "\(state.measurements.walBytes)"]
        if let reader = store.value.foreignReader { metadata["process"] = "\(reader)" }
        logger.warning(
            """
            ⚠️ a read transaction on node.db keeps the write-ahead log from shrinking; it will fill the disk; end it, \
            or its process
            """, metadata: metadata)
    }

    /// Writes that stand one behind the other are one transaction.
    private func perform(_ operations: [Operation]) throws(StorageError) {
        var writes: [Write] = []
        for operation in operations {
            if case .write(let more) = operation {
                writes.append(contentsOf: more)
                continue
            }
            try commit(&writes)
            try perform(operation)
        }
        try commit(&writes)
    }

    private func commit(_ writes: inout [Write]) throws(StorageError) {
        guard let last = writes.last else { return }
        let start = SystemClock.now.instant
        try store.value.commit(writes)
        mailbox.post(.persisted(last.id, took: SystemClock.now.instant.since(start)))
        writes.removeAll(keepingCapacity: true)
    }

    private func perform(_ operation: Operation) throws(StorageError) {
        switch operation {
        case .write: preconditionFailure("writes are gathered")
        case .store(let identity):
            try store.value.store(identity)
            mailbox.post(.identityStored)
        case .checkpoint(let checkpoint):
            try store.value.checkpoint(checkpoint)
            mailbox.post(.checkpointed(checkpoint.position.index))
        case .ping(let completion): completion()
        case .stage(let rows, let isFirst):
            if isFirst { try store.value.beginStaging() }
            if !rows.isEmpty { try store.value.stage(rows) }
            mailbox.post(.snapshotStaged)
        case .install(let position, let counters, let digest):
            switch try store.value.installStaged(position: position, counters: counters, digest: digest) {
            case .installed(let metadata): mailbox.post(.snapshotInstalled(position, metadata))
            case .rejected(let reason): mailbox.post(.snapshotRejected(reason))
            }
        }
    }
}
