import Dispatch
import Glibc
import Logging

/// swift-log's events as lines on standard error.
struct LineLogHandler: LogHandler {
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    let formatter: LogFormatter
    let output: LineOutput

    init(level: Logger.Level, formatter: LogFormatter, output: LineOutput = .standardError) {
        self.logLevel = level
        self.formatter = formatter
        self.output = output
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { $1 } }
        if let own = event.metadata { all.merge(own) { $1 } }
        if let error = event.error { all["error"] = "\(error)" }
        // A dictionary has no order; lines that are to be compared need one.
        let fields = all.map { (key: $0.key, value: $0.value.description) }.sorted { $0.key < $1.key }
        let line = formatter.line(
            level: event.level, message: event.message.description, fields: fields, time: Self.now())
        output.writeLine(line)
        // The process may end itself with the next step, and this line says why.
        if event.level == .critical { output.flush(limit: .milliseconds(200)) }
    }

    /// Lets lines that `output` lost be told of as lines of the log are.
    static func announceLosses(of output: LineOutput, formatter: LogFormatter) {
        output.describeLoss { count in
            formatter.line(
                level: .warning, message: "⚠️ \(count) log lines were lost: nobody read the log", fields: [],
                time: now())
        }
    }

    private static func now() -> Duration {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
}

extension LogFormatter.Style {
    /// systemd tells a service which file its output goes to the journal through (systemd.exec(5), `$JOURNAL_STREAM`);
    /// when standard error is that file, journald reads it.
    init(format: LoggingConfiguration.Format, environment: [String: String], descriptor: Int32 = STDERR_FILENO) {
        let isJournal = Self.journalStream(of: descriptor).map { $0 == environment["JOURNAL_STREAM"] } ?? false
        switch format {
        case .text: self = isJournal ? .journal : .text
        case .json: self = isJournal ? .journalJSON : .json
        }
    }

    private static func journalStream(of descriptor: Int32) -> String? {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        return "\(status.st_dev):\(status.st_ino)"
    }
}
