/// What is known of the history while rows are put back, in whatever order they come.
struct RestoringHistory: Sendable {
    /// Present pairs that were written behind the horizon.
    private var written: [KeyValue] = []
    /// In ascending order.
    private var ended: [PastVersion] = []

    mutating func add(written pair: KeyValue) { written.append(pair) }

    mutating func add(_ version: PastVersion, _ counters: Counters) throws(RestoreError) {
        if let last = ended.last, (last.ended, last.place) >= (version.ended, version.place) {
            throw Self.error(version, "comes behind number \(last.place) of revision \(last.ended)")
        }
        guard version.pair.isPlausible(at: counters.revision), version.pair.modRevision < version.ended,
            version.ended > counters.horizon, version.ended <= counters.revision
        else { throw Self.error(version, "has impossible revisions or version") }
        ended.append(version)
        if version.pair.modRevision > counters.horizon { written.append(version.pair) }
    }

    private static func error(_ version: PastVersion, _ text: String) -> RestoreError {
        RestoreError(description: "The version of \(version.pair.key) that revision \(version.ended) ended \(text).")
    }

    /// The history that these are all rows of.
    consuming func history(_ counters: Counters) throws(RestoreError) -> KeyHistory {
        var history = KeyHistory(horizon: counters.horizon)
        guard counters.horizon <= counters.revision,
            counters.revision - counters.horizon <= UInt64(written.count + ended.count)
        else {
            throw RestoreError(
                description: "There are too few versions for the revisions \(counters.horizon) to \(counters.revision)."
            )
        }
        let written = ByRevision(written, counters) { $0.modRevision }
        var rest = ended[...]
        for revision in (counters.horizon..<counters.revision).lazy.map({ $0 + 1 }) {
            let end = rest.firstIndex { $0.ended != revision } ?? rest.endIndex
            history.append(try Self.entry(revision, written[revision], rest[..<end]))
            rest = rest[end...]
        }
        return history
    }

    /// What one revision changed: it wrote some pairs, and ended some versions. Each change has its number.
    private static func entry(
        _ revision: UInt64, _ written: ArraySlice<KeyValue>, _ ended: ArraySlice<PastVersion>
    ) throws(RestoreError) -> KeyHistory.Entry {
        var entry = KeyHistory.Entry()
        var written = written.count > 1 ? written.sorted { $0.place < $1.place }[...] : written
        var rest = ended
        while !written.isEmpty || !rest.isEmpty {
            let place = UInt64(entry.changes.count)
            let pair = written.first.flatMap { $0.place == place ? written.popFirst() : nil }
            let version = rest.first.flatMap { $0.place == place ? rest.popFirst() : nil }
            switch (pair, version) {
            case (let pair?, nil): entry.changes.append(.keyPut(pair, previous: nil))
            case (let pair?, let version?) where version.pair.key == pair.key && !version.isDeletion:
                entry.changes.append(.keyPut(pair, previous: version.pair))
            case (nil, let version?) where version.isDeletion: entry.changes.append(.keyDeleted(version.pair))
            default: throw RestoreError(description: "Change \(place) of revision \(revision) is none.")
            }
        }
        guard !entry.changes.isEmpty else {
            throw RestoreError(description: "Revision \(revision) changed nothing.")
        }
        for version in ended {
            entry.past.add(
                KeyHistory.Past(
                    digest: Digest(
                        past: Digest(version.pair), count: 1, ended: revision, isDeletion: version.isDeletion),
                    versionCount: 1, byteCount: KeyHistory.versionBytes + version.pair.value.count))
        }
        entry.past.byteCount += KeyHistory.entryBytes
        return entry
    }
}

/// Elements sorted by the revision that they belong to, without comparing: there may be millions.
private struct ByRevision<Element> {
    private let sorted: [Element]
    /// Where those of each revision end, from the one behind the horizon on.
    private let ends: [Int]
    private let horizon: UInt64

    init(_ elements: [Element], _ counters: Counters, _ revision: (Element) -> UInt64) {
        horizon = counters.horizon
        var ends = [Int](repeating: 0, count: Int(counters.revision - horizon))
        for element in elements { ends[Int(revision(element) - horizon) - 1] += 1 }
        for index in ends.indices.dropFirst() { ends[index] += ends[index - 1] }
        self.ends = ends
        var places = [0] + ends
        var order = [Int](repeating: 0, count: elements.count)
        for (index, element) in elements.enumerated() {
            let slot = Int(revision(element) - horizon) - 1
            order[places[slot]] = index
            places[slot] += 1
        }
        sorted = order.map { elements[$0] }
    }

    subscript(_ revision: UInt64) -> ArraySlice<Element> {
        let slot = Int(revision - horizon) - 1
        return sorted[(slot == 0 ? 0 : ends[slot - 1])..<ends[slot]]
    }
}
