import ArgumentParser

struct LeaseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lease", abstract: "Promises to come again: keys that are written with one go when nobody does.",
        subcommands: [Grant.self, KeepAlive.self, Revoke.self, Show.self, List.self])

    static let path = "/api/v1/leases"

    struct Grant: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make a lease; prints its id.")
        @OptionGroup var client: ClientOptions
        @Argument(help: "How long it lives when nobody keeps it alive, in seconds.") var ttl: Int64
        @Option(help: "The id, instead of one that is drawn.") var id: Int64?

        func run() throws {
            let id = id.map { #","id":"\#($0)""# } ?? ""
            try client.run(.json("POST", LeaseCommand.path, #"{"ttlSeconds":\#(ttl)\#(id)}"#), LeaseAnswer.self) {
                $0.id
            }
        }
    }

    struct KeepAlive: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Give a lease its whole time again.")
        @OptionGroup var client: ClientOptions
        @Argument(help: "Its id.") var id: Int64

        func run() throws {
            let request = ClientRequest(method: "POST", path: "\(LeaseCommand.path)/\(id)/keepalive")
            try client.run(request, LeaseAnswer.self) { "\($0.ttlSeconds) s from now" }
        }
    }

    struct Revoke: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End a lease; its keys go with it.")
        @OptionGroup var client: ClientOptions
        @Argument(help: "Its id.") var id: Int64

        func run() throws {
            let request = ClientRequest(method: "DELETE", path: "\(LeaseCommand.path)/\(id)")
            try client.run(request, DeleteAnswer.self) { "deleted \($0.deleted)  revision \($0.revision)" }
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show what is left of a lease, and its keys.")
        @OptionGroup var client: ClientOptions
        @Argument(help: "Its id.") var id: Int64

        func run() throws {
            try client.run(.get("\(LeaseCommand.path)/\(id)"), LeaseAnswer.self) { lease in
                ([lease.summary] + (lease.keys ?? [])).joined(separator: "\n")
            }
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List all leases.", discussion: "With --json one line for each page.")
        @OptionGroup var client: ClientOptions

        func run() throws {
            let cluster = client.makeClient()
            var table = Table("ID", "TTL", "LEFT")
            var next: String? = "0"
            while let after = next {
                let response = try cluster.send(.get("\(LeaseCommand.path)?after=\(after)")).successful()
                if client.json { try StandardOutput.writeLine(response.text) }
                let page = try response.decoded(LeasesAnswer.self)
                for lease in page.leases {
                    table.add(lease.id, "\(lease.ttlSeconds)", lease.remainingSeconds.map { "\($0)" } ?? "-")
                }
                // A server that repeated itself would keep us here for ever.
                next = page.next == after ? nil : page.next
            }
            if !client.json { try StandardOutput.writeLine(table.text) }
        }
    }
}

struct LeaseAnswer: Decodable {
    var id: String
    var ttlSeconds: Int64
    var remainingSeconds: Int64?
    var keys: [String]?

    var summary: String { "\(id)  \(remainingSeconds.map { "\($0)" } ?? "-") of \(ttlSeconds) s left" }
}

private struct LeasesAnswer: Decodable {
    var leases: [LeaseAnswer]
    var next: String?
}
