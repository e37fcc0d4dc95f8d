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
            ServeCommand.self, ClusterCommand.self, StatusCommand.self, HealthCommand.self, BrokerCommand.self,
            TopicCommand.self, PartitionCommand.self, RehearseCommand.self, ConsumerGroupCommand.self, KVCommand.self,
            LeaseCommand.self,
            LockCommand.self, VerifyCommand.self, BackupCommand.self,
            RestoreCommand.self, RepairCommand.self,
            RecoverCommand.self, MemberCommand.self, FeatureCommand.self, MembersCommand.self, DemoCommand.self,
            SimulateCommand.self,
        ],
        defaultSubcommand: ServeCommand.self)

    static func main() {
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let failure as CommandFailure {
            failure.exit()
        } catch {
            exit(withError: error)
        }
    }
}

extension CommandFailure {
    /// Says why, and ends the process.
    func exit() -> Never {
        LineOutput.standardError.showProgress(nil)
        LineOutput.standardError.writeLine(Self.prefix(of: .error) + "❌ \(description)")
        Glibc.exit(status.rawValue)
    }

    /// A configuration error comes before there is a log, and must still be an error to the journal.
    private static func prefix(of level: Logger.Level) -> String {
        let style = LogFormatter.Style(format: .text, environment: ProcessInfo.processInfo.environment)
        return style == .journal ? "<\(LogFormatter.priority(level))>" : ""
    }
}
