import Metadata
import Server
import Wire

/// Some who watch brokers and topics, on any node, and go on elsewhere when theirs ends: what they believe after what they were
/// told is what was so at the version that they were brought to (contract §10).
final class ClusterWatchers: @unchecked Sendable {
    private let cluster: SimulatedCluster
    private var random: Randomness
    private let watchers = [Watcher(), Watcher()]

    private final class Watcher: @unchecked Sendable {
        var view = BrokerView()
        /// `nil` before it was told anything.
        var version: UInt64?
        var stream: Stream?
        let asking = Asking()
    }

    private struct Stream {
        let number: UInt64
        let node: SimulatedNode
        let incarnation: UInt64
        let bell: Bell
    }

    private static let invariant = "Watches of the cluster tell what is so"

    init(cluster: SimulatedCluster, random: Randomness) {
        self.cluster = cluster
        self.random = random
    }

    /// In one story of eight: each look is a turn of a node, and costs its time.
    func start(until end: VirtualTime) {
        guard cluster.seed % 8 == 3 else { return }
        for watcher in watchers { next(watcher, until: end) }
    }

    private func next(_ watcher: Watcher, until end: VirtualTime) {
        cluster.timeline.schedule(after: random.time(milliseconds: 5...150)) { [self] in
            guard cluster.timeline.now < end else { return }
            if let stream = watcher.stream, !stream.node.isUp || stream.node.incarnation != stream.incarnation {
                watcher.stream = nil
            }
            if !watcher.asking.isOpen {
                if let stream = watcher.stream { ask(watcher, stream) } else { begin(watcher) }
            }
            // Now and then one goes elsewhere, or begins anew, for no reason.
            if random.chance(20) { leave(watcher) }
            if random.chance(50) { beginAnew(watcher) }
            next(watcher, until: end)
        }
    }

    /// `then` gets the answer, if one comes.
    private func expect<Answer>(
        _ watcher: Watcher, _ then: @escaping (Answer) -> Void
    ) -> @Sendable (Result<Answer, RequestFailure>) -> Void {
        watcher.asking.begin(cluster.timeline) { result in if case .success(let answer) = result { then(answer) } }
    }

    private func begin(_ watcher: Watcher) {
        let node = random.pick(cluster.nodes)
        guard node.isUp else { return }
        let (bell, incarnation) = (Bell(), node.incarnation)
        let completion = expect(watcher) { number in
            watcher.stream = Stream(number: number, node: node, incarnation: incarnation, bell: bell)
        }
        node.post(.watchMetadata(wake: { bell.hasRung = true }, completion))
    }

    private func leave(_ watcher: Watcher) {
        guard let stream = watcher.stream else { return }
        watcher.stream = nil
        if stream.node.incarnation == stream.incarnation { stream.node.post(.unwatchMetadata(stream.number)) }
    }

    private func beginAnew(_ watcher: Watcher) {
        (watcher.version, watcher.view) = (nil, BrokerView())
        // What it gets may have been made a moment ago.
        watcher.stream?.bell.hasRung = true
    }

    private func ask(_ watcher: Watcher, _ stream: Stream) {
        let version = watcher.version
        let completion = expect(watcher) { [self] (news: MetadataNews) in
            // One that it has left meanwhile need not ring any more.
            guard watcher.version == version, watcher.stream?.bell === stream.bell else { return }
            guard !news.updates.isEmpty else {
                stream.bell.hasRung = false
                return
            }
            // The ledger follows when the node's turn is over, and what rings does so at its end.
            cluster.timeline.schedule(after: .zero) { [self] in
                if watcher.version == version { take(news, watcher, stream) }
            }
        }
        stream.node.post(.metadataNews(after: version, completion))
    }

    private func take(_ news: MetadataNews, _ watcher: Watcher, _ stream: Stream) {
        cluster.trace.record(
            .complete, node: stream.node.id, news.version,
            "watch of the cluster after \(watcher.version ?? 0) told of \(news.updates.count) updates")
        if let finding = finding(news, watcher, stream) {
            cluster.violated(Self.invariant, "node \(stream.node.id): \(finding)")
        }
    }

    private func finding(_ news: MetadataNews, _ watcher: Watcher, _ stream: Stream) -> String? {
        if let version = watcher.version, news.version <= version { return "\(news.version) follows \(version)" }
        if !stream.bell.hasRung { return "there is news, and it does not ring" }
        for update in news.updates {
            do throws(JSONInputError) { watcher.view.fold(try Push(update.body)) } catch { return "\(error)" }
        }
        watcher.version = news.version
        guard let right = cluster.ledger.model.cluster(at: news.version) else {
            return "version \(news.version), committed is \(cluster.ledger.model.version)"
        }
        return watcher.view.difference(from: right, version: news.version)
    }
}
