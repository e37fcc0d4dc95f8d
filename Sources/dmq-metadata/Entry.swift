import ArgumentParser
import FoundationEssentials
import Glibc
import Logging

@main
struct Entry: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dmq-metadata",
        abstract: "A replicated metadata controller for message brokers, and a small coordination store.",
        version: Version.current,
        subcommands: [
            ServeCommand.self, ClusterCommand.self, StatusCommand.self, BrokerCommand.self, TopicCommand.self,
            KVCommand.self, VerifyCommand.self, MembersCommand.self, DemoCommand.self, SimulateCommand.self,
        ],
        defaultSubcommand: ServeCommand.self)

    static func main() {
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let failure as CommandFailure {
            LineOutput.standardError.showProgress(nil)
            LineOutput.standardError.writeLine(prefix(of: .error) + "❌ \(failure.description)")
            Glibc.exit(failure.status.rawValue)
        } catch {
            exit(withError: error)
        }
    }

    /// A configuration error comes before there is a log, and must still be an error to the journal.
    private static func prefix(of level: Logger.Level) -> String {
        let style = LogFormatter.Style(format: .text, environment: ProcessInfo.processInfo.environment)
        return style == .journal ? "<\(LogFormatter.priority(level))>" : ""
    }
}
