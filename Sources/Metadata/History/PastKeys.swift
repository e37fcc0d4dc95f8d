/// The keys of one range as they were at a revision: the present ones, but for those that have been changed since.
struct PastKeys {
    private let present: KeyTree
    /// In byte order; `nil` for a key that did not exist.
    private let changed: [(key: Key, was: KeyValue?)]

    init(present: KeyTree, changed: [Key: KeyValue?]) {
        self.present = present
        self.changed = changed.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// As ``KeyTree/visit(from:before:_:)``.
    func visit(from lower: [UInt8], before upper: [UInt8], _ body: (KeyValue) -> Bool) {
        var rest = changed[changed.partitioningIndex { !precedes($0.key.bytes, lower) }...]
        var goesOn = true
        /// Visits the changed ones before `key`; true if `key` itself is one of them.
        func visitChanged(before key: Key?) -> Bool {
            while goesOn, let next = rest.first, key.map({ !($0 < next.key) }) ?? precedes(next.key.bytes, upper) {
                rest = rest.dropFirst()
                if let was = next.was { goesOn = body(was) }
                if next.key == key { return true }
            }
            return false
        }
        present.visit(from: lower, before: upper) { pair in
            if !visitChanged(before: pair.key), goesOn { goesOn = body(pair) }
            return goesOn
        }
        if goesOn { _ = visitChanged(before: nil) }
    }
}
