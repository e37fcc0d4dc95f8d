/// A configuration as the data of its log entry: JSON that people can read in table `raft_log`.
///
/// `{"features":{"kraft.version":1},"members":[{"id":1,"directory":"4f2a…","role":"voter","host":"node1","port":9091},…]}`
extension Configuration {
    public var text: String {
        let features = features.map { "\"\($0.name)\":\($0.level)" }.joined(separator: ",")
        return "{\"features\":{\(features)},\"members\":[\(members.map(\.text).joined(separator: ","))]}"
    }

    /// `nil` for anything that ``text`` does not give: an entry that nobody of us wrote is no configuration.
    public init?(text: String) {
        var rest = Substring(text)
        guard rest.take("{\"features\":{") else { return nil }
        var features: [Feature] = []
        while !rest.take("},\"members\":[") {
            guard features.isEmpty || rest.take(","), let name = rest.takeQuoted(), rest.take(":"),
                let level = Int(rest.takeNumber())
            else { return nil }
            features.append(Feature(name: name, level: level))
        }
        var members: [Member] = []
        while !rest.take("]}") {
            guard members.isEmpty || rest.take(","), let member = Member(&rest) else { return nil }
            members.append(member)
        }
        self.init(members, features: features)
        // What is left, another order, leading zeros: none of it comes from us.
        guard self.text == text, fault == nil else { return nil }
    }

    /// Whether `text` can stand in a configuration as it is.
    public static func isPlain(_ text: String) -> Bool {
        text.utf8.count <= 255 && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C }
    }
}

extension Configuration.Member {
    fileprivate var text: String {
        let directory = directory.map { "\"\($0)\"" } ?? "null"
        let url = url.map { ",\"url\":\"\($0)\"" } ?? ""
        return
            "{\"id\":\(id),\"directory\":\(directory),\"role\":\"\(role.rawValue)\",\"host\":\"\(host)\",\"port\":\(port)\(url)}"
    }

    fileprivate init?(_ rest: inout Substring) {
        guard rest.take("{\"id\":"), let id = UInt64(rest.takeNumber()), rest.take(",\"directory\":") else {
            return nil
        }
        var directory: DirectoryID?
        if !rest.take("null") {
            guard let name = rest.takeQuoted(), let known = DirectoryID(name) else { return nil }
            directory = known
        }
        guard rest.take(",\"role\":"), let name = rest.takeQuoted(), let role = Configuration.Role(rawValue: name),
            rest.take(",\"host\":"), let host = rest.takeQuoted(), rest.take(",\"port\":"),
            let port = UInt16(rest.takeNumber())
        else { return nil }
        self.init(id: NodeID(id), directory: directory, role: role, host: host, port: port)
        if rest.take(",\"url\":") {
            guard let url = rest.takeQuoted() else { return nil }
            self.url = url
        }
        guard rest.take("}") else { return nil }
    }
}

extension Substring {
    /// Drops `literal` from the front, if it stands there; for texts that only we write.
    package mutating func take(_ literal: String) -> Bool {
        guard hasPrefix(literal) else { return false }
        removeFirst(literal.count)
        return true
    }

    fileprivate mutating func takeNumber() -> Substring {
        let digits = prefix { $0.isNumber }
        removeFirst(digits.count)
        return digits
    }

    /// What stands between two quotes; nothing in a configuration is escaped.
    fileprivate mutating func takeQuoted() -> String? {
        guard take("\"") else { return nil }
        let text = prefix { $0 != "\"" }
        removeFirst(text.count)
        guard take("\""), Configuration.isPlain(String(text)) else { return nil }
        return String(text)
    }
}
