import Metadata
import Testing

@Suite struct KeyTreeTests {
    func pair(_ number: Int, _ version: UInt64 = 1) -> KeyValue {
        let digits = String(number)
        let text = "/k/" + String(repeating: "0", count: 8 - digits.count) + digits
        return KeyValue(key: Key(text), value: [], createRevision: 1, modRevision: 1, version: version)
    }

    func pairs(_ tree: KeyTree) -> [KeyValue] {
        var pairs: [KeyValue] = []
        tree.visitAll { pairs.append($0) }
        return pairs
    }

    @Test(arguments: [0, 1, 2]) func growsAndShrinksInAnyOrder(order: Int) {
        var generator = SeededGenerator(seed: 1)
        var numbers = Array(0..<10_000)
        if order == 1 { numbers.reverse() }
        if order == 2 { numbers.shuffle(using: &generator) }
        var tree = KeyTree()
        for number in numbers { tree.insert(pair(number)) }
        #expect(tree.defect() == nil)
        #expect(tree.count == 10_000)
        #expect(pairs(tree) == (0..<10_000).map { pair($0) })
        #expect(tree.last == pair(9_999).key)
        #expect(tree[pair(10_000).key] == nil)
        for number in numbers where number % 100 != 0 { #expect(tree.remove(pair(number).key)?.pair == pair(number)) }
        #expect(tree.defect() == nil)
        #expect(pairs(tree) == stride(from: 0, to: 10_000, by: 100).map { pair($0) })
        for number in numbers { _ = tree.remove(pair(number).key) }
        #expect(tree.count == 0)
        #expect(tree.last == nil)
        tree.append(pair(1))
        #expect(tree[pair(1).key] == pair(1))
    }

    @Test func appendingIsInserting() {
        var tree = KeyTree()
        for number in 0..<10_000 { tree.append(pair(number)) }
        #expect(tree.defect() == nil)
        #expect(pairs(tree) == (0..<10_000).map { pair($0) })
    }

    /// A sorted array is the measure.
    @Test(arguments: 0..<8) func doesWhatASortedArrayDoes(seed: Int) {
        var generator = SeededGenerator(seed: UInt64(seed))
        var tree = KeyTree()
        var model: [Int: UInt64] = [:]
        let span = [300, 3000, 30_000, 30_000][seed % 4]
        for step in 0..<6000 {
            let number = Int.random(in: 0..<span, using: &generator)
            let key = pair(number).key
            switch Int.random(in: 0..<100, using: &generator) {
            case 0..<(step % 2000 < 1200 ? 60 : 20):
                let version = UInt64(step)
                if tree.update(key, { $0.version = version }) == nil { tree.insert(pair(number, version)) }
                model[number] = version
            case 99:
                let end = number + Int.random(in: 0..<(span / 3), using: &generator)
                let expected = model.keys.filter { $0 >= number && $0 < end }.sorted()
                #expect(tree.count(from: key.bytes, before: pair(end).key.bytes) == expected.count)
                let (removed, _) = tree.removeAll(from: key.bytes, before: pair(end).key.bytes)
                #expect(removed.count == expected.count)
                #expect(Array(removed) == expected.map { pair($0, model[$0]!) })
                for number in expected { model[number] = nil }
            default:
                #expect(tree.remove(key)?.pair == model[number].map { pair(number, $0) })
                model[number] = nil
            }
            #expect(tree[key]?.version == model[number])
            if step % 200 == 0 {
                #expect(tree.defect() == nil)
                #expect(pairs(tree) == model.keys.sorted().map { pair($0, model[$0]!) })
            }
        }
    }

    /// Keys that share much, differ late or only in length, and hold the bytes that stand for the end of a key.
    @Test(arguments: 0..<4) func keysThatAreHardToTellApart(seed: Int) {
        var generator = SeededGenerator(seed: UInt64(seed))
        func randomBytes(_ lengths: ClosedRange<Int>) -> [UInt8] {
            let alphabet: [UInt8] = [0, 0, 0, 1, 47, 255]
            return (0..<Int.random(in: lengths, using: &generator)).map { _ in
                alphabet.randomElement(using: &generator)!
            }
        }
        let prefixes = (0..<5).map { _ in randomBytes(0...30) }
        var tree = KeyTree()
        var model: Set<Key> = []
        var present: [Key] = []
        for step in 0..<6000 {
            let key = Key(validated: prefixes.randomElement(using: &generator)! + randomBytes(0...12))
            #expect((tree[key] != nil) == model.contains(key))
            if Int.random(in: 0..<10, using: &generator) < (step < 4000 ? 8 : 2) {
                if model.insert(key).inserted {
                    tree.insert(KeyValue(key: key, value: [], createRevision: 1, modRevision: 1, version: 1))
                    present.append(key)
                }
            } else if !present.isEmpty {
                // Not from the set: its order is another one in each process.
                present.swapAt(Int.random(in: present.indices, using: &generator), present.count - 1)
                let existing = present.removeLast()
                #expect(tree.remove(existing)?.pair.key == existing)
                model.remove(existing)
            }
            guard step % 500 == 499 else { continue }
            #expect(tree.defect() == nil)
            let sorted = model.sorted()
            #expect(pairs(tree).map(\.key) == sorted)
            let (lower, upper) = (randomBytes(0...30), randomBytes(0...30))
            var visited: [Key] = []
            tree.visit(from: lower, before: upper) { pair in
                visited.append(pair.key)
                return true
            }
            let range = sorted.filter { !($0 < Key(validated: lower)) && $0 < Key(validated: upper) }
            #expect(visited == range)
        }
    }

    @Test func visitsARange() {
        var tree = KeyTree()
        for number in stride(from: 0, to: 20_000, by: 2) { tree.append(pair(number)) }
        func visit(_ lower: Int, _ upper: Int, limit: Int = .max) -> [KeyValue] {
            var visited: [KeyValue] = []
            tree.visit(from: pair(lower).key.bytes, before: pair(upper).key.bytes) {
                visited.append($0)
                return visited.count < limit
            }
            return visited
        }
        #expect(visit(0, 20_000).count == 10_000)
        #expect(visit(3, 9) == [4, 6, 8].map { pair($0) })
        #expect(visit(4, 8) == [4, 6].map { pair($0) })
        #expect(visit(9, 3).isEmpty)
        #expect(visit(19_999, 30_000).isEmpty)
        #expect(visit(127, 20_000, limit: 300) == (64..<364).map { pair($0 * 2) })
    }

    @Test func copiesAreIndependent() {
        var tree = KeyTree()
        for number in 0..<5000 { tree.append(pair(number)) }
        let copy = tree
        let (removed, _) = tree.removeAll(from: pair(1000).key.bytes, before: pair(4000).key.bytes)
        tree.insert(pair(6000))
        _ = tree.update(pair(1).key) { $0.version = 2 }
        #expect(pairs(copy) == (0..<5000).map { pair($0) })
        #expect(copy.defect() == nil)
        #expect(tree.count == 2001)
        #expect(Array(removed) == (1000..<4000).map { pair($0) })
        #expect(Array(removed) == (1000..<4000).map { pair($0) }, "they are read as often as wanted")
    }
}
