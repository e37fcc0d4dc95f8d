import Metadata
import Raft
import Server

/// Reads a node's checkpoint for its followers, beside the writer; one thing at a time, in order.
final class SimulatedSnapshots {
    private struct Reader {
        let peer: NodeID
        let rows: [Row]
        var offset = 0
    }

    private let node: SimulatedNode
    private let cluster: SimulatedCluster
    private let incarnation: UInt64
    private var readers: [Reader] = []
    private var freeAt = VirtualTime.zero

    init(node: SimulatedNode, cluster: SimulatedCluster) {
        self.node = node
        self.cluster = cluster
        incarnation = node.incarnation
    }

    private func enqueue(_ action: @escaping () -> Void) {
        freeAt = max(freeAt, cluster.timeline.now) + cluster.disks.random.time(microseconds: 100...5000)
        cluster.timeline.schedule(at: freeAt) { [self] in
            if incarnation == node.incarnation { action() }
        }
    }

    func open(for peer: NodeID) {
        enqueue { [self] in
            readers.removeAll { $0.peer == peer }
            guard !cluster.nemesis.takeSnapshotReadFailure() else {
                node.post(.snapshotUnreadable(for: peer, "simulated read error"))
                return
            }
            let image = node.image
            guard image.digest == cluster.ledger.digest(at: image.applied.index) else {
                // What a bit that flipped in memory wrote, in the moments before it is found out, would make a majority
                // that is wrong: no vote tells that.
                node.post(.snapshotUnreadable(for: peer, "simulated read error"))
                return
            }
            readers.append(Reader(peer: peer, rows: image.rows.inOrder))
            cluster.counts.snapshotsStarted += 1
            cluster.trace.record(
                .snapshot, node: node.id, image.applied.index.number, "open for n\(peer) at \(image.applied)")
            let description = SnapshotDescription(
                position: image.applied, counters: image.counters, digest: image.digest)
            node.post(.snapshotOpened(for: peer, description))
        }
    }

    func read(for peer: NodeID) {
        enqueue { [self] in
            guard let position = readers.firstIndex(where: { $0.peer == peer }) else { return }
            guard !cluster.nemesis.takeSnapshotReadFailure() else {
                node.post(.snapshotUnreadable(for: peer, "simulated read error"))
                return
            }
            let first = readers[position].offset
            let end = min(first + cluster.snapshotChunkRows, readers[position].rows.count)
            readers[position].offset = end
            node.post(.snapshotRead(for: peer, Array(readers[position].rows[first..<end])))
        }
    }

    func close(for peer: NodeID) {
        enqueue { [self] in readers.removeAll { $0.peer == peer } }
    }
}
