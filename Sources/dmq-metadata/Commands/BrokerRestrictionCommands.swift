import ArgumentParser
import HTTP

extension BrokerCommand {
    struct Cordon: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give a broker no new replicas, until it is taken back with --off.")
        @OptionGroup var client: ClientOptions
        @OptionGroup var dryRun: DryRunOption
        @Argument(help: "The broker's id.") var id: Int64
        @Flag(help: "Take that back.") var off = false

        func run() throws {
            let request = ClientRequest(
                method: off ? "DELETE" : "PUT", path: "\(BrokerCommand.path)/\(id)/cordon\(dryRun.query)")
            try client.run(request, RestrictedBrokerAnswer.self) { $0.text }
        }
    }

    struct Drain: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let others lead what a broker leads, until it is taken back with --off.",
            discussion: """
                The broker is in maintenance: it goes on to follow, and leads only what nobody else could. One broker at a time, \
                unless with --force. Exit code 1 while there is something that it has to lead on.
                """)
        @OptionGroup var client: ClientOptions
        @Argument(help: "The broker's id.") var id: Int64
        @Flag(help: "Also while another broker is in maintenance.") var force = false
        @Flag(help: "Take that back: what it led before goes back to it.") var off = false

        func run() throws {
            let cluster = client.makeClient()
            let path = "\(BrokerCommand.path)/\(id)/maintenance"
            let request = ClientRequest(
                method: off ? "DELETE" : "PUT", path: path + (force && !off ? "?force=true" : ""))
            _ = try cluster.send(request).successful()
            let response = try cluster.send(.get(path + "?consistency=linearizable")).successful()
            let answer = try response.decoded(MaintenanceAnswer.self)
            try StandardOutput.writeLine(client.json ? response.text : answer.text)
            if answer.maintenance, !answer.finished { throw ExitCode(ExitStatus.failure.rawValue) }
        }
    }
}
