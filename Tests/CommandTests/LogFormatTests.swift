import Dispatch
import Logging
import Testing

@testable import dmq_metadata

@Suite struct LogFormatTests {
    private let moment = Duration.milliseconds(1_763_725_714_123)

    private func line(
        _ style: LogFormatter.Style, _ message: String, _ fields: [(key: String, value: String)] = [],
        level: Logger.Level = .info
    ) -> String {
        LogFormatter(style: style).line(level: level, message: message, fields: fields, time: moment)
    }

    @Test func text() {
        #expect(
            line(.text, "🎉 elected LEADER for term 3", [("node", "2"), ("votes", "2")])
                == "2025-11-21T11:48:34.123Z INFO  🎉 elected LEADER for term 3 node=2 votes=2")
        #expect(line(.text, "❌ x", level: .error) == "2025-11-21T11:48:34.123Z ERROR ❌ x")
    }

    @Test func journal() {
        #expect(
            line(.journal, "⚠️ broker missed its heartbeat", [("broker", "101")], level: .warning)
                == "<4>⚠️ broker missed its heartbeat broker=101")
        let priorities = Logger.Level.allCases.map(LogFormatter.priority)
        #expect(priorities == [7, 7, 6, 5, 4, 3, 2])
    }

    @Test(arguments: [
        ("", "\"\""), ("a b", "\"a b\""), ("a=b", "\"a=b\""), ("a\"b", "\"a\\\"b\""), ("a\nb", "\"a\\nb\""),
        ("a b\\c", "\"a b\\\\c\""), ("\u{1B}[31m", "\"\\u{1b}[31m\""), ("ä/é:1,2", "ä/é:1,2"),
    ])
    func valuesThatNeedQuotes(value: String, expected: String) {
        #expect(line(.journal, "m", [("k", value)]) == "<6>m k=\(expected)")
    }

    @Test func oneEventIsOneLine() {
        #expect(line(.journal, "a\nb\r\u{7}") == "<6>a\\nb\\r\\u{7}")
    }

    @Test func json() {
        #expect(
            line(.json, "🛑 \"stop\"\n\u{1}", [("a", "x\\y"), ("b", "2")], level: .notice)
                == #"{"time":"2025-11-21T11:48:34.123Z","level":"notice","message":"🛑 \"stop\"\n\u0001","fields":{"a":"x\\y","b":"2"}}"#
        )
        #expect(line(.journalJSON, "m") == #"<6>{"time":"2025-11-21T11:48:34.123Z","level":"info","message":"m"}"#)
    }

    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"), (1_709_251_200_000, "2024-03-01T00:00:00.000Z"),
            (1_735_689_599_001, "2024-12-31T23:59:59.001Z"), (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] as [(Int64, String)])
    func timestamps(milliseconds: Int64, expected: String) {
        #expect(Timestamp.format(.milliseconds(milliseconds)) == expected)
    }

    @Test func fieldsAreMergedAndOrdered() throws {
        let pipe = try TestPipe()
        let output = LineOutput(descriptor: pipe.writeEnd)
        var logger = Logger(label: "test") { _ in
            LineLogHandler(level: .debug, formatter: LogFormatter(style: .journal), output: output)
        }
        logger[metadataKey: "node"] = "1"
        logger[metadataKey: "b"] = "old"
        logger.info("m", metadata: ["b": "new", "a": "1"])
        logger.debug("✅ shown")
        logger.trace("not shown")
        output.flush(limit: .seconds(60))
        #expect(pipe.readAll() == "<6>m a=1 b=new node=1\n<7>✅ shown b=old node=1\n")
    }

    @Test func journalIsRecognizedByTheStreamItself() throws {
        let pipe = try TestPipe()
        let stream = pipe.identity
        let other = ["JOURNAL_STREAM": "1:2"]
        func style(_ format: LoggingConfiguration.Format, _ environment: [String: String]) -> LogFormatter.Style {
            LogFormatter.Style(format: format, environment: environment, descriptor: pipe.writeEnd)
        }
        #expect(style(.text, ["JOURNAL_STREAM": stream]) == .journal)
        #expect(style(.json, ["JOURNAL_STREAM": stream]) == .journalJSON)
        #expect(style(.text, other) == .text)
        #expect(style(.json, [:]) == .json)
    }
}
