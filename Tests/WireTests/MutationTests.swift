import Raft
import Testing
import Wire

/// Damaged bytes never trap a decoder, and what a decoder takes it can write again.
@Suite struct MutationTests {
    private static let rounds = 20_000

    @Test func `damaged commands`() throws {
        var samples = Samples(seed: 11)
        for _ in 0..<Self.rounds {
            let (type, data) = CommandCodec.encode(samples.command())
            guard let command = try? CommandCodec.decode(type: type, data: samples.mutate(data)) else { continue }
            let again = CommandCodec.encode(command)
            #expect(try CommandCodec.decode(type: again.type, data: again.data) == command)
        }
    }

    @Test func `damaged requests`() throws {
        var samples = Samples(seed: 12)
        for _ in 0..<Self.rounds {
            let bytes = MessageCodec.encode(samples.request(), sender: NodeID(1), clusterID: Samples.clusterID)
            guard let (request, sender, clusterID) = try? MessageCodec.decodeRequest(samples.mutate(bytes)) else {
                continue
            }
            let again = try MessageCodec.decodeRequest(
                MessageCodec.encode(request, sender: sender, clusterID: clusterID))
            #expect(again == (request, sender, clusterID))
        }
    }

    @Test func `damaged replies`() throws {
        var samples = Samples(seed: 13)
        for _ in 0..<Self.rounds {
            let bytes = samples.mutate(MessageCodec.encode(samples.reply()))
            guard let reply = try? MessageCodec.decodeReply(bytes) else { continue }
            // Numbers have one spelling, so the bytes come back too.
            #expect(MessageCodec.encode(reply) == bytes)
        }
    }

    @Test func `damaged chunks`() throws {
        var samples = Samples(seed: 14)
        for _ in 0..<Self.rounds {
            let parts = samples.chunk()
            let header = SnapshotChunk.Header(counters: parts.counters, digest: parts.digest)
            let bytes = samples.mutate(SnapshotChunk(header: header, rows: parts.rows).encode())
            guard let chunk = try? SnapshotChunk(decoding: bytes) else { continue }
            #expect(chunk.encode() == bytes)
        }
    }

    @Test func `damaged JSON messages`() throws {
        var samples = Samples(seed: 15)
        for _ in 0..<Self.rounds {
            var append = samples.appendEntries()
            for offset in append.entries.indices { append.entries[offset].timestamp &= 0xFFFF_FFFF }
            let text = samples.mutate(Samples.json(append))
            guard let decoded = try? JSONMessageCodec.decodeAppendEntries(text) else { continue }
            #expect(try JSONMessageCodec.decodeAppendEntries(Samples.json(decoded)) == decoded)
        }
    }
}
