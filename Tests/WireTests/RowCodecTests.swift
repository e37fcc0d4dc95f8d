import Metadata
import Testing
import Wire

@Suite struct RowCodecTests {
    private func hex(_ row: Row) -> String {
        var bytes: [UInt8] = []
        RowCodec.encode(row, into: &bytes)
        return bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    @Test func `rows have their golden bytes`() {
        #expect(
            hex(.broker(Broker(id: 101, host: "ab", port: 300, rack: "r", status: .online, registeredAt: 1)))
                == "0165" + "026162" + "ac02" + "010172" + "01" + "02")
        let topic = Topic(
            name: "t", partitionCount: 3, replicationFactor: 2, createdAt: 1,
            configuration: TopicConfiguration(retentionMs: 2, segmentBytes: 3, compressionType: "none"))
        #expect(hex(.topic(topic)) == "020174" + "0302" + "02" + "040106" + "046e6f6e65" + "01")
        let partition = Partition(id: 5, leader: nil, replicas: [101, 102], inSyncReplicas: [102], leaderEpoch: 7)
        #expect(hex(.partition(topic: "t", partition)) == "030174" + "0500" + "026566" + "0166" + "07")
        let pair = KeyValue(
            key: Key(validated: [0x2F, 0x61]), value: [1, 2], createRevision: 3, modRevision: 4, version: 2)
        #expect(hex(.keyValue(pair)) == "04022f61" + "020102" + "030402")
    }

    @Test func `chunks survive the way`() throws {
        var samples = Samples(seed: 5)
        for _ in 0..<2_000 {
            let parts = samples.chunk()
            let header = SnapshotChunk.Header(counters: parts.counters, digest: parts.digest)
            let chunk = SnapshotChunk(header: samples.chance() ? header : nil, rows: parts.rows)
            #expect(try SnapshotChunk(decoding: chunk.encode()) == chunk)
            var rows: [UInt8] = []
            for row in parts.rows { RowCodec.encode(row, into: &rows) }
            #expect(try RowCodec.decode(chunk: rows) == parts.rows)
        }
    }

    /// What releases before were sent must stay as it was.
    @Test func `a chunk is of the first version that knows what is in it`() {
        var counters = Counters(version: 1, revision: 2, partitionsCreated: 3)
        func bytes() -> [UInt8] {
            SnapshotChunk(header: .init(counters: counters, digest: Digest()), rows: []).encode()
        }
        let digest = [UInt8](repeating: 0, count: 16)
        #expect(bytes() == [1, 1, 0, 1, 2, 3] + digest)
        (counters.level, counters.horizon) = (4, 2)
        #expect(bytes() == [3, 1, 0, 1, 2, 3] + digest + [4, 2, 0])
        counters.placementLevel = 2
        #expect(bytes() == [4, 1, 0, 1, 2, 3] + digest + [4, 2, 2, 0])
        (counters.level, counters.nextProducerID) = (5, 7)
        #expect(bytes() == [5, 1, 0, 1, 2, 3] + digest + [5, 2, 7, 2, 0])
        counters.placementLevel = 1
        #expect(bytes() == [5, 1, 0, 1, 2, 3] + digest + [5, 1, 7, 2, 0])
    }

    @Test func `a row cut short is an error`() {
        var samples = Samples(seed: 6)
        for _ in 0..<500 {
            var bytes: [UInt8] = []
            RowCodec.encode(samples.row(), into: &bytes)
            for end in 1..<bytes.count {
                #expect(throws: WireError.self) { try RowCodec.decode(chunk: Array(bytes[..<end])) }
            }
        }
    }

    @Test(
        arguments: [
            [], [2, 0], [1], [1, 2], [1, 0, 9], [1, 1, 0, 0, 0, 0, 1],  // versions, header cut short, unknown row
            [1, 0, 4, 0, 0, 1, 1, 1],  // a key without a byte
            [1, 0, 4, 0x81, 0x20] + [UInt8](repeating: 0x2F, count: 4097) + [0, 1, 1, 1],  // a key too long
            [1, 0, 6, 0, 5], [1, 0, 6, 1, 0],  // lease 0, a lease without time
            [1, 0, 3, 1, 0x2F, 0, 0, 0, 0, 0],  // a topic's name with a slash
            [1, 0, 3, 1, 0x61, 0, 0, 0xFF, 0xFF, 0x03, 1],  // more replicas than bytes
            [1, 0, 1, 0, 1, 0x61, 1, 0, 1, 1],  // broker 0
        ] as [[UInt8]])
    func `chunks out of form or range are errors`(bytes: [UInt8]) {
        #expect(throws: WireError.self) { try SnapshotChunk(decoding: bytes) }
    }

    /// The next command would count beyond 64 bits, which traps.
    @Test(arguments: 0..<3) func `counters that could not be counted on are an error`(counter: Int) {
        let largest: [UInt8] = [UInt8](repeating: 0xFF, count: 9) + [1]
        let numbers = (0..<3).flatMap { $0 == counter ? largest : [0] }
        let bytes = [1, 1, 0] + numbers + [UInt8](repeating: 0, count: 16)
        #expect(throws: WireError.self) { try SnapshotChunk(decoding: bytes) }
    }

    /// Found by the simulation: a leader must not fall over its own damaged tables when it sends them.
    @Test(arguments: [
        Row.broker(Broker(id: -5, host: "h", port: 1, rack: nil, status: .online, registeredAt: 0)),
        .broker(Broker(id: 5, host: "h", port: -1, rack: nil, status: .online, registeredAt: 0)),
        .topic(
            Topic(
                name: "t", partitionCount: -1, replicationFactor: 1, createdAt: 0,
                configuration: TopicConfiguration())),
        .partition(topic: "t", Partition(id: 0, leader: -1, replicas: [1], inSyncReplicas: [1], leaderEpoch: 0)),
        .partition(topic: "t", Partition(id: 0, leader: nil, replicas: [.min], inSyncReplicas: [1], leaderEpoch: 0)),
        .partition(topic: "t", Partition(id: 0, leader: nil, replicas: [1], inSyncReplicas: [1], leaderEpoch: -1)),
    ]) func sendsDamagedRowsAsTheyAreAndRefusesThem(row: Row) {
        var bytes: [UInt8] = []
        RowCodec.encode(row, into: &bytes)
        #expect(throws: WireError.self) { try RowCodec.decode(chunk: bytes) }
    }
}
