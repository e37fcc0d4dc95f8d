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
        case backUp(BackupCompletion)
        case ping(@Sendable () -> Void)
    }

    private struct State {
        var operations: [Operation] = []
        var isRunning = false
        var measurements = NodeStore.Measurements()

        /// The first of them, through the one with which they add `logBytes` to the log.
        mutating func takeOperations(logBytes: Int) -> [Operation] {
            var (count, bytes) = (0, 0)
            while count < operations.count, bytes < logBytes {
                if case .write(let writes) = operations[count] { bytes += CheckpointPace.cost(of: writes) }
                count += 1
            }
            defer { operations.removeFirst(count) }
            return Array(operations[..<count])
        }
    }

    /// Frames in the WAL that are worth moving when there is nothing else to do, and when there is.
    private static let idleFrames = 1000
    private static let busyFrames = 4000
    /// So many frames wait only if somebody's read transaction keeps them: 64 MiB.
    private static let stuckFrames = 16_384

    // No quality of service: libdispatch would ask for a priority that a confined process may not have, and say so.
    private let queue = DispatchQueue(label: "dmq.storage")
    private let confined: Confined
    private let mailbox: Mailbox
    private let logger: Logger
    private let state = Mutex(State())

    /// Used on `queue` only.
    private final class Confined: @unchecked Sendable {
        let store: NodeStore
        var measuredAt = Instant(nanoseconds: 0)
        var pace = CheckpointPace()
        /// The next warning comes when so many frames wait.
        var warningFrames = StorageQueue.stuckFrames

        init(store: consuming NodeStore) { self.store = store }
    }

    init(store: consuming NodeStore, mailbox: Mailbox, logger: Logger) {
        self.logger = logger
        confined = Confined(store: store)
        self.mailbox = mailbox
    }

    private var store: NodeStore { confined.store }

    func write(_ writes: [Write]) { enqueue(.write(writes)) }
    func store(_ identity: NodeIdentity) { enqueue(.store(identity)) }
    func checkpoint(_ checkpoint: Checkpoint) { enqueue(.checkpoint(checkpoint)) }
    func stage(_ rows: [Row], isFirst: Bool) { enqueue(.stage(rows, isFirst: isFirst)) }

    func installSnapshot(position: LogPosition, counters: Counters, digest: Digest) {
        enqueue(.install(position, counters, digest))
    }

    func backUp(_ completion: @escaping BackupCompletion) { enqueue(.backUp(completion)) }

    /// Behind what was asked for before: under load the queue itself is never idle.
    func ping(_ completion: @escaping @Sendable () -> Void) { enqueue(.ping(completion)) }

    var measurements: NodeStore.Measurements { state.withLock { $0.measurements } }

    /// Ends the queue: what was asked for before is done, then the store is closed. `completion` is told what went wrong at the
    /// very end, if anything did; earlier failures were told when they happened.
    func close(completion: @escaping @Sendable (StorageError?) -> Void) {
        queue.async { [self] in
            do throws(StorageError) {
                try store.close()
                completion(nil)
            } catch {
                completion(error)
            }
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
                try continueCheckpoint()
                try store.checkpointWAL(minimumFrames: Self.busyFrames)
            }
            try store.checkpointWAL(minimumFrames: Self.idleFrames)
        } catch {
            // Final: `isRunning` stays set, so nothing is done any more.
            mailbox.post(.diskFailed(error))
        }
    }

    /// What was asked for since, if anything was; `nil` when there is nothing at all to do.
    private func take() -> [Operation]? {
        measureIfDue()
        return state.withLock { state in
            guard !state.operations.isEmpty || store.isCheckpointing else {
                state.isRunning = false
                return nil
            }
            return state.takeOperations(logBytes: store.isCheckpointing ? CheckpointPace.logBytes : .max)
        }
    }

    /// Examining files may take as long as any other call to a file system, so not while somebody waits for the lock.
    private func measureIfDue() {
        let now = SystemClock.now.instant
        guard now.since(confined.measuredAt) > .seconds(1) else { return }
        confined.measuredAt = now
        let measurements = store.measure()
        state.withLock { $0.measurements = measurements }
        warnOfReaders(measurements)
    }

    /// Again whenever the WAL has doubled since.
    private func warnOfReaders(_ measurements: NodeStore.Measurements) {
        let waiting = measurements.uncheckpointedFrames
        if waiting <= Self.stuckFrames { confined.warningFrames = Self.stuckFrames }
        guard waiting > confined.warningFrames else { return }
        while waiting > confined.warningFrames { confined.warningFrames *= 2 }
        var metadata: Logger.Metadata = ["frames": "\(waiting)", "bytes": "\(measurements.walBytes)"]
        if let reader = store.foreignReader { metadata["process"] = "\(reader)" }
        logger.warning(
            """
            ⚠️ a read transaction on node.db keeps the write-ahead log from shrinking; it will fill the disk; end it, \
            or its process
            """, metadata: metadata)
    }

    /// Some transactions of a checkpoint that is too large for one; between them come the writes that have gathered, which
    /// somebody waits for.
    private func continueCheckpoint() throws(StorageError) {
        guard let position = store.checkpointInProgress else { return confined.pace.reset() }
        repeat {
            if try store.continueCheckpoint() { return mailbox.post(.checkpointed(position.index)) }
        } while confined.pace.isBehind(afterSlice: store.limits.slice)
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
        try store.commit(writes)
        confined.pace.logGrew(by: CheckpointPace.cost(of: writes))
        mailbox.post(.persisted(last.id, took: SystemClock.now.instant.since(start)))
        writes.removeAll(keepingCapacity: true)
    }

    private func perform(_ operation: Operation) throws(StorageError) {
        switch operation {
        case .write: preconditionFailure("writes are gathered")
        case .store(let identity):
            try store.store(identity)
            mailbox.post(.identityStored)
        case .checkpoint(let checkpoint):
            if try store.checkpoint(checkpoint) { mailbox.post(.checkpointed(checkpoint.position.index)) }
        case .ping(let completion): completion()
        case .backUp(let completion):
            BackupThread(try store.holdDatabase(), logger: logger, completion: completion).start()
        case .stage(let rows, let isFirst):
            if isFirst { try store.beginStaging() }
            if !rows.isEmpty { try store.stage(rows) }
            mailbox.post(.snapshotStaged)
        case .install(let position, let counters, let digest):
            switch try store.installStaged(position: position, counters: counters, digest: digest) {
            case .installed(let metadata): mailbox.post(.snapshotInstalled(position, metadata))
            case .rejected(let reason): mailbox.post(.snapshotRejected(reason))
            }
        }
    }
}
