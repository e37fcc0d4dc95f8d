import FoundationEssentials
import Metadata

// Octets, which JSON has no type for, and integers beyond those that every reader of JSON carries exactly.
extension JSONObject {
    /// The field `text` as UTF-8, or the field `base64` decoded (RFC 4648 §4); `nil` if neither is there.
    public func octetsIfPresent(text: String, base64: String) throws(JSONInputError) -> [UInt8]? {
        guard let encoded = try stringIfPresent(base64) else { return try stringIfPresent(text).map { Array($0.utf8) } }
        guard let octets = Data(base64Encoded: encoded) else {
            throw JSONInputError(code: .outOfRange, field: base64, problem: "is no base64")
        }
        guard try stringIfPresent(text) == nil else {
            throw JSONInputError(code: .outOfRange, field: base64, problem: "excludes the field `\(text)`")
        }
        return [UInt8](octets)
    }

    /// A lease's id, as a string or as a number.
    public func leaseIDIfPresent(_ name: String) throws(JSONInputError) -> LeaseID? {
        guard case .string(let text)? = find(name) else { return try integerIfPresent(name, in: Limits.leaseID) }
        guard let id = LeaseID(text), Limits.leaseID.contains(id) else {
            throw JSONInputError(code: .outOfRange, field: name, problem: "is no lease's id")
        }
        return id
    }
}
