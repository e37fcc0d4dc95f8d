import Metadata
import Raft
import Storage
import Testing

/// Checkpoints of more rows than one transaction should hold.
@Suite struct CheckpointSlicesTests {
    private let counters = Counters(clusterID: "c1", version: 7, revision: 8, partitionsCreated: 9)

    /// At 1/3: `sampleRows` and a hundred keys; so few fit in a slice.
    private func filled(_ directory: TestDirectory) throws -> (NodeStore, rows: [Row]) {
        let (store, _) = try NodeStore.open(directory)
        try store.commit([write(entries(1...20), term: 1)])
        let rows = sampleRows + (0..<100).map { pair("/many/\(1000 + $0)") }
        try store.checkpoint(checkpoint(rows, at: position(3), counters: counters))
        (store.limits.whole, store.limits.slice) = (4096, 4096)
        return (store, rows)
    }

    /// Nearly everything goes, some rows change; at 1/9.
    private func next(_ rows: [Row]) throws -> (Checkpoint, rows: [Row]) {
        let changed = pair("/a", [7], revision: 3)
        let left = rows.prefix(5) + [changed] + rows.dropFirst(6).prefix(3)
        let changes =
            [RowChange(key: changed.key, row: changed)] + rows.dropFirst(9).map { RowChange(key: $0.key, row: nil) }
        let checkpoint = Checkpoint(
            position: position(9), changes: changes, counters: counters,
            digest: try machine(Array(left), counters).digest, compactThrough: position(5))
        return (checkpoint, Array(left))
    }

    @Test func aSmallOneIsOneTransaction() throws {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        try store.commit([write(entries(1...3), term: 1)])
        #expect(try store.checkpoint(checkpoint(sampleRows, at: position(3), counters: counters)))
        #expect(!store.isCheckpointing)
        #expect(try store.continueCheckpoint())
    }

    /// After each transaction a crash leaves the one state or the other, and `verify` agrees. The log goes on meanwhile.
    @Test func aCrashBetweenSlicesLeavesOneOfBothStates() throws {
        let directory = try TestDirectory()
        let (store, rows) = try filled(directory)
        let (checkpoint, left) = try next(rows)
        let digests = [try machine(rows, counters).digest, checkpoint.digest]
        var isDone = try store.checkpoint(checkpoint)
        var seen: [LogPosition] = []
        var last: UInt64 = 20
        while true {
            let image = try directory.crashImage()
            let report = try Verification.verify(directory: image.path)
            #expect(report.findings == [])
            let node = try reopen(image)
            #expect(node.applied == position(3) || node.applied == position(9))
            #expect(node.metadata.digest == digests[node.applied == position(3) ? 0 : 1])
            #expect(report.digest == node.metadata.digest && report.applied == node.applied)
            #expect(node.entries.last?.index == LogIndex(last))
            // What the restart has finished stays so.
            #expect(try Verification.verify(directory: image.path).isSound)
            #expect(try image.sql("SELECT count(*) FROM changed_kv") == ["0"])
            #expect(try image.sql("SELECT changed_from || ' ' || changed_to FROM checkpoint") == ["0 0"])
            seen.append(node.applied)
            if isDone { break }
            last += 1
            try store.commit([write([entry(last)])])
            isDone = try store.continueCheckpoint()
        }
        #expect(seen.count > 20 && seen.first == position(3) && seen.last == position(9))
        #expect(seen == seen.sorted { $0.index < $1.index })
        #expect(seen.count { $0 == position(3) } > 8 && seen.count { $0 == position(9) } > 8)
        let node = try reopen(directory.crashImage())
        #expect(node.logBase == position(5))
        var kept: [Row] = []
        node.metadata.forEachRow { kept.append($0) }
        #expect(kept.count == left.count && left.allSatisfy(kept.contains))
    }

    /// Its rows would come over those of the snapshot.
    @Test func aSnapshotOvertakesIt() throws {
        for slices in [1, 7, 18] {
            let directory = try TestDirectory()
            let (store, rows) = try filled(directory)
            try store.checkpoint(next(rows).0)
            for _ in 0..<slices { #expect(try !store.continueCheckpoint()) }
            try store.beginStaging()
            try store.stage(sampleRows)
            let digest = try machine(sampleRows, counters).digest
            guard
                case .installed = try store.installStaged(position: position(30), counters: counters, digest: digest)
            else {
                Issue.record("rejected")
                return
            }
            #expect(!store.isCheckpointing)
            let node = try reopen(directory.crashImage())
            #expect(node.applied == position(30) && node.metadata.digest == digest)
        }
    }

    @Test func anOrderlyEndBetweenSlicesLosesNothing() throws {
        for slices in [1, 18] {
            let directory = try TestDirectory()
            let (store, rows) = try filled(directory)
            let (checkpoint, _) = try next(rows)
            try store.checkpoint(checkpoint)
            for _ in 0..<slices { #expect(try !store.continueCheckpoint()) }
            try store.close()
            #expect(try Verification.verify(directory: directory.path).isSound)
            let (again, node) = try NodeStore.open(directory)
            #expect(node.applied == position(slices == 1 ? 3 : 9))
            if slices == 1 { try again.checkpoint(checkpoint) }
            #expect(try reopen(directory.crashImage()).metadata.digest == checkpoint.digest)
        }
    }

    /// A copy of a node's files is not written to before its identity is.
    @Test func aCopyIsFinishedWhenItIsTakenOver() throws {
        let directory = try TestDirectory()
        let (store, rows) = try filled(directory)
        try store.store(sampleIdentity)
        let (checkpoint, _) = try next(rows)
        try store.checkpoint(checkpoint)
        for _ in 0..<18 { #expect(try !store.continueCheckpoint()) }
        let copy = try TestDirectory()
        for name in ["node.db", "node.db-wal"] { try copy.write(directory.bytes(of: name), to: name) }
        let (taken, node) = try NodeStore.open(copy)
        #expect(node.copy != nil && node.metadata.digest == checkpoint.digest)
        #expect(try copy.sql("SELECT count(*) FROM changed_kv", readOnly: true) != ["0"])
        try taken.store(node.identity)
        #expect(try copy.sql("SELECT count(*) FROM changed_kv", readOnly: true) == ["0"])
        #expect(try reopen(copy.crashImage()).metadata.digest == checkpoint.digest)
    }

    /// The log behind it goes in steps as well.
    @Test func theLogIsDeletedInSteps() throws {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        try store.commit([write(entries(1...20), term: 1)])
        var checkpoint = try checkpoint(
            [pair("/a")], at: position(18), counters: counters, compactThrough: position(17))
        checkpoint.compactionSteps = [position(5), position(10)]
        var bases: [LogPosition] = []
        var isDone = try store.checkpoint(checkpoint)
        while true {
            let node = try reopen(directory.crashImage())
            #expect(node.applied == position(18))
            bases.append(node.logBase)
            if isDone { break }
            isDone = try store.continueCheckpoint()
        }
        #expect(bases == [position(5), position(10), position(17)])
    }
}
