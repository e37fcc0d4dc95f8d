import Metadata
import Raft
import Storage
import Testing

/// What keys were, on the disk; and that programs which know nothing of it are kept away.
@Suite struct LevelTableTests {
    /// A state and a store that follows it.
    private struct Follower {
        let directory: TestDirectory
        let store: NodeStore
        var state = MetadataStateMachine()
        private var last: UInt64 = 0

        init() throws {
            directory = try TestDirectory()
            store = try NodeStore.open(directory).0
            try store.commit([write(term: 1)])
        }

        /// As the node does: the entries, then a checkpoint of what they came to.
        mutating func apply(_ commands: [Command]) throws {
            let types = commands.map { if case .raiseLevel = $0 { Command.levelType } else { "PUT" } }
            let entries = types.map { type in
                last += 1
                return LogEntry(index: LogIndex(last), term: Term(1), type: type, data: [1], timestamp: 1)
            }
            try store.commit([write(entries)])
            for command in commands { _ = state.apply(command, timestamp: 1) }
            let checkpoint = Checkpoint(
                position: position(last), changes: state.takeRowChanges(), counters: state.counters,
                digest: state.digest, compactThrough: nil)
            guard try !store.checkpoint(checkpoint) else { return }
            while try !store.continueCheckpoint() {}
        }

        /// Whether a start after a crash finds the same, and can tell the same of the past.
        func check() throws {
            let found = try reopen(directory.crashImage()).metadata
            #expect(found.digest == state.digest && found.counters == state.counters)
            for revision in state.oldestRevision...state.counters.revision {
                for key in ["/a", "/b", "/d/1", "/d/2"].map({ Key(validated: Array($0.utf8)) }) {
                    #expect(try found.value(key, at: revision) == state.value(key, at: revision))
                }
            }
        }
    }

    private func put(_ key: String, _ value: String) -> Command {
        .put(Put(key: Key(validated: Array(key.utf8)), value: Array(value.utf8)))
    }

    private func delete(_ key: String, recursive: Bool = false) -> Command {
        .delete(Delete(key: Key(validated: Array(key.utf8)), isRecursive: recursive))
    }

    @Test("the first entry that raises the level changes the schema in its own transaction, none before does")
    func schemaFollowsTheLog() throws {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        try store.commit([write([entry(1)], term: 1)])
        #expect(try directory.sql("PRAGMA user_version", readOnly: true) == ["3"], "the release before can read it")
        let raise = LogEntry(index: LogIndex(2), term: Term(1), type: Command.levelType, data: [], timestamp: 1)
        try store.commit([write([raise])])
        #expect(try directory.sql("PRAGMA user_version", readOnly: true) == ["5"])
        #expect(try reopen(directory.crashImage()).metadata.counters.level == 1, "the checkpoint stands before it")
    }

