import FoundationEssentials
import Metadata
import Raft

@testable import Wire

/// JSON from outside: what the parser takes is JSON to Foundation too and has the same value, and what a shape takes
/// can be carried by the log and by the dense form.
enum JSONTargets {
    static func text(_ bytes: [UInt8]) {
        guard let value = parse(bytes) else { return }
        let text = JSONText.write(value)
        guard let again = parse(text) else { fail("written again it is refused: \(JSONText.string(text))") }
        expect(JSONText.write(again) == text, "\(JSONText.string(text)) reads as \(again)")
        guard JSONText.isComparable(value) else { return }
        do {
            let theirs = try JSONDecoder().decode(ForeignJSON.self, from: Data(bytes)).value
            let (ours, foreign) = (JSONText.write(value, isSorted: true), JSONText.write(theirs, isSorted: true))
            expect(ours == foreign, "\(JSONText.string(ours)), to Foundation \(JSONText.string(foreign))")
        } catch {
            fail("Foundation refuses \(value): \(error)")
        }
    }

    private static func parse(_ bytes: [UInt8]) -> JSONValue? {
        var parser = JSONParser(bytes)
        return try? parser.parse()
    }

    /// The first byte says as what the text is read.
    static func shapes(_ input: inout FuzzInput) {
        let shape = input.choice(27)
        let text = input.rest()
        switch shape {
        case 0: WireTargets.checkRead(read(text) { .registerBroker(try RegisterBroker(json: $0)) })
        case 1: WireTargets.checkRead(read(text) { .createTopic(try CreateTopic(json: $0)) })
        case 2: checkCarried((try? JSONMessageCodec.decodeRequestVote(text)).map { .requestVote($0) })
        case 3: checkCarried((try? JSONMessageCodec.decodeAppendEntries(text)).map { .appendEntries($0) })
        case 4: checkCarried((try? JSONMessageCodec.decodeInstallSnapshot(text)).map { .installSnapshot($0) })
        case 5: checkCarried((try? JSONMessageCodec.decodeTimeoutNow(text)).map { .timeoutNow($0) })
        default:
            // The types that are JSON stand behind three that are not.
            WireTargets.checkRead(try? CommandCodec.decode(type: WireTargets.types[shape - 3], data: text))
        }
    }

    private static func read(_ text: [UInt8], _ shape: (JSONObject) throws -> Command) -> Command? {
        try? shape(JSONObject(parsing: text))
    }

    /// What a stranger may say in JSON, nodes can pass on in their own form, entries as JSON too.
    private static func checkCarried(_ request: Request?) {
        guard let request else { return }
        let dense = MessageCodec.encodeLegacy(request, sender: NodeID(1), clusterID: nil)
        guard case .request(let again, _)? = try? MessageCodec.decodeQuestion(dense) else {
            fail("no dense form: \(request)")
        }
        expect(again == request, "\(request) reads as \(again)")
        guard case .appendEntries(let append) = request else { return }
        let text = Samples.json(append)
        guard let read = try? JSONMessageCodec.decodeAppendEntries(text) else {
            fail("its own JSON is refused: \(JSONText.string(text))")
        }
        expect(read == append, "\(append) reads as \(read)")
    }
}

/// Values as text, for comparing them to the byte: `==` takes canonically equivalent strings for equal.
enum JSONText {
    static func string(_ text: [UInt8]) -> String { String(decoding: text, as: UTF8.self) }

    static func write(_ value: JSONValue, isSorted: Bool = false) -> [UInt8] {
        var json = JSONWriter(capacity: 64)
        switch value {
        case .null: json.null()
        case .bool(let flag): json.value(flag)
        case .integer(let number): json.value(number)
        case .number(let number):
            // What is only nearly an integer is written as one.
            if let integer = Int64(exactly: number) {
                json.value(integer)
            } else {
                json.raw(Array((number.isFinite ? "\(number)" : "1e999").utf8))
            }
        case .string(let text): json.value(text)
        case .array(let values):
            json.array { json in for value in values { json.raw(write(value, isSorted: isSorted)) } }
        case .object(let object):
            let fields = object.fields.map {
                (name: write(.string($0.name)), value: write($0.value, isSorted: isSorted))
            }
            let ordered = isSorted ? fields.sorted { $0.name.lexicographicallyPrecedes($1.name) } : fields
            return Array("{".utf8)
                + ordered.map { $0.name + Array(":".utf8) + $0.value }.joined(separator: Array(",".utf8))
                + Array("}".utf8)
        }
        return json.bytes
    }

    /// Whether Foundation can have the same value: no number beyond a `Double`, no name twice.
    static func isComparable(_ value: JSONValue) -> Bool {
        switch value {
        case .number(let number): number.isFinite
        case .array(let values): values.allSatisfy(isComparable)
        case .object(let object):
            Set(object.fields.map(\.name)).count == object.fields.count
                && object.fields.allSatisfy { isComparable($0.value) }
        default: true
        }
    }
}

/// Any JSON value as Foundation reads it.
struct ForeignJSON: Decodable {
    var value: JSONValue

    private struct Name: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    init(from decoder: any Decoder) throws {
        if let fields = try? decoder.container(keyedBy: Name.self) {
            var object = JSONObject()
            for name in fields.allKeys {
                object.fields.append(
                    .init(name: name.stringValue, value: try fields.decode(ForeignJSON.self, forKey: name).value))
            }
            value = .object(object)
        } else if var elements = try? decoder.unkeyedContainer() {
            var values: [JSONValue] = []
            while !elements.isAtEnd { values.append(try elements.decode(ForeignJSON.self).value) }
            value = .array(values)
        } else {
            value = try Self.scalar(try decoder.singleValueContainer())
        }
    }

    private static func scalar(_ container: any SingleValueDecodingContainer) throws -> JSONValue {
        if container.decodeNil() { return .null }
        if let flag = try? container.decode(Bool.self) { return .bool(flag) }
        if let text = try? container.decode(String.self) { return .string(text) }
        if let number = try? container.decode(Int64.self) { return .integer(number) }
        let number = try container.decode(Double.self)
        return Int64(exactly: number).map { .integer($0) } ?? .number(number)
    }
}
