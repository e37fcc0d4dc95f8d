import Logging

/// Turns events into lines.
struct LogFormatter: Sendable {
    enum Style: Sendable {
        /// `2026-11-21T11:48:34.123Z INFO  🎉 elected LEADER term=3`
        case text
        /// `<6>🎉 elected LEADER term=3`: journald knows the time, and takes the priority from the prefix (sd-daemon(3)).
        case journal
        /// `{"time":"…","level":"info","message":"…","fields":{"term":"3"}}`
        case json
        /// JSON with journald's prefix.
        case journalJSON
    }

    var style: Style

    /// The line for one event, without the line feed. `time` is since 1970.
    func line(level: Logger.Level, message: String, fields: [(key: String, value: String)], time: Duration) -> String {
        switch style {
        case .text:
            "\(Timestamp.format(time)) \(Self.label(level)) \(Self.text(message, fields))"
        case .journal:
            "<\(Self.priority(level))>\(Self.text(message, fields))"
        case .json:
            Self.json(level, message, fields, time)
        case .journalJSON:
            "<\(Self.priority(level))>\(Self.json(level, message, fields, time))"
        }
    }

    /// syslog(3).
    static func priority(_ level: Logger.Level) -> Int {
        switch level {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }

    private static func label(_ level: Logger.Level) -> String {
        switch level {
        case .trace: "TRACE"
        case .debug: "DEBUG"
        case .info: "INFO "
        case .notice: "NOTE "
        case .warning: "WARN "
        case .error: "ERROR"
        case .critical: "FATAL"
        }
    }

    private static func text(_ message: String, _ fields: [(key: String, value: String)]) -> String {
        var line = ""
        appendEscaped(message, to: &line)
        for (key, value) in fields {
            line += " \(key)="
            appendValue(value, to: &line)
        }
        return line
    }

    /// A value that could be taken for two, or for none, stands in quotes.
    private static func appendValue(_ value: String, to line: inout String) {
        let isPlain =
            !value.isEmpty
            && value.unicodeScalars.allSatisfy { $0.value > 0x20 && $0 != "\"" && $0 != "=" && $0.value != 0x7F }
        if isPlain {
            line += value
            return
        }
        line += "\""
        appendEscaped(value, quoted: true, to: &line)
        line += "\""
    }

    /// One event is one line, whatever a name from outside holds: control characters would also reach terminals.
    private static func appendEscaped(_ text: String, quoted: Bool = false, to line: inout String) {
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"" where quoted: line += "\\\""
            case "\\" where quoted: line += "\\\\"
            case "\n": line += "\\n"
            case "\r": line += "\\r"
            case "\t": line += "\\t"
            case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value):
                line += "\\u{" + String(scalar.value, radix: 16) + "}"
            default: line.unicodeScalars.append(scalar)
            }
        }
    }

    private static func json(
        _ level: Logger.Level, _ message: String, _ fields: [(key: String, value: String)], _ time: Duration
    ) -> String {
        var line = "{\"time\":\"\(Timestamp.format(time))\",\"level\":\"\(level.rawValue)\",\"message\":"
        appendJSON(message, to: &line)
        if !fields.isEmpty {
            line += ",\"fields\":{"
            for (index, field) in fields.enumerated() {
                if index > 0 { line += "," }
                appendJSON(field.key, to: &line)
                line += ":"
                appendJSON(field.value, to: &line)
            }
            line += "}"
        }
        return line + "}"
    }

    /// RFC 8259 §7.
    static func appendJSON(_ text: String, to line: inout String) {
        line += "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": line += "\\\""
            case "\\": line += "\\\\"
            case "\n": line += "\\n"
            case "\r": line += "\\r"
            case "\t": line += "\\t"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                line += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: line.unicodeScalars.append(scalar)
            }
        }
        line += "\""
    }
}
