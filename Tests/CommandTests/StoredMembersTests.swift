import FoundationEssentials
import Glibc
import Raft
import Storage
import Testing

@testable import dmq_metadata

/// `members set` and `members show`, on directories of nodes that were stopped.
@Suite struct StoredMembersTests {
    /// A folder with a services file of the nodes `listed` and the data of node 1, if it has members.
    private final class Folder {
        let path: String
        var services: String { path + "/services.json" }
        var data: String { path + "/data" }

        init(listed: [Int], members: [UInt64]) throws {
            var template = Array(("/tmp/dmq-members-" + String(repeating: "X", count: 6)).utf8CString)
            guard mkdtemp(&template) != nil else { throw SystemError(number: errno) }
            path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let nodes = listed.map { #"{"id":\#($0),"host":"h\#($0)","port":1}"# }.joined(separator: ",")
            try #"{"services":{"metadata-services":[\#(nodes)]}}"#
                .write(toFile: services, atomically: false, encoding: .utf8)
            if !members.isEmpty { try makeData(members) }
        }

        deinit { try? FileManager.default.removeItem(atPath: path) }

        private func makeData(_ members: [UInt64]) throws {
            let directory = DirectoryID(high: 1, low: 2)
            let store = try NodeStore(directory: data, node: NodeID(1), newDirectory: directory)
            var identity = try store.recover { _ in }.identity
            try identity.start(nonce: 5, members: members.map { NodeID($0) })
            identity.clusterID = "c1"
            identity.bornAt = 0
            try store.store(identity)
            try store.close()
        }

        func set() throws(CommandFailure) -> String {
            try StoredMembers.change(directory: data, servicesFile: services)
        }
    }

    private func failure(_ body: () throws(CommandFailure) -> String) -> CommandFailure? {
        do throws(CommandFailure) {
            Issue.record("accepted: \(try body())")
            return nil
        } catch {
            return error
        }
    }

    @Test func saysWhatWasAndWhatIs() throws {
        let folder = try Folder(listed: [3, 1, 2], members: [1])
        #expect(try folder.set() == "node 1: members 1 → 1, 2, 3")
        #expect(try folder.set() == "node 1: members 1, 2, 3, as before")
    }

    @Test func worksThroughASymbolicLink() throws {
        let folder = try Folder(listed: [1, 2], members: [1])
        let link = folder.path + "/link"
        #expect(symlink(folder.data, link) == 0)
        for target in [link, link + "/"] {
            let said = try StoredMembers.change(directory: target, servicesFile: folder.services)
            #expect(said.hasPrefix("node 1: members 1"))
        }
        #expect(try StoredMembers.show(directory: link).contains("node      1\n"))
        #expect(try Verification.verify(directory: folder.data).members.map(\.id.number) == [1, 2])
    }

    @Test func thereMayBeNothingToChange() throws {
        let folder = try Folder(listed: [1, 2], members: [])
        #expect(try folder.set() == "\(folder.data): holds no node's data, so there is nothing to change")
        #expect(access(folder.data, F_OK) != 0)
        #expect(mkdir(folder.data, 0o700) == 0)
        #expect(try folder.set() == "\(folder.data): holds no node's data, so there is nothing to change")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.data).isEmpty)
    }

    @Test func aListWithoutTheNodeIsRefused() throws {
        let folder = try Folder(listed: [2, 3], members: [1])
        let failure = failure { () throws(CommandFailure) in try folder.set() }
        #expect(failure?.status == .configuration)
        #expect(failure?.description.contains("none of the members 2, 3") == true)
    }

    @Test func theFileIsCheckedAsAtAStart() throws {
        let twice = try Folder(listed: [1, 1], members: [1])
        let failure = failure { () throws(CommandFailure) in try twice.set() }
        #expect(failure?.status == .configuration)
        #expect(failure?.description.contains("[1].id is 1, which another node has; ids are unique") == true)
        let missing = self.failure { () throws(CommandFailure) in
            try StoredMembers.change(directory: twice.data, servicesFile: "/none.json")
        }
        #expect(missing?.status == .configuration)
        #expect(missing?.description.contains("there is no such file") == true)
    }

    @Test func aRunningNodeIsLeftAlone() throws {
        let folder = try Folder(listed: [1, 2], members: [1])
        let store = try NodeStore(directory: folder.data, node: NodeID(1), newDirectory: DirectoryID(high: 1, low: 2))
        #expect(failure { () throws(CommandFailure) in try folder.set() }?.status == .temporaryFailure)
        try store.close()
    }

    @Test func damageIsNotTouched() throws {
        let folder = try Folder(listed: [1, 2], members: [1])
        #expect(unlink(folder.data + "/node.db") == 0)
        #expect(failure { () throws(CommandFailure) in try folder.set() }?.status == .dataError)
    }

    @Test func showsWhoIsWho() throws {
        let folder = try Folder(listed: [1, 2], members: [1, 2])
        #expect(
            try StoredMembers.show(directory: folder.data) == """
                node      1
                directory 00000000000000010000000000000002
                cluster   c1, born 1970-01-01T00:00:00Z
                MEMBER  DIRECTORY                         VOTE  START
                1       00000000000000010000000000000002  no    1
                2       unknown                           no    -
                """)
    }
}
