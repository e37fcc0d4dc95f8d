import ArgumentParser
import FoundationEssentials
import HTTP

/// The members of a cluster that runs. A change is asked for again until it is done, so it survives a leader that dies.
struct MemberCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "member", abstract: "Show the members of the cluster and change them while it works.",
        subcommands: [
            List.self, Add.self, Promote.self, Remove.self, Replace.self, Move.self, SetVoters.self, Lead.self,
        ])

    static let path = "/api/v1/raft/members"

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the members, and how far each of them is.")
        @OptionGroup var client: ClientOptions

        func run() throws {
            try client.run(.get(MemberCommand.path), MembersAnswer.self, describe: \.text)
        }
    }

    struct Add: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let a node in: first it follows, then it votes.",
            discussion: "Start the node with an empty data directory and a services file that lists it and the others.")
        @OptionGroup var client: ClientOptions
        @OptionGroup var change: MemberChange
        @OptionGroup var place: MemberPlace
        @Flag(help: "It only follows, and never votes.") var learner = false

        func run() throws {
            try change.carryOut(
                .json("POST", MemberCommand.path + change.query, try place.body(isLearner: learner)), client)
        }
    }

    struct Promote: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make a learner a voter, once it follows.")
        @OptionGroup var client: ClientOptions
        @OptionGroup var change: MemberChange
        @Argument(help: "The learner's id.") var id: UInt64

        func run() throws {
            try change.carryOut(.json("POST", "\(MemberCommand.path)/\(id)/promote\(change.query)", "{}"), client)
        }
    }

    struct Remove: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let a member go, whether it is alive or not.",
            discussion: "Refused if those who answer would be no majority of those who stay. A leader hands over first."
        )
        @OptionGroup var client: ClientOptions
        @OptionGroup var change: MemberChange
        @Argument(help: "The member's id.") var id: UInt64

        func run() throws {
            try change.carryOut(
                ClientRequest(method: "DELETE", path: "\(MemberCommand.path)/\(id)\(change.query)"), client)
        }
    }

    struct Replace: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put another node in the place of a member, in one step.",
            discussion: "The new one follows first; then both change by one agreement, so that none is ever missing.")
        @OptionGroup var client: ClientOptions
        @OptionGroup var change: MemberChange
        @Argument(help: "The member that goes, alive or dead.") var old: UInt64
        @OptionGroup var place: MemberPlace

        func run() throws {
            try change.carryOut(
                .json("POST", "\(MemberCommand.path)/\(old)/replace\(change.query)", try place.body()), client)
        }
    }

    struct Move: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Tell the others a member's new address.")
        @OptionGroup var client: ClientOptions
        @OptionGroup var change: MemberChange
        @OptionGroup var place: MemberPlace

        func run() throws {
            try change.carryOut(
                .json("POST", "\(MemberCommand.path)/\(place.id)/move\(change.query)", try place.body()), client)
        }
    }

    struct SetVoters: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "set", abstract: "Make these members the voters, in one step; the other voters go.")
        @OptionGroup var client: ClientOptions
        @OptionGroup var change: MemberChange
        @Argument(help: "The ids of the voters.") var ids: [UInt64]

        func run() throws {
            let list = ids.map(String.init).joined(separator: ",")
            try change.carryOut(
                .json("PUT", MemberCommand.path + change.query, "{\"voters\":[\(list)]}"), client)
        }
    }

    struct Lead: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Hand leadership to a voter.")
        @OptionGroup var client: ClientOptions
        @Argument(help: "The voter's id.") var id: UInt64

        func run() throws {
            try client.run(
                .json("POST", "\(MemberCommand.path)/\(id)/lead", "{}"), done: "node \(id) is asked to lead")
        }
    }
}

/// A node and where the others reach it.
struct MemberPlace: ParsableArguments {
    @Argument(help: "The node's id.") var id: UInt64
    @Argument(help: ArgumentHelp("Where the others reach it.", valueName: "host:port")) var address: String
    @Option(help: "What clients are sent to, if that is another address.") var url: String?

    func body(isLearner: Bool = false) throws -> String {
        guard let colon = address.lastIndex(of: ":"), let port = UInt16(address[address.index(after: colon)...]),
            port > 0, colon > address.startIndex
        else { throw ValidationError("'\(address)' is no host:port") }
        let url = url.map { ",\"url\":\(jsonString($0))" } ?? ""
        let host = jsonString(String(address[..<colon]))
        return "{\"id\":\(id),\"host\":\(host),\"port\":\(port)\(url),\"learner\":\(isLearner)}"
    }
}

/// What all changes of the members share.
struct MemberChange: ParsableArguments {
    @Flag(help: "Only say whether it could be done.") var dryRun = false
    @Flag(help: "Do it even if those who are needed do not answer, or do not follow yet.") var force = false
    @Flag(help: "Do not wait until it is done.") var noWait = false
    @Option(help: ArgumentHelp("How long to wait until it is done.", valueName: "seconds")) var patience = 3600.0

    var query: String {
        let parts = [force ? "force=true" : nil, dryRun ? "dryRun=true" : nil, noWait ? nil : "wait=true"].compactMap {
            $0
        }
        return parts.isEmpty ? "" : "?" + parts.joined(separator: "&")
    }

    /// Asks for the change, again and again, until it is done: to ask for what is done changes nothing.
    func carryOut(_ request: ClientRequest, _ client: ClientOptions) throws {
        let cluster = client.makeClient()
        let began = ContinuousClock.now
        defer { LineOutput.standardError.showProgress(nil) }
        while true {
            let response: HTTPResponse
            do throws(CommandFailure) { response = try cluster.send(request) } catch {
                guard ContinuousClock.now - began < .seconds(patience) else { throw error }
                LineOutput.standardError.showProgress(error.description)
                ClusterClient.sleep(.milliseconds(500))
                continue
            }
            let isAgain = response.status == 202 || response.isConflict || response.status == 504
            if !isAgain || noWait {
                let answer = try response.successful()
                let text = client.json ? answer.text : try answer.decoded(MembersAnswer.self).text
                return try StandardOutput.writeLine(dryRun ? "it can be done" : text)
            }
            guard ContinuousClock.now - began < .seconds(patience) else {
                throw CommandFailure(.unavailable, "not done within \(Int(patience)) s; the cluster goes on with it")
            }
            try watch(cluster)
        }
    }

    /// Shows what the leader is doing until it has nothing to do.
    private func watch(_ cluster: ClusterClient) throws {
        ClusterClient.sleep(.milliseconds(250))
        guard let response = try? cluster.send(.get(MemberCommand.path)).successful(),
            let answer = try? response.decoded(MembersAnswer.self), let operation = answer.operation
        else { return }
        LineOutput.standardError.showProgress(operation)
    }
}

extension HTTPResponse {
    /// Another change comes first.
    fileprivate var isConflict: Bool { status == 409 && text.contains("\"change_in_progress\"") }
}
