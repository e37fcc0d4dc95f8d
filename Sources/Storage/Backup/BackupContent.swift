import Glibc
import Synchronization

/// A backup on its way to whoever asked for it: a file without a name, which is gone when this is.
public final class BackupContent: Sendable {
    public let size: Int64
    /// SHA-256 of all of it.
    public let sha256: [UInt8]
    public let record: BackupRecord
    private let descriptor: Int32
    private let onEnd = Mutex<(@Sendable () -> Void)?>(nil)

    private static let readAheadBytes: Int64 = 4 * 1024 * 1024

    /// Takes over `descriptor`.
    public init(descriptor: Int32, size: Int64, sha256: [UInt8], record: BackupRecord) {
        (self.descriptor, self.size, self.sha256, self.record) = (descriptor, size, sha256, record)
    }

    deinit {
        close(descriptor)
        onEnd.withLock { $0 }?()
    }

    /// Called when this has gone.
    public func whenGone(_ body: @escaping @Sendable () -> Void) { onEnd.withLock { $0 = body } }

    /// Appends up to `count` bytes from `offset` on. What can not be read is zeros: the recipient's hash tells.
    public func append(_ count: Int, at offset: Int64, to bytes: inout [UInt8]) {
        // Whoever sends this has other things to do than to wait for a disk: so that is asked beforehand.
        if offset % Self.readAheadBytes < Int64(count) {
            posix_fadvise(
                descriptor, off_t(offset + Int64(count)), off_t(Self.readAheadBytes), POSIX_FADV_WILLNEED)
        }
        let count = Int(min(Int64(count), size - offset))
        guard count > 0 else { return }
        let start = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: count))
        var done = 0
        while done < count {
            let got = bytes.withUnsafeMutableBytes {
                pread(descriptor, $0.baseAddress! + start + done, count - done, off_t(offset) + off_t(done))
            }
            if got <= 0 { return }
            done += got
        }
    }
}
