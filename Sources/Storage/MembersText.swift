import Raft

/// The members in table `node`, a JSON array that people can read in the sqlite3 shell:
/// `[{"id":1,"directory":"4f2a…","generation":0,"admitted":true,"run":"7/3fa"},…]`, `null` for what was never heard of.
enum MembersText {
    static func encode(_ members: [KnownMember]) -> String {
        "[" + members.map(encode).joined(separator: ",") + "]"
    }

    private static func encode(_ member: KnownMember) -> String {
        let directory = member.directory.map { "\"\($0)\"" } ?? "null"
        let run = member.run.map { "\"\($0)\"" } ?? "null"
        return "{\"id\":\(member.id),\"directory\":\(directory),\"generation\":\(member.generation),"
            + "\"admitted\":\(member.isAdmitted),\"run\":\(run)}"
    }

    /// `nil` for anything that ``encode(_:)`` does not write.
    static func decode(_ text: String) -> [KnownMember]? {
        var rest = Substring(text)
        guard rest.take("[") else { return nil }
        var members: [KnownMember] = []
        while !rest.take("]") {
            guard members.isEmpty || rest.take(","), let member = member(&rest) else { return nil }
            members.append(member)
        }
        // What is left, leading zeros, upper case: none of it comes from us.
        return encode(members) == text ? members : nil
    }

    private static func member(_ rest: inout Substring) -> KnownMember? {
        guard rest.take("{\"id\":"), let id = UInt64(rest.takeValue()),
            rest.take(",\"directory\":"), let directory = optional(&rest, DirectoryID.init),
            rest.take(",\"generation\":"), let generation = UInt64(rest.takeValue()),
            rest.take(",\"admitted\":"), let isAdmitted = Bool(String(rest.takeValue())),
            rest.take(",\"run\":"), let run = optional(&rest, Run.init), rest.take("}")
        else { return nil }
        return KnownMember(
            id: NodeID(id), directory: directory, generation: generation, isAdmitted: isAdmitted, run: run)
    }

    /// `null`, or a string that `make` understands; the outer `nil` is for neither.
    private static func optional<Value>(_ rest: inout Substring, _ make: (Substring) -> Value?) -> Value?? {
        if rest.take("null") { return .some(nil) }
        let quoted = rest.takeValue()
        guard quoted.count >= 2, quoted.first == "\"", quoted.last == "\"",
            let value = make(quoted.dropFirst().dropLast())
        else { return nil }
        return value
    }
}

extension Substring {
    /// Drops what stands before the next comma or bracket.
    fileprivate mutating func takeValue() -> Substring {
        let value = prefix { $0 != "," && $0 != "}" && $0 != "]" }
        removeFirst(value.count)
        return value
    }
}

extension Run {
    /// From what ``description`` gives; `nil` for anything else.
    init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let number = UInt64(parts[0]), let nonce = UInt64(parts[1], radix: 16) else {
            return nil
        }
        self.init(number: number, nonce: nonce)
        guard description == text else { return nil }
    }
}
