import ArgumentParser
import FoundationEssentials
import Glibc
import HTTP

struct KVCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kv", abstract: "Read and write the coordination store.",
        subcommands: [
            Get.self, Put.self, Delete.self, List.self, History.self, Watch.self, Compact.self, Transact.self,
        ])

    /// The path of a key, which may be given with or without the slash at its front.
    static func path(of key: String) -> String {
        "/api/v1/kv" + PercentEncoding.encodePath(key.hasPrefix("/") ? key : "/" + key)
    }

    static func query(_ parameters: [String]) -> String {
        parameters.isEmpty ? "" : "?" + parameters.joined(separator: "&")
    }

    struct Get: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the value of a key.",
            discussion: "Prints the value's bytes as they are; with a line feed behind them on a terminal.")
        @OptionGroup var client: ClientOptions
        @Argument(help: "The key, such as /config/service/a.") var key: String
        @Flag(help: "Take the state of the node that is asked, which may lag behind.") var stale = false
        @Option(help: "What the key was at this revision.") var revision: UInt64?

        func validate() throws { try KVCommand.requireKey(key) }

        func run() throws {
            let query = [stale ? "consistency=stale" : nil, revision.map { "revision=\($0)" }].compactMap { $0 }
            var request = ClientRequest.get(KVCommand.path(of: key) + KVCommand.query(query))
            if client.json { request.headers.append(("Accept", "application/json")) }
            let response = try client.makeClient().send(request).successful()
            if client.json { return try StandardOutput.writeLine(response.text) }
            let isAtTerminal = isatty(STDOUT_FILENO) == 1 && response.body.last != UInt8(ascii: "\n")
            try StandardOutput.write(response.body + (isAtTerminal ? [UInt8(ascii: "\n")] : []))
        }
    }

    struct Put: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Set the value of a key.")
        @OptionGroup var client: ClientOptions
        @Argument(help: "The key, such as /config/service/a.") var key: String
        @Argument(help: "The value; - reads it from standard input.") var value: String?
        @Option(help: ArgumentHelp("Read the value from a file.", valueName: "path")) var file: String?
        @Option(help: ArgumentHelp("Only if the key has this mod revision.", valueName: "revision"))
        var ifRevision: UInt64?
        @Flag(help: "Only if the key does not exist.") var ifAbsent = false
        @Option(help: ArgumentHelp("The lease that it goes with.", valueName: "id")) var lease: Int64?

        func validate() throws {
            try KVCommand.requireKey(key)
            guard (value == nil) != (file == nil) else { throw ValidationError("give a value, - or --file") }
            guard ifRevision == nil || !ifAbsent else {
                throw ValidationError("--if-revision and --if-absent exclude each other")
            }
        }

        func run() throws {
            let query = KVCommand.query(lease.map { ["lease=\($0)"] } ?? [])
            var request = ClientRequest(method: "PUT", path: KVCommand.path(of: key) + query)
            request.body = try readValue()
            if let ifRevision { request.headers.append(("If-Match", "\"\(ifRevision)\"")) }
            if ifAbsent { request.headers.append(("If-None-Match", "*")) }
            try client.run(request, PutAnswer.self) { "\($0.key)  revision \($0.revision)  version \($0.version)" }
        }

        private func readValue() throws(CommandFailure) -> [UInt8] {
            if let file { return try KVCommand.read(file) }
            return value == "-" ? try KVCommand.readStandardInput() : Array((value ?? "").utf8)
        }
    }

    struct Delete: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Delete a key, or all keys below one.")
        @OptionGroup var client: ClientOptions
        @Argument(help: "The key; with --recursive all that is below it.") var key: String
        @Flag(help: "Delete everything below the key, but not the key itself.") var recursive = false
        @Option(help: ArgumentHelp("Only if the key has this mod revision.", valueName: "revision"))
        var ifRevision: UInt64?

        func validate() throws {
            if recursive {
                // An empty shell variable must not mean everything.
                guard !key.isEmpty else { throw ValidationError("the key is empty; / is for all keys") }
            } else {
                try KVCommand.requireKey(key)
            }
            guard ifRevision == nil || !recursive else {
                throw ValidationError("--if-revision is for one key, not for --recursive")
            }
        }

        func run() throws {
            var request = ClientRequest(method: "DELETE", path: KVCommand.path(of: key))
            if recursive { request.path = KVCommand.path(of: KVCommand.directory(key)) + "?recursive=true" }
            if let ifRevision { request.headers.append(("If-Match", "\"\(ifRevision)\"")) }
            try client.run(request, DeleteAnswer.self) { "deleted \($0.deleted)  revision \($0.revision)" }
        }
    }

    private static func directory(_ key: String) -> String { key.hasSuffix("/") ? key : key + "/" }

    static func read(_ file: String) throws(CommandFailure) -> [UInt8] {
        switch readFile(file) {
        case .bytes(let bytes): return bytes
        case .missing: throw CommandFailure(.ioError, "\(file): there is no such file")
        case .unreadable(let reason): throw CommandFailure(.ioError, "\(file): \(reason)")
        }
    }

    static func readStandardInput() throws(CommandFailure) -> [UInt8] {
        switch readToEnd(STDIN_FILENO) {
        case .success(let bytes): return bytes
        case .failure(let error):
            throw CommandFailure(.ioError, "standard input: \(systemMessage(error.number))")
        }
    }

    static func requireKey(_ key: String) throws {
        guard !key.isEmpty, key != "/" else { throw ValidationError("the key is empty") }
        guard !key.hasSuffix("/") else { throw ValidationError("a key does not end in a slash") }
    }
}

extension KVCommand {
    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the keys below a key.", discussion: "With --json one line for each page of the listing.")
        @OptionGroup var client: ClientOptions
        @Argument(help: "Where to begin; / for all.") var directory = "/"
        @Flag(help: "Only the direct children; those that have keys below them end in a slash.") var children = false
        @Flag(help: "Take the state of the node that is asked, which may lag behind.") var stale = false
        @Option(help: "The keys as they were at this revision.") var revision: UInt64?

        func run() throws {
            let cluster = client.makeClient()
            var rows: [ListingAnswer.Entry] = []
            var next: String?
            repeat {
                let response = try cluster.send(.get(pagePath(after: next))).successful()
                let page = try response.decoded(ListingAnswer.self)
                if client.json { try StandardOutput.writeLine(response.text) } else { rows += page.entries }
                // A server that repeated itself would keep us here for ever.
                guard page.next == nil || page.next != next else { break }
                next = page.next
                LineOutput.standardError.showProgress(next == nil ? nil : "\(rows.count) keys so far")
            } while next != nil
            if !client.json { try StandardOutput.writeLine(Self.table(rows)) }
        }

        private func pagePath(after next: String?) -> String {
            var query: [String] = []
            if children { query.append("recursive=false") }
            if stale { query.append("consistency=stale") }
            if let revision { query.append("revision=\(revision)") }
            if let next { query.append("after=" + PercentEncoding.encode(next)) }
            return KVCommand.path(of: KVCommand.directory(directory)) + KVCommand.query(query)
        }

        private static func table(_ entries: [ListingAnswer.Entry]) -> String {
            var table = Table("KEY", "REVISION", "VERSION", "VALUE")
            for entry in entries {
                if let directory = entry.directory {
                    table.add(directory)
                } else {
                    table.add(
                        entry.key ?? "", entry.modRevision.map(String.init) ?? "-",
                        entry.version.map(String.init) ?? "-", entry.shownValue)
                }
            }
            return table.text
        }

    }
}
