import Metadata
import Storage
import Synchronization
import Testing

@testable import Server

/// Watches against what really happened: each change once, in order, none left out.
@Suite struct KeyWatchTests {
    private struct Random: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ (state >> 29)
        }
        mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }
    }

    /// A watch, and what it has told.
    private final class Listener {
        let watch: KeyWatch
        let after: UInt64
        var told: [KeyEvent] = []
        var progress: UInt64
        var oldest: UInt64?

        init(_ range: KeySpan, after: UInt64, _ watches: inout KeyWatches, _ state: MetadataStateMachine) {
            let counter = Counter()
            watch = watches.add(range, after: after, state) { counter.count.add(1, ordering: .relaxed) }
            self.counter = counter
            (self.after, progress) = (after, after)
        }

        final class Counter: Sendable { let count = Atomic(0) }
        let counter: Counter

        func read() {
            while oldest == nil {
                switch watch.next() {
                case .events(let events, _): told += events
                case .nothing(let revision):
                    progress = revision
                    return
                case .compacted(let revision): oldest = revision
                case .ended: return
                }
            }
        }
    }

    private func key(_ text: String) -> Key { Key(validated: Array(text.utf8)) }

    private func events(_ outcome: Outcome, _ revision: UInt64) -> [KeyEvent] {
        outcome.changes.flatMap { change -> [KeyEvent] in
            switch change {
            case .keyPut(let pair, let previous): [.put(pair, previous: previous)]
            case .keyDeleted(let pair): [.delete(revision: revision, previous: pair)]
            case .keysDeleted(let deleted): deleted.map { .delete(revision: revision, previous: $0) }
            default: []
            }
        }
    }

    private func command(_ random: inout Random, _ revision: UInt64) -> Command {
        let name = key(["/a", "/a/b", "/a/b/c", "/ab", "/d/e"][random.below(5)] + ["", "/x", "/y"][random.below(3)])
        switch random.below(20) {
        case 0: return .delete(Delete(key: key(["/a", "/", "/d"][random.below(3)]), isRecursive: true))
        case 6:
            // The keys of one revision in the order of the operations.
            let binary = Key(validated: [0xff, UInt8(random.below(3))])
            return .transaction(
                Transaction(success: [
                    .put(.init(key: binary, value: [1])), .delete(.subtree(of: key("/a/b"))),
                    .put(.init(key: key("/ab"), value: [2])), .delete(.prefix(Array("/d".utf8))),
                ]))
        case 1..<5: return .delete(Delete(key: name))
        case 5 where random.below(4) == 0: return .compactHistory(through: revision - UInt64(5 + random.below(30)))
        default: return .put(Put(key: name, value: [UInt8(random.below(256))]))
        }
    }

    @Test(arguments: 0..<30) func eachChangeOnceInOrder(seed: UInt64) {
        var random = Random(state: seed)
        var state = MetadataStateMachine()
        _ = state.apply(.raiseLevel(to: 2), timestamp: 0)
        for number in 0..<40 { _ = state.apply(.put(Put(key: key("/a/\(number % 7)"), value: [])), timestamp: 0) }
        var watches = KeyWatches(state)
        var listeners: [Listener] = []
        var history: [KeyEvent] = []
        let ranges: [KeySpan] = [
            .key(key("/a")), .key(key("/a/b/x")), .subtree(of: key("/")), .subtree(of: key("/a")),
            .subtree(of: key("/a/b")),
            .subtree(of: key("/none")), .range(from: Array("/a/".utf8), before: Array("/ab/x".utf8)), .prefix([0xff]),
            .range(from: [], before: nil),
        ]
        for _ in 0..<300 {
            for _ in 0...random.below(4) {
                let outcome = state.apply(command(&random, state.counters.revision), timestamp: 0)
                history += events(outcome, state.counters.revision)
            }
            watches.follow(state)
            let present = state.counters.revision
            if listeners.count < 8 {
                // Also from what has been, as far as the test knows it, and from what is still to come.
                let first = max(state.oldestRevision, 41)
                let after = [present, max(first, present - UInt64(random.below(20))), present + 3][random.below(3)]
                listeners.append(Listener(ranges[random.below(9)], after: after, &watches, state))
                listeners[listeners.count - 1].read()
            }
            if random.below(3) > 0 { listeners[random.below(listeners.count)].read() }
        }
        for listener in listeners {
            listener.read()
            let right = history.filter { listener.watch.range.contains($0.key) && $0.revision > listener.after }
            if let oldest = listener.oldest {
                #expect(listener.told == Array(right.prefix(listener.told.count)))
                let next = right.dropFirst(listener.told.count).first
                #expect(next.map { $0.revision <= oldest } ?? true, "nothing is given up that could be told")
            } else {
                #expect(listener.told == right)
                #expect(listener.progress >= max(listener.after, state.counters.revision))
            }
            watches.remove(listener.watch)
        }
        #expect(watches.count == 0)
    }

    @Test func whoIsNotConcernedIsNotWoken() {
        var state = MetadataStateMachine()
        _ = state.apply(.raiseLevel(to: 2), timestamp: 0)
        var watches = KeyWatches(state)
        let mine = Listener(.subtree(of: key("/mine")), after: 1, &watches, state)
        for name in ["/other", "/mine", "/minor/x", "/mine2/x"] {
            _ = state.apply(.put(Put(key: key(name), value: [])), timestamp: 0)
            watches.follow(state)
        }
        #expect(mine.counter.count.load(ordering: .relaxed) == 0)
        for name in ["/mine/a", "/mine/b"] {
            _ = state.apply(.put(Put(key: key(name), value: [])), timestamp: 0)
            watches.follow(state)
        }
        #expect(mine.counter.count.load(ordering: .relaxed) == 1, "not again before it has looked")
        mine.read()
        #expect(mine.told.map(\.revision) == [6, 7])
    }

    @Test("a subtree of any size is told in portions, all of it before what follows")
    func sweepsInPortions() {
        var state = MetadataStateMachine()
        _ = state.apply(.raiseLevel(to: 2), timestamp: 0)
        for number in 0..<1000 { _ = state.apply(.put(Put(key: key("/a/\(number)"), value: [])), timestamp: 0) }
        var watches = KeyWatches(state)
        let listener = Listener(.subtree(of: key("/")), after: 1001, &watches, state)
        _ = state.apply(.delete(Delete(key: key("/a"), isRecursive: true)), timestamp: 0)
        _ = state.apply(.put(Put(key: key("/b"), value: [])), timestamp: 0)
        watches.follow(state)
        guard case .events(let first, _) = listener.watch.next() else { return #expect(Bool(false)) }
        #expect(first.count == 256)
        listener.told = first
        listener.read()
        #expect(listener.told.count == 1001 && Set(listener.told.prefix(1000).map(\.revision)) == [1002])
        #expect(listener.told.last?.revision == 1003)
    }

    @Test func aSnapshotLeavesNothingOut() {
        var state = MetadataStateMachine()
        _ = state.apply(.raiseLevel(to: 2), timestamp: 0)
        var watches = KeyWatches(state)
        let listener = Listener(.key(key("/a")), after: 1, &watches, state)
        var snapshot = state
        for number in 0..<5 { _ = snapshot.apply(.put(Put(key: key("/a"), value: [UInt8(number)])), timestamp: 0) }
        watches.follow(snapshot)
        listener.read()
        #expect(listener.told.map(\.revision) == [2, 3, 4, 5, 6])
        for number in 5..<9 { _ = snapshot.apply(.put(Put(key: key("/a"), value: [UInt8(number)])), timestamp: 0) }
        _ = snapshot.apply(.compactHistory(through: 9), timestamp: 0)
        let ahead = Listener(.key(key("/a")), after: 8, &watches, state)
        watches.follow(snapshot)
        listener.read()
        #expect(listener.oldest == 9)
        ahead.read()
        #expect(ahead.oldest == 9, "it came from a node that had more than this one")
    }

    @Test("a key deeper than any watched directory, and more revisions than one turn looks at")
    func bounds() {
        let deep = key("/a" + String(repeating: "/b", count: 100))
        var state = MetadataStateMachine()
        _ = state.apply(.raiseLevel(to: 2), timestamp: 0)
        var watches = KeyWatches(state)
        let concerned = Listener(.subtree(of: key("/a/b")), after: 1, &watches, state)
        let other = Listener(.key(key("/none")), after: 1, &watches, state)
        for _ in 0..<5000 { _ = state.apply(.put(Put(key: key("/x"), value: [])), timestamp: 0) }
        _ = state.apply(.put(Put(key: deep, value: [])), timestamp: 0)
        watches.follow(state)
        for listener in [concerned, other] { listener.read() }
        #expect(concerned.told.map(\.revision) == [5002] && other.told.isEmpty && other.progress == 5002)
    }

    @Test func aNodeSetsBoundsAndEndsItsWatches() {
        let test = NodeUnderTest(members: 1) { $0.maximumWatches = 2 }.elected()
        let answers = Answers<Result<KeyWatch, WatchFailure>>()
        for _ in 0..<3 { test.process(.watch(.key(key("/a")), after: nil, wake: {}) { answers.add($0) }) }
        let watches = answers.all.compactMap { try? $0.get() }
        #expect(watches.count == 2)
        guard case .failure(.request(.overloaded)) = answers.all[2] else { return #expect(Bool(false)) }
        test.process(.unwatch(watches[0]))
        test.process(.watch(.key(key("/a")), after: nil, wake: {}) { answers.add($0) })
        #expect((try? answers.all[3].get()) != nil)
        test.put("/a")
        test.settle()
        guard case .events(let events, _) = watches[1].next() else { return #expect(Bool(false)) }
        #expect(events.count == 1)
        test.process(.diskFailed(.failed("broken")))
        guard case .ended = watches[1].next() else { return #expect(Bool(false)) }
        let early = NodeUnderTest(members: 1) { $0.newClusterLevel = 1 }.elected()
        early.process(.watch(.key(key("/a")), after: nil, wake: {}) { answers.add($0) })
        guard case .failure(.request(.levelTooLow)) = answers.all[4] else { return #expect(Bool(false)) }
    }
}
