import ArgumentParser
import Storage

struct BackupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Copy a node's database to a file, also while the node runs.",
        discussion: """
            The copy is one moment's state and log, on disk when the command ends, and overwrites nothing. Exit code 0 \
            when it is made, 65 when the data are damaged, 74 when they can not be read, or the copy not written.
            """)

    @Argument(help: ArgumentHelp("The data directory, such as data/node1.", valueName: "directory"))
    var directory: String

    @Argument(help: ArgumentHelp("The file to write, which must not exist.", valueName: "file"))
    var file: String

    func validate() throws {
        guard !directory.isEmpty, !file.isEmpty else {
            throw ValidationError("neither the data directory nor the file can be empty")
        }
    }

    func run() throws {
        let bytes: Int64
        do throws(StorageError) {
            bytes = try Backup.write(directory: directory, to: file)
        } catch {
            throw CommandFailure(error)
        }
        try StandardOutput.writeLine("\(file): \(bytes) bytes")
    }
}
