import ArgumentParser

struct BrokerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "broker", abstract: "Look at brokers, register and unregister them.",
        subcommands: [
            List.self, Show.self, Register.self, Unregister.self, Heartbeat.self, MayStop.self, Cordon.self, Drain.self,
        ])

    static let path = "/api/v1/metadata/brokers"

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List all brokers.")
        @OptionGroup var client: ClientOptions
        @Flag(help: "Show what each may do, and how much it has and leads.") var full = false

        func run() throws {
            if full { return try client.run(.get("\(path)?view=full"), [FullBrokerAnswer].self, describe: fullTable) }
            try client.run(.get(BrokerCommand.path), [BrokerAnswer].self, describe: BrokerCommand.table)
        }

        private var path: String { BrokerCommand.path }

        private func fullTable(_ brokers: [FullBrokerAnswer]) -> String {
            var table = Table("BROKER", "ADDRESS", "STATE", "EPOCH", "REPLICAS", "LEADERS", "HEARTBEAT")
            for broker in brokers {
                table.add(
                    "\(broker.brokerId)", BrokerCommand.address(broker.host, broker.port), broker.stateText,
                    broker.brokerEpoch.map { "\($0)" } ?? "-", "\(broker.replicas)", "\(broker.leaders)",
                    broker.lastHeartbeatMs.map { "\($0) ms ago" } ?? "-")
            }
            return table.text
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show one broker.")
        @OptionGroup var client: ClientOptions
        @Argument(help: "The broker's id.") var id: Int64

        func run() throws {
            try client.run(.get("\(BrokerCommand.path)/\(id)"), BrokerAnswer.self) { BrokerCommand.table([$0]) }
        }
    }

    struct Register: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Register a broker.", usage: "dmq-metadata broker register 101 localhost:8081 [--rack a]")
        @OptionGroup var client: ClientOptions
        @Argument(help: "The broker's id.") var id: Int64
        @Argument(help: ArgumentHelp("Where clients reach it.", valueName: "host:port")) var address: String
        @Option(help: "The rack it stands in.") var rack: String?

        func validate() throws {
            guard address.contains(":"), Endpoint(address) != nil, !address.contains("/") else {
                throw ValidationError("'\(address)' is no address; give host:port, for example localhost:8081")
            }
        }

        func run() throws {
            guard let endpoint = Endpoint(address) else { return }
            var body = "{\"brokerId\":\(id),\"host\":\(jsonString(endpoint.host)),\"port\":\(endpoint.port)"
            if let rack { body += ",\"rack\":\(jsonString(rack))" }
            try client.run(.json("POST", BrokerCommand.path, body + "}"), BrokerAnswer.self) {
                BrokerCommand.table([$0])
            }
        }
    }

    struct Unregister: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Remove a broker that holds no partition.")
        @OptionGroup var client: ClientOptions
        @Argument(help: "The broker's id.") var id: Int64

        func run() throws {
            try client.run(
                ClientRequest(method: "DELETE", path: "\(BrokerCommand.path)/\(id)"),
                done: "broker \(id) is unregistered")
        }
    }

    struct Heartbeat: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Send one heartbeat in a broker's name.")
        @OptionGroup var client: ClientOptions
        @Argument(help: "The broker's id.") var id: Int64

        func run() throws {
            let request = ClientRequest(method: "POST", path: "/api/v1/metadata/heartbeat/\(id)")
            try client.run(request, HeartbeatAnswerBody.self) {
                "broker \(id) is alive; metadata version \($0.metadataVersion), controller term \($0.controllerTerm)"
            }
        }
    }

    private static func table(_ brokers: [BrokerAnswer]) -> String {
        var table = Table("BROKER", "ADDRESS", "RACK", "STATUS", "REGISTERED")
        for broker in brokers {
            table.add(
                "\(broker.brokerId)", address(broker.host, broker.port), broker.rack ?? "-", broker.status,
                broker.registeredAt.map { Timestamp.format(.milliseconds(max(0, $0))) } ?? "-")
        }
        return table.text
    }

    private static func address(_ host: String, _ port: Int) -> String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
