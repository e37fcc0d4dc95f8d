import Metadata
import Raft

@testable import Wire

// Rows, and what they travel in.

extension Samples {
    mutating func row() -> Row {
        switch Int.random(in: 0..<7, using: &random) {
        case 6:
            .group(
                ConsumerGroup(
                    topic: topic(), appID: appID(), leader: id(), createdAt: number(Int64.min...Int64.max),
                    modifiedAt: Int64(counter())))
        case 4: .lease(lease())
        case 5:
            .keyValue(
                KeyValue(
                    key: anyKey(), value: bytes(), createRevision: random.next(), modRevision: random.next(),
                    version: counter(), lease: chance() ? lease().id : nil, place: UInt32(number(1...Int64(UInt32.max)))
                ))
        case 0:
            .broker(
                Broker(
                    id: id(), host: host(), port: Int(number(1...65535)), rack: chance() ? label() : nil,
                    status: chance() ? .online : .offline, registeredAt: number(Int64.min...Int64.max),
                    incarnation: chance() ? incarnation() : nil,
                    restrictions: chance() ? [] : BrokerRestrictions(rawValue: UInt8(number(1...3)))))
        case 1:
            .topic(
                Topic(
                    name: topic(), partitionCount: Int(number(1...10_000)), replicationFactor: Int(number(1...1000)),
                    createdAt: Int64(counter()), configuration: configuration(), drawnID: chance() ? topicID() : nil))
        case 2:
            .partition(topic: topic(), partition())
        default:
            .keyValue(
                KeyValue(
                    key: key(), value: bytes(), createRevision: random.next(), modRevision: random.next(),
                    version: counter()))
        }
    }

    mutating func chunk() -> SnapshotParts {
        var header = Counters(
            clusterID: chance() ? Self.clusterID : nil, version: counter(), revision: counter(),
            partitionsCreated: counter(),
            members: chance()
                ? Counters.Members(
                    index: counter(), text: Configuration([Configuration.Member(id: node(), host: "a")]).text) : nil)
        if chance() {
            (header.level, header.horizon) = (Int(number(2...1000)), header.revision / 2)
            if chance() { header.placementLevel = Int(number(2...1000)) }
            if chance() { header.nextProducerID = counter() }
        }
        return SnapshotParts(
            counters: header, digest: Digest(high: random.next(), low: random.next()),
            rows: (0..<Int.random(in: 0...5, using: &random)).map { _ in row() })
    }

    struct SnapshotParts {
        var counters: Counters
        var digest: Digest
        var rows: [Row]
    }

    /// The request in the form that people write.
    static func json(_ append: AppendEntries) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.field("term", append.term.number)
            json.field("leaderId", append.leader.number)
            json.field("prevLogIndex", append.previous.index.number)
            json.field("prevLogTerm", append.previous.term.number)
            json.arrayField("entries") { json in
                for entry in append.entries { write(entry, to: &json) }
            }
            json.field("leaderCommit", append.leaderCommit.number)
        }
        return json.bytes
    }

    /// The entry as the log shows it, in one piece.
    static func write(_ entry: LogEntry, to json: inout JSONWriter) {
        JSONMessageCodec.begin(entry, in: &json)
        let isText = String(validating: entry.data, as: UTF8.self) != nil
        json.key(isText ? "commandData" : "commandDataBase64")
        json.beginString()
        if isText { json.fragment(entry.data[...]) } else { json.base64Fragment(entry.data[...]) }
        json.endString()
        JSONMessageCodec.end(entry, in: &json)
    }

    /// The bytes with one to three changes: a byte flipped, overwritten, inserted, deleted, or the end cut off.
    mutating func mutate(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
            let place = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: bytes[place] = UInt8.random(in: 0...255, using: &random)
            case 2: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
            case 3: bytes.remove(at: place)
            case 4: bytes.replaceSubrange(place..<place, with: Array("999999999".utf8))
            default: bytes.removeSubrange(place...)
            }
        }
        return bytes
    }
}
