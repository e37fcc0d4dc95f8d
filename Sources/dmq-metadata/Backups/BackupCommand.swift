import ArgumentParser
import Server
import Storage

struct BackupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Save the state of a cluster that runs, or check what was saved.",
        subcommands: [Make.self, Verify.self], defaultSubcommand: Make.self)

    struct Make: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "make", abstract: "Save the state of a cluster, or a node's whole database (the default).",
            discussion: """
                backup FILE asks the leader for the state as of now, and checks what has come; "restore" makes a cluster \
                of it. backup DIRECTORY FILE copies the database of a node on this machine, log and all, also of one \
                that does not run. Neither overwrites anything, and what has its name is whole and on the disk.

                Exit code 0 when it is made, 1 when the cluster refused, 65 when the data are damaged, 69 when no node \
                could be reached, 74 when it can not be read or written.
                """)

        @OptionGroup var client: ClientOptions

        @Option(help: ArgumentHelp("Ask the nodes that this file lists, instead of --endpoint.", valueName: "file"))
        var services: String?

        @Option(
            help: ArgumentHelp(
                "Save to a file in this directory that has the time for its name.", valueName: "directory"))
        var into: String?

        @Option(
            help: ArgumentHelp(
                "Then remove older ones there: 24h:1h,7d:24h keeps one an hour for a day, one a day for a week.",
                valueName: "age:interval"))
        var keep: Retention?

        @Flag(help: "Take the state of the first node that answers, which may lag behind.") var stale = false

        @Flag(name: .customLong("no-verify"), help: "Do not read what was saved once more.") var skipsVerification =
            false

        @Argument(help: ArgumentHelp("The file to write, or a data directory and the file.", valueName: "file"))
        var names: [String] = []

        func validate() throws {
            guard names.allSatisfy({ !$0.isEmpty }), into != "" else {
                throw ValidationError("neither a directory nor a file can have an empty name")
            }
            guard into == nil ? (1...2).contains(names.count) : names.isEmpty else {
                throw ValidationError("give a file, or a data directory and a file, or --into a directory")
            }
            guard keep == nil || into != nil && !skipsVerification else {
                throw ValidationError("--keep goes with --into, and not with --no-verify: what is sound must be known")
            }
        }

        func run() throws {
            if names.count == 2 { return try copyDatabase(of: names[0], to: names[1]) }
            let file = into.map(Retention.newFile) ?? names[0]
            let endpoints = try services.map(Self.endpoints) ?? client.endpoints.compactMap(Endpoint.init)
            let request = ClientRequest.get("/api/v1/backup" + (stale ? "?consistency=stale" : ""))
            let saved = try BackupDownload(file: file, isVerified: !skipsVerification)
                .run(request, from: endpoints, patience: .milliseconds(Int64(client.timeout * 1000)))
            try StandardOutput.writeLine(client.json ? saved.json : saved.text)
            if let keep, let into {
                for name in try keep.prune(into, sparing: file) { try StandardOutput.writeLine("\(name): removed") }
            }
        }

        private func copyDatabase(of directory: String, to file: String) throws {
            let bytes = try asFailure { () throws(StorageError) in try Backup.write(directory: directory, to: file) }
            try StandardOutput.writeLine("\(file): \(bytes) bytes")
        }

        private static func endpoints(of servicesFile: String) throws(CommandFailure) -> [Endpoint] {
            try ServicesFile.members(of: servicesFile).map { Endpoint(host: $0.host, port: $0.port) }
        }
    }

    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "verify", abstract: "Check a file that backup has written.",
            discussion: """
                Reads all of it: the file's structure, each row, the digest of all. Exit code 0 when it is sound, 65 when \
                it is damaged or no backup, 74 when it can not be read.
                """)

        @Argument(help: ArgumentHelp("The backup.", valueName: "file"))
        var file: String

        func run() throws { try StandardOutput.writeLine(try SavedBackup.verified(file).text) }
    }
}
