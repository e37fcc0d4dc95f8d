import ArgumentParser
import Dispatch
import FoundationEssentials
import Glibc
import Logging
import Server

struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Run one node (also without naming the command).",
        discussion: """
            Every setting is a flag, an environment variable (the name in capitals with _ for . and -) or a key of the \
            --config file. Flags beat the environment, the environment beats the file.

            SIGTERM and SIGINT stop the node in good order; a second one stops it at once.
            """)

    @OptionGroup(title: "Settings")
    var options: ConfigurationOptions

    @Flag(
        name: .customLong("bootstrap"),
        help: "Start a cluster by this node's word alone, for this start; the same as --kraft.bootstrap=force.")
    var isFounding = false

    @Flag(name: .customLong("stop-at-end-of-input"), help: .hidden)
    var stopsAtEndOfInput = false

    func validate() throws {
        guard !isFounding || options.bootstrap == nil else {
            throw ValidationError("--bootstrap and --kraft.bootstrap say the same thing; give one of them")
        }
    }

    /// What was given, with the one that has a name of its own.
    var flags: [ConfigurationKey: String] {
        var flags = options.flags
        if isFounding { flags[.bootstrap] = Bootstrap.force.rawValue }
        return flags
    }

    func run() throws {
        let environment = ProcessInfo.processInfo.environment
        let configuration: NodeConfiguration
        do {
            let sources = try ConfigurationSources(
                flags: flags, environment: environment, readFile: readFile)
            configuration = try ConfigurationReader(sources: sources).read()
        } catch {
            throw CommandFailure(error)
        }
        SignalHandling.ignoreHangups()
        ProcessLimits.raiseOpenFiles()
        ProcessLimits.shareHeap()
        let style = LogFormatter.Style(format: configuration.logging.format, environment: environment)
        let formatter = LogFormatter(style: style)
        LineLogHandler.announceLosses(of: .standardError, formatter: formatter)
        let logger = Logger(label: "dmq-metadata") { _ in
            LineLogHandler(level: configuration.logging.level, formatter: formatter)
        }
        let session = ServeSession(
            logger: logger,
            environment: ServeSession.Environment(
                notifier: ServiceNotifier(environment: environment),
                watchdog: WatchdogSettings(environment: environment), exit: { Glibc.exit($0) }))
        let signals = SignalHandling.onTermination(queue: DispatchQueue(label: "dmq.signals")) { name, number in
            session.stop(because: name, exitStatusIfForced: 128 + number)
        }
        if stopsAtEndOfInput { Self.stopAtEndOfInput(session) }
        session.start(configuration, factory: HostedNode.factory)
        withExtendedLifetime((session, signals)) { dispatchMain() }
    }

    /// The parent holds the other end of the pipe for as long as it lives, however it ends. (PR_SET_PDEATHSIG would
    /// fire when the parent's *thread* ends, prctl(2).)
    private static func stopAtEndOfInput(_ session: ServeSession) {
        DispatchQueue(label: "dmq.parent").async {
            _ = readToEnd(STDIN_FILENO)
            session.stop(because: "the parent process ended", exitStatusIfForced: ExitStatus.failure.rawValue)
        }
    }
}
