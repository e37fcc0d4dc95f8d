import Metadata
import Wire

extension JSONWriter {
    /// The field `key`, or `keyBase64` for one that is no text.
    mutating func field(key: Key) {
        if isUTF8(key.bytes) { field("key", key.description) } else { base64Field("keyBase64", key.bytes) }
    }

    /// Of an id, which may be beyond the integers that all readers of JSON carry exactly: as a string.
    mutating func field(_ name: StaticString, lease: LeaseID) { quotedField(name, lease) }
}

extension JSONStream {
    /// `{"key","value" or "valueBase64","createRevision","modRevision","version","lease"}`, the last if there is one.
    static func steps(_ pair: KeyValue) -> [Step] {
        [
            .write { json in
                json.beginObject()
                json.field(key: pair.key)
            },
            .bytes(name: "value", base64: "valueBase64", pair.value),
            .write { json in
                json.field("createRevision", pair.createRevision)
                json.field("modRevision", pair.modRevision)
                json.field("version", pair.version)
                if let lease = pair.lease { json.field("lease", lease: lease) }
                json.endObject()
            },
        ]
    }
}
