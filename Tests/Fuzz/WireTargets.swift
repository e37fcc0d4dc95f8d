import Metadata
import Raft

@testable import Storage
@testable import Wire

/// The codecs: no bytes trap them, and what they read they write again; to the same bytes where a value has one form.
enum WireTargets {
    static func message(_ bytes: [UInt8]) {
        if let question = try? MessageCodec.decodeQuestion(bytes) {
            let again = Samples.encode(question)
            expect(again == bytes, "\(question) is written as \(again)")
            if case .request(.appendEntries(let append), _) = question { checkEntries(append) }
        }
        if let answer = try? MessageCodec.decodeAnswer(bytes) {
            expect(Samples.encode(answer) == bytes, "\(answer) is written as \(Samples.encode(answer))")
            if case .reply(let reply, _) = answer {
                expect((try? JSONObject(parsing: JSONMessageCodec.encode(reply))) != nil, "\(reply) is no JSON")
            }
        }
    }

    private static func checkEntries(_ append: AppendEntries) {
        var last = append.previous
        for entry in append.entries {
            let follows = entry.index == last.index.next && entry.term >= last.term && entry.term <= append.term
            expect(follows, "\(entry.position) behind \(last) in an append of term \(append.term)")
            last = entry.position
            var json = JSONWriter()
            Samples.write(entry, to: &json)
            expect((try? JSONObject(parsing: json.bytes)) != nil, "\(entry) is no JSON")
        }
    }

    static let types = [
        CommandType.put, CommandType.delete, CommandType.noop, CommandType.registerBroker,
        CommandType.unregisterBroker, CommandType.updateBrokerStatus, CommandType.createTopic,
        CommandType.deleteTopic, CommandType.updateInSyncReplicas, CommandType.featureLevel, CommandType.compaction,
        CommandType.grantLease, CommandType.revokeLease, CommandType.keepLeasesAlive,
        CommandType.changeBrokerState, CommandType.alterPartitions, CommandType.electLeaders,
        CommandType.alterReassignments, CommandType.createPartitions, CommandType.restrictBroker,
        CommandType.findGroup, CommandType.moveGroup, CommandType.deleteGroup, CommandType.allocateProducerIDs,
        CommandType.transaction, "Unknown",
    ]

    /// The first byte is the type of the command.
    static func payload(_ input: inout FuzzInput) {
        let type = types[input.choice(types.count)]
        let data = input.rest()
        guard let command = try? CommandCodec.decode(type: type, data: data) else { return }
        expect(CommandCodec.encode(command).type == type, "\(type) reads as \(command)")
        checkRead(command)
    }

    /// A command that was read has a form, which reads as the same command.
    static func checkRead(_ command: Command?) {
        guard let command else { return }
        let (type, data) = CommandCodec.encode(command)
        guard let again = try? CommandCodec.decode(type: type, data: data) else {
            fail("\(type) refuses its own form \(data) of \(command)")
        }
        expect(again == command && CommandCodec.encode(again).data == data, "\(command) reads as \(again)")
    }

    /// Rows of snapshots, a whole chunk, or the lists of brokers in the tables.
    static func rows(_ input: inout FuzzInput) {
        let form = input.choice(3)
        let bytes = input.rest()
        switch form {
        case 0:
            guard let rows = try? RowCodec.decode(chunk: bytes) else { return }
            var again: [UInt8] = []
            for row in rows { RowCodec.encode(row, into: &again) }
            expect(again == bytes, "\(rows) are written as \(again)")
        case 1:
            guard let chunk = try? SnapshotChunk(decoding: bytes) else { return }
            expect(chunk.encode() == bytes, "\(chunk) is written as \(chunk.encode())")
        default:
            guard let numbers = bytes.withUnsafeBytes({ IntegerArrayText.decode($0) }) else { return }
            let again = Array(IntegerArrayText.encode(numbers).utf8)
            expect(again == bytes, "\(String(decoding: bytes, as: UTF8.self)) reads as \(numbers)")
        }
    }
}
