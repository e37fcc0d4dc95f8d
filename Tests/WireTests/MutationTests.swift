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

    @Test func `damaged questions`() throws {
        var samples = Samples(seed: 12)
        for _ in 0..<Self.rounds {
            let bytes = Samples.encode(samples.question())
            guard let question = try? MessageCodec.decodeQuestion(samples.mutate(bytes)) else { continue }
            #expect(try MessageCodec.decodeQuestion(Samples.encode(question)) == question)
        }
    }

    @Test func `damaged answers`() throws {
        var samples = Samples(seed: 13)
        for _ in 0..<Self.rounds {
            let bytes = samples.mutate(Samples.encode(samples.answer()))
            guard let answer = try? MessageCodec.decodeAnswer(bytes) else { continue }
            #expect(try MessageCodec.decodeAnswer(Samples.encode(answer)) == answer)
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
