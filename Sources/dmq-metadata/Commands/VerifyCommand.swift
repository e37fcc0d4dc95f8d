import ArgumentParser

struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Check a node's data directory while the node does not run.",
        discussion: """
            Reads all of it: the file's structure, each entry's checksum, the log's continuity, the digest of the state. \
            Exit code 0 when all is sound, 65 when data is damaged, 74 when it can not be read, 75 when a node uses it, \
            78 when it belongs elsewhere.
            """)

    @Argument(help: ArgumentHelp("The data directory, such as data/node1.", valueName: "directory"))
    var directory: String

    func run() throws {
        let output = LineOutput.standardError
        let began = ContinuousClock.now
        let report = try DataVerification.verify(directory: directory) { rows in
            if ContinuousClock.now - began > .seconds(1) { output.showProgress("🔍 \(rows) rows checked") }
        }
        output.showProgress(nil)
        try StandardOutput.writeLine(report)
    }
}
