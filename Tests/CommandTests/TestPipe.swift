import Glibc

@testable import dmq_metadata

/// A pipe whose both ends this process holds.
final class TestPipe {
    let readEnd: Int32
    let writeEnd: Int32
    private var isOpen = true

    init() throws {
        let pipe = try Pipe()
        (readEnd, writeEnd) = (pipe.readEnd, pipe.writeEnd)
    }

    deinit {
        close(readEnd)
        if isOpen { close(writeEnd) }
    }

    /// Closes the write end, and returns what came through.
    func readAll() -> String {
        close(writeEnd)
        isOpen = false
        guard case .success(let bytes) = readToEnd(readEnd) else { return "" }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Closes the write end; true if it was open.
    func closeAndForget() -> Bool {
        defer { isOpen = false }
        return isOpen && close(writeEnd) == 0
    }

    /// As systemd writes it into `$JOURNAL_STREAM`.
    var identity: String {
        var status = stat()
        fstat(writeEnd, &status)
        return "\(status.st_dev):\(status.st_ino)"
    }
}

/// Waits until `condition` holds, for a minute at most.
func soon(_ condition: () -> Bool) -> Bool {
    let end = ContinuousClock.now + .seconds(60)
    while !condition() {
        guard ContinuousClock.now < end else { return false }
        _ = poll(nil, 0, 1)
    }
    return true
}
