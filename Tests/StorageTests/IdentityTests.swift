import Metadata
import Raft
import Storage
import Testing

/// Who a node is outlives the process, as it was stored last.
@Suite struct IdentityTests {
    @Test func aNewDirectoryHasTheNameItWasGiven() throws {
        let directory = try TestDirectory()
        let (store, node) = try NodeStore.open(directory)
        #expect(node.identity == NodeIdentity(node: NodeID(1), directory: newDirectory))
        #expect(node.copy == nil)
        try store.close()
        let again = try NodeStore(
            directory: directory.path, node: NodeID(1), newDirectory: DirectoryID(high: 8, low: 9))
        #expect(try again.recover { _ in }.identity.directory == newDirectory)
    }

    static let identities: [NodeIdentity] = {
        var extreme = sampleIdentity
        extreme.clusterID = nil
        extreme.bornAt = nil
        extreme.directory = DirectoryID(high: .max, low: 0)
        extreme.run = Run(number: .max, nonce: 0)
        extreme.members = [
            KnownMember(
                id: NodeID(.max), directory: DirectoryID(high: 0, low: .max), generation: .max, isAdmitted: false,
                run: Run(number: 0, nonce: .max))
        ]
        extreme.electors = [NodeID(.max), NodeID(0)]
        extreme.isSettled = false
        extreme.floor = LogPosition(term: Term(.max), index: LogIndex(.max))
        return [sampleIdentity, extreme, NodeIdentity(node: NodeID(1), directory: newDirectory)]
    }()

    @Test(arguments: identities) func remembersAllOfIt(identity: NodeIdentity) throws {
        let directory = try TestDirectory()
        do {
            let (store, _) = try NodeStore.open(directory)
            try store.store(identity)
            // Not closed: as after a crash.
        }
        let (store, node) = try NodeStore.open(directory)
        #expect(node.identity == identity && node.copy == nil)
        try store.close()
        #expect(try reopen(directory).identity == identity)
    }

    @Test func isReadableInTheShell() throws {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        try store.store(sampleIdentity)
        #expect(
            try directory.sql("SELECT members FROM node", readOnly: true) == [
                #"[{"id":1,"directory":"00000000000000010000000000000002","generation":0,"admitted":true,"run":"7/3fa"},"#
                    + #"{"id":2,"directory":null,"generation":0,"admitted":false,"run":null}]"#
            ])
        #expect(
            try directory.sql(
                "SELECT json_extract(members, '$[0].run') || ' ' || json_array_length(electors) FROM node",
                readOnly: true) == ["7/3fa 2"])
        #expect(
            try directory.text(of: "node.lock").hasPrefix(
                "node 1 initialized\ndirectory \(newDirectory)\nrun 7/3fa\ninodes "))
        try store.close()
    }

    /// The name is known before the first entry, and the digest of the state must not change by it.
    @Test func theClusterIsNamedBeforeTheStateKnows() throws {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        try store.store(sampleIdentity)
        try store.commit([write(entries(1...3), term: 1)])
        try store.checkpoint(checkpoint([], at: position(2), counters: Counters()))
        try store.close()
        let (again, node) = try NodeStore.open(directory)
        #expect(node.identity.clusterID == "c1" && node.metadata.counters.clusterID == nil)
        try again.checkpoint(checkpoint([pair("/a")], at: position(3)))
        #expect(try directory.sql("SELECT cluster_id FROM checkpoint", readOnly: true) == ["c1"])
        try again.close()
        #expect(try reopen(directory).metadata.counters.clusterID == "c1")
    }

    @Test func takesTheNameOfTheStateButNeverAnother() throws {
        let directory = try TestDirectory()
        let (store, node) = try NodeStore.open(directory)
        try store.store(node.identity)
        try store.commit([write(entries(1...3), term: 1)])
        try store.checkpoint(checkpoint([pair("/a")], at: position(3)))
        try store.close()
        let (again, named) = try NodeStore.open(directory)
        #expect(named.identity.clusterID == "c1")
        var other = named.identity
        other.clusterID = "c2"
        guard case .foreign(let text)? = storageError({ try again.store(other) }) else {
            Issue.record("accepted")
            return
        }
        #expect(text.contains("belongs to cluster c2, but the state is that of cluster c1"))
    }
}