    @Test func thePastIsStoredAndShown() throws {
        var follower = try Follower()
        try follower.apply([put("/a", "1"), put("/b", "x")])
        try follower.apply([.raiseLevel(to: 2), put("/a", "2"), put("/d/1", "p"), put("/d/2", "q")])
        try follower.check()
        try follower.apply([put("/a", "3"), delete("/b"), delete("/d", recursive: true), put("/b", "y")])
        try follower.check()
        let history =
            "SELECT revision||' '||key||' '||coalesce(value,'-')||' '||deleted FROM kv_history ORDER BY 1, key"
        #expect(
            try follower.directory.sql(history, readOnly: true) == [
                "1 /a 1 0", "2 /b x 0", "3 /a 2 0", "4 /d/1 p 0", "5 /d/2 q 0", "7 /b - 1", "8 /d/1 - 1", "8 /d/2 - 1",
            ])
        try follower.store.close()
        #expect(try Verification.verify(directory: follower.directory.path).isSound)
    }

    @Test("what a compaction gives up goes bit by bit, and is not there before it has gone")
    func compactionForgets() throws {
        var follower = try Follower()
        try follower.apply([.raiseLevel(to: 2)] + (0..<2500).map { put("/a", "\($0)") })
        #expect(try follower.directory.sql("SELECT count(*) FROM kv_past", readOnly: true) == ["2499"])
        try follower.apply([.compactHistory(through: 2400)])
        #expect(try follower.directory.sql("SELECT min(ended), count(*) FROM kv_past", readOnly: true) == ["2401"])
        #expect(try follower.directory.sql("SELECT count(*) FROM kv_past", readOnly: true) == ["101"])
        try follower.check()
        // As a crash between two bits leaves it.
        let image = try follower.directory.crashImage()
        try image.sql("INSERT INTO kv_past VALUES (7, 0, '/a', 'v', 1, 6, 6, NULL, NULL, 0)")
        #expect(try image.sql("SELECT count(*) FROM kv_history") == ["101"])
        #expect(try reopen(image).metadata.digest == follower.state.digest)
    }

    @Test func inSlicesToo() throws {
        var follower = try Follower()
        (follower.store.limits.whole, follower.store.limits.slice) = (1, 3000)
        try follower.apply([.raiseLevel(to: 2)] + (0..<40).map { put("/d/\($0 % 3)", "\($0)") })
        try follower.apply([delete("/d", recursive: true), .compactHistory(through: 20)])
        try follower.check()
    }

    @Test func aSnapshotBringsThePast() throws {
        var follower = try Follower()
        try follower.apply([put("/a", "1")])
        var state = MetadataStateMachine()
        for command in [.noop(clusterID: "c1"), put("/a", "1"), .raiseLevel(to: 2), put("/a", "2"), delete("/a")] {
            _ = state.apply(command, timestamp: 1)
        }
        var rows: [Row] = []
        state.forEachRow { rows.append($0) }
        try follower.store.beginStaging()
        try follower.store.stage(rows)
        guard
            case .installed(let installed) = try follower.store.installStaged(
                position: position(20), counters: state.counters, digest: state.digest)
        else { return #expect(Bool(false), "it was not installed") }
        #expect(installed.digest == state.digest)
        follower.state = state
        try follower.check()
        #expect(try follower.directory.sql("SELECT count(*) FROM kv_history", readOnly: true) == ["3"])
    }

    @Test func incarnationsOfBrokersAreColumns() throws {
        var follower = try Follower()
        let first = String(repeating: "a", count: 32)
        let register = { (id: BrokerID) in
            Command.registerBroker(
                RegisterBroker(id: id, host: "h", port: 1, incarnation: .init(id: first)))
        }
        let plain = Command.registerBroker(RegisterBroker(id: 3, host: "h", port: 1))
        try follower.apply([.raiseLevel(to: 3), register(1), register(2), plain])
        try follower.apply([
            .changeBrokerState(ChangeBrokerState(id: 2, epoch: 2, state: .active, timestamp: 1)),
            .changeBrokerState(ChangeBrokerState(id: 2, epoch: 2, state: .controlledShutdown, timestamp: 1)),
        ])
        try follower.check()
        #expect(
            try follower.directory.sql(
                "SELECT id || '|' || status || coalesce('|' || epoch || '|' || state, '') || coalesce('|' || shutdown_version, '') FROM broker ORDER BY id",
                readOnly: true)
                == ["1|OFFLINE|1|FENCED", "2|OFFLINE|2|SHUTDOWN|5", "3|ONLINE"])
        try follower.store.close()
        #expect(try Verification.verify(directory: follower.directory.path).isSound)
        for damage in ["state = 'ACTIVE'", "epoch = 9", "incarnation_id = NULL", "shutdown_version = 4"] {
            let image = try follower.directory.crashImage()
            try image.sql("UPDATE broker SET \(damage) WHERE id = 1")
            #expect(try !Verification.verify(directory: image.path).isSound, "\(damage)")
        }
    }

    @Test func thePlacementIsAColumn() throws {
        var follower = try Follower()
        try follower.apply([.raiseLevel(to: 4), put("/a", "1")])
        let level = "SELECT metadata_version || ' ' || coalesce(placement_version, '-') FROM level"
        #expect(try follower.directory.sql(level, readOnly: true) == ["4 -"])
        let before = try follower.directory.sql("SELECT checksum FROM level", readOnly: true)
        try follower.apply([.raiseLevel(of: .placement, to: 2)])
        try follower.check()
        #expect(try follower.directory.sql(level, readOnly: true) == ["4 2"])
        #expect(try follower.directory.sql("SELECT checksum FROM level", readOnly: true) != before)
        try follower.store.close()
        #expect(try Verification.verify(directory: follower.directory.path).isSound)
        for damage in ["NULL", "1", "3"] {
            let image = try follower.directory.crashImage()
            try image.sql("UPDATE level SET placement_version = \(damage)")
            #expect(try !Verification.verify(directory: image.path).isSound, "\(damage)")
        }
    }

    /// As the release before left it.
    @Test func aLevelWithoutPlacementIsRead() throws {
        var follower = try Follower()
        try follower.apply([.raiseLevel(to: 4), put("/a", "1")])
        try follower.store.close()
        for column in ["placement_version", "next_producer_id", "producer_checksum"] {
            try follower.directory.sql("ALTER TABLE level DROP COLUMN \(column)")
        }
        let before = try follower.directory.contents()
        #expect(try Verification.verify(directory: follower.directory.path).isSound)
        #expect(try follower.directory.contents() == before)
        let (store, node) = try NodeStore.open(follower.directory)
        #expect(node.metadata.digest == follower.state.digest && node.metadata.counters.level == 4)
        try store.close()
        #expect(try follower.directory.sql("SELECT count(placement_version) FROM level") == ["0"])
    }

    @Test func producerIDsAreAColumn() throws {
        var follower = try Follower()
        let register = Command.registerBroker(RegisterBroker(id: 1, host: "h", port: 1))
        let allocate = Command.allocateProducerIDs(AllocateProducerIDs(broker: 1))
        try follower.apply([.raiseLevel(to: 5), register])
        let next = "SELECT coalesce(next_producer_id, '-') FROM level"
        #expect(try follower.directory.sql(next, readOnly: true) == ["-"])
        let checksum = try follower.directory.sql("SELECT checksum FROM level", readOnly: true)
        try follower.apply([allocate, allocate])
        #expect(
            try follower.directory.sql("SELECT checksum FROM level", readOnly: true) == checksum,
            "the release before would take the row for damaged, before it sees that it is not for it")
        #expect(try follower.directory.sql(next, readOnly: true) == ["2000"])
        try follower.check()
        try follower.apply([allocate])
        try follower.check()
        try follower.store.close()
        for damage in [
            "next_producer_id = NULL", "next_producer_id = 2000", "placement_version = 2", "producer_checksum = NULL",
        ] {
            let image = try follower.directory.crashImage()
            try image.sql("UPDATE level SET \(damage)")
            #expect(try !Verification.verify(directory: image.path).isSound, "\(damage)")
        }
    }

    private static let groupCommands: [Command] =
        [.raiseLevel(to: 5)] + (1...2).map { .registerBroker(RegisterBroker(id: $0, host: "h", port: 1)) }
        + ["a", "b", "c"].map { .group(.find(topic: "t", appID: $0)) }

    @Test(arguments: [1, 1_000_000]) func groupsAreATable(whole: Int) throws {
        var follower = try Follower()
        (follower.store.limits.whole, follower.store.limits.slice) = (whole, 3000)
        try follower.apply(Self.groupCommands)
        try follower.check()
        try follower.apply([.group(.delete("G_t_a", by: 1)), .group(.move("G_t_c", to: 2))])
        try follower.check()
        let rows = "SELECT id || ' ' || topic || ' ' || app_id || ' ' || leader FROM consumer_group"
        #expect(try follower.directory.sql(rows, readOnly: true) == ["G_t_b t b 2", "G_t_c t c 2"])
        try follower.store.close()
        #expect(try Verification.verify(directory: follower.directory.path).isSound)
        for damage in ["id = 'G_t_d'", "app_id = 'd'", "leader = 1", "leader = 9", "modified_at = 7"] {
            let image = try follower.directory.crashImage()
            try image.sql("UPDATE consumer_group SET \(damage) WHERE id = 'G_t_b'")
            #expect(try !Verification.verify(directory: image.path).isSound, "\(damage)")
        }
    }

    /// The table came later than the others: who only reads does not need it, who writes adds it.
    @Test func aDatabaseWithoutGroupsIsRead() throws {
        var follower = try Follower()
        try follower.apply([.raiseLevel(to: 4), put("/a", "1")])
        try follower.store.close()
        for table in ["consumer_group", "changed_consumer_group"] { try follower.directory.sql("DROP TABLE \(table)") }
        let before = try follower.directory.contents()
        #expect(try Verification.verify(directory: follower.directory.path).isSound)
        #expect(try follower.directory.contents() == before)
        let (store, node) = try NodeStore.open(follower.directory)
        #expect(node.metadata.digest == follower.state.digest)
        try store.close()
        #expect(try follower.directory.sql("SELECT count(*) FROM consumer_group") == ["0"])
    }

    @Test func aSnapshotBringsGroups() throws {
        let follower = try Follower()
        var state = MetadataStateMachine()
        for command in Self.groupCommands { _ = state.apply(command, timestamp: 1) }
        var rows: [Row] = []
        state.forEachRow { rows.append($0) }
        try follower.store.beginStaging()
        try follower.store.stage(rows)
        guard
            case .installed(let installed) = try follower.store.installStaged(
                position: position(20), counters: state.counters, digest: state.digest)
        else { return #expect(Bool(false), "it was not installed") }
        #expect(installed.digest == state.digest && installed.groupCount == 3)
        #expect(try reopen(follower.directory.crashImage()).metadata.digest == state.digest)
    }

    /// The columns came later than the tables: who only reads does not need them, who writes adds them.
    @Test func tablesWithoutThemAreRead() throws {
        var follower = try Follower()
        try follower.apply([.registerBroker(RegisterBroker(id: 1, host: "h", port: 1)), put("/a", "1")])
        try follower.store.close()
        for table in ["broker", "changed_broker"] {
            for column in ["incarnation_id", "epoch", "state", "shutdown_version"] {
                try follower.directory.sql("ALTER TABLE \(table) DROP COLUMN \(column)")
            }
        }
        let before = try follower.directory.contents()
        #expect(try Verification.verify(directory: follower.directory.path).isSound)
        #expect(try follower.directory.contents() == before)
        let (store, node) = try NodeStore.open(follower.directory)
        #expect(node.metadata.digest == follower.state.digest)
        try store.close()
        #expect(
            try follower.directory.sql("SELECT count(epoch) FROM broker UNION SELECT count(epoch) FROM changed_broker")
                == ["0"])
    }

    @Test(arguments: [
        "UPDATE kv_past SET value = 'z' WHERE ended = 4", "DELETE FROM kv_past WHERE ended = 4",
        "UPDATE kv_past SET deleted = 1 WHERE ended = 4", "UPDATE kv_past SET ended = 9 WHERE ended = 4",
        "UPDATE level SET horizon = 3", "DELETE FROM level",
    ])
    func damageIsNoticed(sql: String) throws {
        var follower = try Follower()
        let puts = [put("/a", "2"), put("/b", "3"), put("/a", "4"), put("/b", "5")]
        try follower.apply([put("/a", "1"), .raiseLevel(to: 2)] + puts)
        try follower.store.close()
        #expect(try Verification.verify(directory: follower.directory.path).isSound)
        try follower.directory.sql(sql)
        #expect(throws: StorageError.self) { try reopen(follower.directory) }
        #expect(try !Verification.verify(directory: follower.directory.path).isSound)
    }
}
