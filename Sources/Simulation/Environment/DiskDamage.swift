import Metadata
import Raft
import Storage

/// Bits that flip while nobody looks, and what the real store would notice them by: the same checksums, computed by
/// the same code over the same bytes.
extension DiskImage {
    /// What the real store keeps beside the data. Made when the first bit flips, of what is not damaged yet; that comes
    /// to the same as making it with each write.
    struct Checksums {
        /// Of each entry: its column in `raft_log`.
        private let entries: [UInt32]
        private let raftState: Int64
        private let checkpoint: Int64
        private let node: Int64

        init(of image: DiskImage, node id: NodeID) {
            entries = image.entries.map { LogChecksum.of($0) }
            var state = RaftStateRecord()
            state.hardState = image.hardState
            raftState = state.checksum
            checkpoint =
                CheckpointRecord(
                    applied: image.applied, logBase: image.logBase, counters: image.counters, digest: image.digest
                ).checksum
            node =
                NodeRecord(
                    image.identity ?? NodeIdentity(node: id, directory: DirectoryID(high: 0, low: 0))
                ).checksum
        }

        /// What fails its checksum in `image`, in the words of the real store.
        func finding(in image: DiskImage, node id: NodeID) -> String? {
            let now = Checksums(of: image, node: id)
            if node != now.node { return "the row of table node fails its checksum" }
            if raftState != now.raftState { return "the row of table raft_state fails its checksum" }
            if checkpoint != now.checkpoint { return "the row of table checkpoint fails its checksum" }
            guard let position = entries.indices.first(where: { entries[$0] != now.entries[$0] }) else { return nil }
            return "log entry \(image.entries[position].index) fails its checksum"
        }
    }

    /// Flips one bit of what is stored; says where. The rows' digest is stored with them, so what is damaged may be noticed
    /// by either.
    mutating func flipBit(node id: NodeID, _ random: inout Randomness) -> String {
        if checksums == nil { checksums = Checksums(of: self, node: id) }
        switch random.below(8) {
        case 0..<3 where !entries.isEmpty: return flipBitOfEntry(&random)
        case 3..<6: if let row = flipBitOfRow(&random) { return row }
        case 6:
            random.flipBit(of: &applied.index.number)
            return "checkpoint"
        default: break
        }
        if let candidate = hardState.votedFor, random.chance(500) {
            hardState.votedFor = NodeID(candidate.number ^ 1 << UInt64(random.below(3)))
            return "vote"
        }
        random.flipBit(of: &hardState.currentTerm.number)
        return "term"
    }

    private mutating func flipBitOfEntry(_ random: inout Randomness) -> String {
        let position = random.below(entries.count)
        let name = "log entry \(entries[position].position)"
        switch random.below(4) {
        case 0 where !entries[position].data.isEmpty: random.flipBit(of: &entries[position].data)
        case 1: random.flipBit(of: &entries[position].type)
        case 2: random.flipBit(of: &entries[position].timestamp)
        default: random.flipBit(of: &entries[position].term.number)
        }
        return name
    }

    /// `nil` while there is no row.
    mutating func flipBitOfRow(_ random: inout Randomness) -> String? {
        let sound = rows.inOrder
        guard !sound.isEmpty else { return nil }
        let row = random.pick(sound)
        rows[row.key] = row.withFlippedBit(&random)
        return "row \(row.key)"
    }
}

extension Row {
    fileprivate func withFlippedBit(_ random: inout Randomness) -> Row {
        switch self {
        case .broker(var broker):
            if random.chance(500) { random.flipBit(of: &broker.host) } else { random.flipBit(of: &broker.registeredAt) }
            return .broker(broker)
        case .topic(var topic):
            if random.chance(500) { random.flipBit(of: &topic.name) } else { random.flipBit(of: &topic.createdAt) }
            return .topic(topic)
        case .partition(let topic, var partition):
            random.flipBit(of: &partition.replicas[random.below(partition.replicas.count)])
            return .partition(topic: topic, partition)
        case .keyValue(var pair):
            switch random.below(3) {
            case 0 where !pair.value.isEmpty: random.flipBit(of: &pair.value)
            case 1:
                var bytes = pair.key.bytes
                random.flipBit(of: &bytes)
                pair = KeyValue(
                    key: Key(validated: bytes), value: pair.value, createRevision: pair.createRevision,
                    modRevision: pair.modRevision, version: pair.version, lease: pair.lease, place: pair.place)
            default: random.flipBit(of: &pair.modRevision)
            }
            return .keyValue(pair)
        case .lease(var lease):
            random.flipBit(of: &lease.ttlSeconds)
            return .lease(lease)
        case .group(let group):
            var leader = group.leader
            random.flipBit(of: &leader)
            return .group(
                ConsumerGroup(
                    topic: group.topic, appID: group.appID, leader: leader, createdAt: group.createdAt,
                    modifiedAt: group.modifiedAt))
        case .pastVersion(var version):
            random.flipBit(of: &version.pair.modRevision)
            return .pastVersion(version)
        }
    }
}

extension Randomness {
    fileprivate mutating func flipBit<Integer: FixedWidthInteger>(of number: inout Integer) {
        number ^= 1 << Integer(below(Integer.bitWidth))
    }

    fileprivate mutating func flipBit(of bytes: inout [UInt8]) {
        bytes[below(bytes.count)] ^= 1 << UInt8(below(8))
    }

    /// Of ASCII text, which stays that: other bytes could not be kept in a `String`.
    fileprivate mutating func flipBit(of text: inout String) {
        var bytes = Array(text.utf8)
        guard !bytes.isEmpty else { return }
        bytes[below(bytes.count)] ^= 1 << UInt8(below(7))
        text = String(decoding: bytes, as: UTF8.self)
    }
}
