import ArgumentParser
import Glibc

@main
struct Entry: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dmq-metadata",
        abstract: "A replicated metadata controller for message brokers, and a small coordination store.",
        version: Version.current,
        subcommands: [
            ServeCommand.self, ClusterCommand.self, StatusCommand.self, BrokerCommand.self, TopicCommand.self,
            KVCommand.self,
            VerifyCommand.self, DemoCommand.self,
        ],
        defaultSubcommand: ServeCommand.self)

    static func main() {
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let failure as CommandFailure {
            LineOutput.standardError.showProgress(nil)
            LineOutput.standardError.writeLine("❌ \(failure.description)")
            Glibc.exit(failure.status.rawValue)
        } catch {
            exit(withError: error)
        }
    }
}
