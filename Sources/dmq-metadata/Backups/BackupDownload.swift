import CLinux
import FoundationEssentials
import Glibc
import HTTP
import Storage

/// Brings a backup from a node into a file, which has another name until it is whole, checked and on the disk.
struct BackupDownload {
    let file: String
    let isVerified: Bool
    private var part: String { file + ".part" }

    /// What is written to, and what has come of it.
    private final class Target {
        let descriptor: Int32
        var hash = SHA256()
        var count: Int64 = 0
        var writtenOut: Int64 = 0
        /// A fault of this machine's disk, for which no other node can do anything.
        var failure: CommandFailure?

        init(descriptor: Int32) { self.descriptor = descriptor }
        deinit { close(descriptor) }
    }

    init(file: String, isVerified: Bool) {
        self.file = file
        self.isVerified = isVerified
    }

    func run(
        _ request: ClientRequest, from endpoints: [Endpoint], patience: Duration
    ) throws(CommandFailure) -> SavedBackup {
        try refuseExisting()
        let target = Target(descriptor: try openPart())
        do throws(CommandFailure) {
            let response = try fetch(request, endpoints, patience, target)
            try check(response, target)
            guard fsync(target.descriptor) == 0 else { throw failed("synchronizing", part) }
            let saved = try read()
            try refuseExisting()
            guard rename(part, file) == 0 else { throw failed("naming", file) }
            try synchronizeDirectory()
            return saved
        } catch {
            unlink(part)
            throw error
        }
    }

    private func refuseExisting() throws(CommandFailure) {
        var status = stat()
        guard lstat(file, &status) != 0 else {
            throw CommandFailure(.ioError, "\(file): it exists. A backup overwrites nothing; give another name.")
        }
    }

    /// One that was left half done is made anew; one that is being made is left alone.
    private func openPart() throws(CommandFailure) -> Int32 {
        let descriptor = open(part, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failed("creating", part) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw CommandFailure(.temporaryFailure, "\(part): another process is making this backup")
        }
        return descriptor
    }

    private func fetch(
        _ request: ClientRequest, _ endpoints: [Endpoint], _ patience: Duration, _ target: Target
    ) throws(CommandFailure) -> HTTPResponse {
        let output = LineOutput.standardError
        output.showProgress("💾 waiting for the backup")
        defer { output.showProgress(nil) }
        let client = ClusterClient(endpoints: endpoints, patience: patience) { asked, endpoint in
            guard asked.path == request.path else { return nil }
            begin(target)
            return Download.send(asked, to: endpoint, silence: 900) { bytes, total in
                take(bytes, target)
                output.showProgress("💾 \(target.count >> 20) of \((total ?? 0) >> 20) MiB")
            }
        }
        let response = try client.send(request)
        if let failure = target.failure { throw failure }
        return try response.successful()
    }

    private func begin(_ target: Target) {
        target.hash = SHA256()
        (target.count, target.writtenOut) = (0, 0)
        if ftruncate(target.descriptor, 0) != 0 { target.failure = failed("emptying", part) }
    }

    private func take(_ bytes: [UInt8], _ target: Target) {
        guard target.failure == nil, !bytes.isEmpty else { return }
        target.hash.update(bytes)
        guard pwrite(target.descriptor, bytes, bytes.count, off_t(target.count)) == bytes.count else {
            target.failure = failed("writing", part)
            return
        }
        target.count += Int64(bytes.count)
        // All of it at the end would hold up whoever else writes to this disk.
        if target.count - target.writtenOut >= 8 << 20 {
            _ = clinux_write_out(target.descriptor, target.writtenOut, target.count - target.writtenOut)
            target.writtenOut = target.count
        }
    }

    private func check(_ response: HTTPResponse, _ target: Target) throws(CommandFailure) {
        let hash = target.hash.finish()
        guard response.headers["Repr-Digest"] == "sha-256=:\(Data(hash).base64EncodedString()):" else {
            throw CommandFailure(
                .failure, "what came is not what the node has sent (SHA-256); nothing was kept. Try again.")
        }
    }

    private func read() throws(CommandFailure) -> SavedBackup {
        if isVerified { return try SavedBackup.verified(part, called: file) }
        return try asFailure { () throws(StorageError) in
            let backup = try BackupFile(path: part)
            return SavedBackup(file: file, bytes: backup.bytes, record: backup.record, rows: nil)
        }
    }

    private func synchronizeDirectory() throws(CommandFailure) {
        let slash = file.lastIndex(of: "/")
        let directory = slash.map { $0 == file.startIndex ? "/" : String(file[..<$0]) } ?? "."
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer { close(descriptor) }
        guard descriptor >= 0, fsync(descriptor) == 0 else { throw failed("synchronizing", directory) }
    }

    private func failed(_ action: String, _ path: String) -> CommandFailure {
        CommandFailure(.ioError, "\(path): \(systemMessage(errno)) while \(action) it")
    }
}
