import ArgumentParser

extension KVCommand {
    struct History: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List what a key was, the newest first.",
            discussion: "With --json one line for each page. What is older than the cluster keeps is not there.")
        @OptionGroup var client: ClientOptions
        @Argument(help: "The key, such as /config/service/a.") var key: String

        func validate() throws { try KVCommand.requireKey(key) }

        func run() throws {
            let cluster = client.makeClient()
            var table = Table("REVISION", "VERSION", "VALUE")
            var next: UInt64?
            repeat {
                let query = KVCommand.query(["history=true"] + (next.map { ["before=\($0)"] } ?? []))
                let response = try cluster.send(.get(KVCommand.path(of: key) + query)).successful()
                let page = try response.decoded(HistoryAnswer.self)
                if client.json { try StandardOutput.writeLine(response.text) }
                for entry in page.versions {
                    let isDeletion = entry.deleted == true
                    table.add(
                        entry.modRevision.map(String.init) ?? "-",
                        isDeletion ? "deleted" : entry.version.map(String.init) ?? "-",
                        isDeletion ? "" : entry.shownValue)
                }
                // A server that repeated itself would keep us here for ever.
                guard page.next.map({ $0 < next ?? .max }) ?? true else { break }
                next = page.next
            } while next != nil
            if !client.json { try StandardOutput.writeLine(table.text) }
        }
    }

    struct Compact: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give up what keys were before a revision.",
            discussion: "The cluster does so by itself; see kv.history.max-age-s and kv.history.max-mb.")
        @OptionGroup var client: ClientOptions
        @Argument(help: "The oldest revision that is to stay readable.") var revision: UInt64

        func run() throws {
            let request = ClientRequest.json("POST", "/api/v1/kv-compaction", #"{"revision":\#(revision)}"#)
            try client.run(request, CompactionAnswer.self) { "oldest revision \($0.oldestRevision)" }
        }
    }
}
