import Metadata
import Testing

@Suite struct KeyValueTests {
    @Test func aPutCreatesAndOverwrites() {
        var machine = Machine()
        let first = KeyValue(key: Key("/a"), value: Array("1".utf8), createRevision: 1, modRevision: 1, version: 1)
        #expect(
            machine.put("/a", "1")
                == Outcome(result: .put(modRevision: 1, version: 1), changes: [.keyPut(first, previous: nil)]))
        machine.put("/b")
        let second = KeyValue(key: Key("/a"), value: Array("2".utf8), createRevision: 1, modRevision: 3, version: 2)
        #expect(
            machine.put("/a", "2")
                == Outcome(result: .put(modRevision: 3, version: 2), changes: [.keyPut(second, previous: first)]))
        #expect(machine.state.value(Key("/a")) == second)
        #expect(machine.state.counters == Counters(version: 0, revision: 3))
        #expect(machine.state.keyCount == 2)
        #expect(machine.state.value(Key("/c")) == nil)
    }

    @Test func aDeletedKeyStartsAnew() {
        var machine = Machine()
        machine.put("/a")
        machine.put("/a")
        let last = machine.state.value(Key("/a"))!
        #expect(
            machine.delete("/a") == Outcome(result: .deleted(count: 1, revision: 3), changes: [.keyDeleted(last)]))
        #expect(machine.delete("/a").refusal == .unknownKey(Key("/a")))
        #expect(machine.state.counters.revision == 3)
        machine.put("/a")
        #expect(machine.state.value(Key("/a"))!.createRevision == 4)
        #expect(machine.state.value(Key("/a"))!.version == 1)
    }

    @Test func preconditionsOfPut() {
        var machine = Machine()
        #expect(machine.put("/a", "", .modRevision(1)).refusal == .revisionMismatch(present: nil))
        #expect(machine.put("/a", "", .absent).result == .put(modRevision: 1, version: 1))
        #expect(machine.put("/a", "", .absent).refusal == .revisionMismatch(present: 1))
        #expect(machine.put("/a", "", .modRevision(2)).refusal == .revisionMismatch(present: 1))
        #expect(machine.put("/a", "", .modRevision(0)).refusal == .revisionMismatch(present: 1))
        #expect(machine.state.counters.revision == 1)
        #expect(machine.put("/a", "", .modRevision(1)).result == .put(modRevision: 2, version: 2))
    }

    @Test func preconditionsOfDelete() {
        var machine = Machine()
        #expect(machine.delete("/a", .modRevision(1)).refusal == .revisionMismatch(present: nil))
        #expect(machine.delete("/a", .absent).refusal == .unknownKey(Key("/a")))
        machine.put("/a")
        #expect(machine.delete("/a", .absent).refusal == .revisionMismatch(present: 1))
        #expect(machine.delete("/a", .modRevision(2)).refusal == .revisionMismatch(present: 1))
        #expect(machine.delete("/a", .modRevision(1)).result == .deleted(count: 1, revision: 2))
    }

    @Test func aSubtreeIsDeletedInOneRevision() {
        var machine = Machine()
        for key in ["/a", "/a/b", "/a/b/c", "/a/z", "/a-b", "/a.b", "/a0", "/b"] { machine.put(key) }
        let pairs = ["/a/b", "/a/b/c", "/a/z"].map { machine.state.value(Key($0))! }
        let outcome = machine.delete("/a", recursive: true)
        #expect(outcome.result == .deleted(count: 3, revision: 9))
        guard case .keysDeleted(let deleted)? = outcome.changes.first else {
            Issue.record("\(outcome)")
            return
        }
        #expect(outcome.changes.count == 1 && Array(deleted) == pairs)
        #expect(machine.delete("/a", recursive: true).refusal == .unknownKey(Key("/a")))
        #expect(machine.state.keyCount == 5)
        #expect(machine.delete("/", recursive: true).result == .deleted(count: 5, revision: 10))
        #expect(machine.delete("/", recursive: true).refusal == .unknownKey(Key("/")))
        #expect(machine.state.keyCount == 0)
        #expect(machine.state.digest == MetadataStateMachine(counters: Counters(revision: 10)).digest)
    }

    @Test func aSubtreeHasNoRevisionToCompare() {
        var machine = Machine()
        machine.put("/a/b")
        #expect(machine.delete("/a", recursive: true, .modRevision(1)).refusal == .invalidCommand)
        #expect(machine.delete("/a", recursive: true, .absent).refusal == .invalidCommand)
    }

    @Test(arguments: ["", "/", "a", "/a/", "/a//b", "/a/../b", "/" + String(repeating: "a", count: 4096)])
    func nonsenseIsRefused(key: String) {
        var machine = Machine()
        #expect(machine.put(key) == Outcome(result: .refused(.invalidCommand)))
        #expect(machine.delete(key).refusal == .unknownKey(Key(key)))
        #expect(machine.state.counters.revision == 0)
    }

    @Test func aCopyIsAnImage() {
        var machine = Machine()
        for number in 0..<1000 { machine.put("/a/\(number)", "old") }
        let image = machine
        let rows = image.rows
        for number in 0..<1000 { machine.put("/a/\(number)", "new") }
        machine.delete("/a", recursive: true)
        #expect(image.rows == rows)
        #expect(image.state.value(Key("/a/500"))!.value == Array("old".utf8))
    }
}
