import ArgumentParser
import FoundationEssentials
import HTTP

extension KVCommand {
    struct Watch: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tell of each change of a key, or of all keys below one.",
            discussion: """
                Goes on until it is ended, over nodes that end: each change is told once, in order. With --json the \
                server's lines as they come.
                """)
        /// A watch that is silent for so many seconds has ended, though nobody says so: a sign of life comes every ten.
        private static let silence = 30
        @OptionGroup var client: ClientOptions
        @Argument(help: "The key; all that is below it if it ends in a slash.") var key: String
        @Option(help: "Begin behind this revision; without it with the next change.") var after: UInt64?
        @Option(help: ArgumentHelp("Tell of one kind only.", valueName: "put|delete")) var events: Kind?

        enum Kind: String, ExpressibleByArgument { case put, delete }

        func validate() throws {
            // An empty shell variable must not mean everything.
            guard !key.isEmpty else { throw ValidationError("the key is empty; / is for all keys") }
        }

        func run() throws {
            if !client.json { try show("REVISION", "EVENT", "KEY", "VALUE") }
            var watch = ResumedWatch(path: KVCommand.path(of: key) + query, after: after)
            while true {
                try follow(&watch)
                // The node has ended, or somebody between us.
                ClusterClient.sleep(.milliseconds(100))
            }
        }

        private var query: String { "?watch=true" + (events.map { "&events=\($0.rawValue)" } ?? "") }

        /// For as long as one node tells it.
        private func follow(_ watch: inout ResumedWatch) throws(CommandFailure) {
            var told = watch
            defer { watch = told }
            let cluster = client.makeClient { [path = watch.path] asked, endpoint in
                guard asked.path == path else { return nil }
                var hasBegun = false
                let result = Download.send(told.request(), to: endpoint, silence: Self.silence) { bytes, _ in
                    hasBegun = true
                    do throws(CommandFailure) { try told.take(bytes, tell) } catch { error.exit() }
                }
                return hasBegun ? .success(HTTPResponse(status: 200)) : result
            }
            _ = try cluster.send(.get(watch.path)).successful()
        }

        private func tell(_ line: String, _ event: WatchLineAnswer) throws(CommandFailure) {
            if client.json { return try StandardOutput.writeLine(line) }
            switch event.type {
            case "put": try show("\(event.modRevision ?? 0)", "put", event.shownKey, event.shownValue)
            case "delete": try show("\(event.modRevision ?? 0)", "delete", event.shownKey)
            case "compacted":
                throw CommandFailure(
                    .failure,
                    "what comes next is not kept any more; the oldest revision is \(event.oldestRevision ?? 0)")
            default: break
            }
        }

        private func show(_ cells: String...) throws(CommandFailure) {
            try StandardOutput.writeLine(Table.line(cells, widths: [8, 6, 24, 0]))
        }
    }
}
