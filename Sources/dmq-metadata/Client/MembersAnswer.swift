/// `GET /api/v1/raft/members`.
struct MembersAnswer: Decodable {
    struct Feature: Decodable {
        var name: String
        var level: Int
    }

    struct Member: Decodable {
        var id: UInt64
        var role: String
        var directoryId: String?
        var host: String
        var port: UInt16
        var matchIndex: UInt64?
        var lastContactMs: Int64?
        var build: String?
    }

    var clusterId: String?
    var configurationIndex: UInt64
    var isCommitted: Bool
    var isJoint: Bool
    var leaderId: UInt64?
    var lastLogIndex: UInt64
    var operation: String?
    var failureTolerance: Int
    var features: [Feature]
    var members: [Member]

    var text: String {
        var table = Table("NODE", "ROLE", "ADDRESS", "DIRECTORY", "LOG", "LAST HEARD", "BUILD")
        for member in members {
            table.add(
                "\(member.id)", member.id == leaderId ? "leader" : member.role, "\(member.host):\(member.port)",
                String(member.directoryId?.prefix(8) ?? "-"),
                member.matchIndex.map { "\($0) of \(lastLogIndex)" } ?? "-",
                member.lastContactMs.map { "\($0) ms ago" } ?? "-", member.build ?? "-")
        }
        let levels = features.map { "\($0.name)=\($0.level)" }.joined(separator: " ")
        let place = configurationIndex == 0 ? "services.json" : "entry \(configurationIndex)"
        let tolerance =
            failureTolerance == 0
            ? "no voter may fail" : failureTolerance == 1 ? "one voter may fail" : "\(failureTolerance) voters may fail"
        return """
            members by \(place)   \(tolerance)   \(levels)\(operation.map { "\n\($0)" } ?? "")
            \(table.text)
            """
    }
}
