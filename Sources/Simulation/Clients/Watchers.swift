import Metadata
import Raft
import Server

/// Some who want to know of each change of some keys: on any node, in order, each once, for as long as it is kept. They go
/// on elsewhere when their node ends.
final class Watchers: @unchecked Sendable {
    private let cluster: SimulatedCluster
    private var random: Randomness
    private var watchers: [Watcher] = []

    /// What one is at.
    private final class Watcher: @unchecked Sendable {
        let range: KeySpan
        var stream: Stream?
        /// All up to there has been told.
        var position: UInt64 = 0
        /// For a watch.
        let asking = Asking()

        init(_ range: KeySpan) { self.range = range }
    }

    /// One watch on one node.
    private struct Stream {
        let watch: KeyWatch
        let node: SimulatedNode
        let incarnation: UInt64
        let bell: Bell
        /// How many changes it has told.
        var told = 0
    }

    private static let invariant = "Watches tell what happened"

    init(cluster: SimulatedCluster, random: Randomness) {
        self.cluster = cluster
        self.random = random
        let subtrees = ["/", "/keys", "/scratch/1"].map { KeySpan.subtree(of: Key(validated: Array($0.utf8))) }
        // All, some in the middle, and those that are no paths.
        let others: [KeySpan] = [
            .range(from: [0], before: nil), .range(from: [1], before: [0x2f, 0x74]), .prefix([0xff]),
        ]
        watchers = (cluster.seed % 8 == 0 ? subtrees : others).map { Watcher($0) }
    }

    /// In one story of four: each look is a turn of a node, and costs its time.
    func start(until end: VirtualTime) {
        guard cluster.seed % 4 == 0 else { return }
        for watcher in watchers { next(watcher, until: end) }
    }

    private func next(_ watcher: Watcher, until end: VirtualTime) {
        cluster.timeline.schedule(after: random.time(milliseconds: 5...150)) { [self] in
            guard cluster.timeline.now < end else { return }
            if watcher.stream == nil, !watcher.asking.isOpen { begin(watcher) } else { read(watcher) }
            // Now and then one goes elsewhere for no reason.
            if random.chance(20) { leave(watcher) }
            next(watcher, until: end)
        }
    }

    private func begin(_ watcher: Watcher) {
        let node = random.pick(cluster.nodes)
        guard node.isUp else { return }
        let bell = Bell()
        let incarnation = node.incarnation
        let completion = watcher.asking.begin(cluster.timeline) { [self] (result: Result<KeyWatch, WatchFailure>) in
            switch result {
            case .success(let watch):
                cluster.trace.record(
                    .complete, node: node.id, watch.start, "watch of \(watch.range) after \(watch.start)")
                watcher.stream = Stream(watch: watch, node: node, incarnation: incarnation, bell: bell)
            case .failure(.revision(.compacted(let oldest))):
                // The ledger follows when the node's turn is over.
                cluster.timeline.schedule(after: .zero) { [self] in compacted(watcher, oldest) }
            case .failure: break
            }
        }
        node.post(.watch(watcher.range, after: watcher.position, wake: { bell.hasRung = true }, completion))
    }

    private func leave(_ watcher: Watcher) {
        guard let stream = watcher.stream else { return }
        watcher.stream = nil
        if stream.node.incarnation == stream.incarnation { stream.node.post(.unwatch(stream.watch)) }
    }

    private func compacted(_ watcher: Watcher, _ oldest: UInt64) {
        let horizon = cluster.ledger.model.keys.horizon ?? 0
        if oldest > horizon || oldest <= watcher.position {
            cluster.violated(
                Self.invariant, "\(watcher.position) is told to be gone, the oldest to be \(oldest), not \(horizon)")
        }
        watcher.position = oldest
        leave(watcher)
    }

    private func read(_ watcher: Watcher) {
        guard let stream = watcher.stream else { return }
        guard stream.node.isUp, stream.node.incarnation == stream.incarnation else { return leave(watcher) }
        while watcher.stream != nil {
            switch stream.watch.next() {
            case .events(let events, _): if !compare(events, watcher) { return }
            case .nothing(let revision): return settle(watcher, through: revision)
            case .compacted(let oldest): compacted(watcher, oldest)
            case .ended: leave(watcher)
            }
        }
    }

    /// What it should tell, all of it.
    private func right(_ stream: Stream) -> [KeysModel.Happening] {
        cluster.ledger.model.keys.happenings(after: stream.watch.start) { stream.watch.range.contains($0) }
    }

    private func compare(_ events: [KeyEvent], _ watcher: Watcher) -> Bool {
        guard let stream = watcher.stream else { return false }
        let found = events.map { KeysModel.Happening($0) }
        let expected = right(stream).dropFirst(stream.told).prefix(found.count)
        guard found == Array(expected) else {
            cluster.violated(Self.invariant, "node \(stream.node.id) tells \(found), right is \(Array(expected))")
            return false
        }
        if !found.isEmpty, !stream.bell.hasRung {
            cluster.violated(Self.invariant, "node \(stream.node.id) has changes to tell, and does not ring")
            return false
        }
        cluster.trace.record(
            .complete, node: stream.node.id, UInt64(found.count),
            "watch after \(stream.watch.start) told of \(found.map(\.revision))")
        watcher.stream?.told += found.count
        return true
    }

    /// It says that there is nothing more: then all up to there is told, and the node has no more.
    private func settle(_ watcher: Watcher, through revision: UInt64) {
        guard let stream = watcher.stream, let process = stream.node.process else { return }
        let missing = right(stream).dropFirst(stream.told).first { $0.revision <= revision }
        if let missing {
            cluster.violated(Self.invariant, "node \(stream.node.id) at revision \(revision) leaves out \(missing)")
        }
        if revision < process.metadata.counters.revision {
            cluster.violated(
                Self.invariant,
                "node \(stream.node.id) at revision \(process.metadata.counters.revision) tells up to \(revision)")
        }
        stream.bell.hasRung = false
        watcher.position = max(watcher.position, min(revision, cluster.ledger.model.keys.revision))
    }
}

extension KeysModel {
    /// One change of one key.
    struct Happening: Equatable {
        let key: Key
        let revision: UInt64
        /// Without the last byte, of which a bit may have flipped in memory; `nil` for a deletion.
        let bytes: [UInt8]?

        init(_ key: Key, _ version: Version) {
            (self.key, revision, bytes) = (key, version.revision, version.value.map { Array($0.bytes.dropLast()) })
        }

        init(_ event: KeyEvent) {
            switch event {
            case .put(let pair, _): (key, revision, bytes) = (pair.key, pair.modRevision, Array(pair.value.dropLast()))
            case .delete(let at, let previous): (key, revision, bytes) = (previous.key, at, nil)
            }
        }
    }

    /// What happened behind a revision to the keys that `isWanted` names, in order.
    func happenings(after revision: UInt64, _ isWanted: (Key) -> Bool) -> [Happening] {
        var happenings: [(number: Int, what: Happening)] = []
        for key in everNamed where isWanted(key) {
            for version in versions(of: key) where version.revision > revision {
                happenings.append((version.number, Happening(key, version)))
            }
        }
        return happenings.sorted { ($0.what.revision, $0.number) < ($1.what.revision, $1.number) }.map(\.what)
    }
}
