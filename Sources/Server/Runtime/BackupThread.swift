import Glibc
import Logging
import Raft
import Storage
import Synchronization

/// Whether a backup is being made or taken away.
final class BackupTurn: Sendable {
    private let isTaken = Atomic(false)

    /// Returns whether it was free.
    func begin() -> Bool { !isTaken.exchange(true, ordering: .acquiring) }
    func end() { isTaken.store(false, ordering: .releasing) }
}

/// Makes one backup on a thread of its own, which steps back behind all others once nobody waits for it.
final class BackupThread: Sendable {
    private let hold: DatabaseHold
    private let logger: Logger
    private let completion: BackupCompletion

    init(_ hold: DatabaseHold, logger: Logger, completion: @escaping BackupCompletion) {
        (self.hold, self.logger, self.completion) = (hold, logger, completion)
    }

    func start() {
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { context in
                Unmanaged<BackupThread>.fromOpaque(context!).takeRetainedValue().run()
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        if code == 0 {
            pthread_detach(thread)
        } else {
            Unmanaged.passUnretained(self).release()
            hold.release()
            completion(.failure(.backup(.failed("no thread for it: \(String(cString: strerror(code)))"))))
        }
    }

    /// A share of the processor that is a third of the others'. Of this thread alone, whatever POSIX says (setpriority(2)).
    private static func stepBack() {
        let process = __priority_which_t(PRIO_PROCESS.rawValue)
        setpriority(process, 0, getpriority(process, 0) + 5)
    }

    private func run() {
        let began = SystemClock.now
        var held = Duration.zero
        let since = { SystemClock.now.instant.since(began.instant) }
        do throws(BackupFailure) {
            let content = try BackupCopy(of: hold).make(
                createdAt: began.unixMilliseconds, isInTime: { [hold] in since() < hold.patience },
                released: {
                    held = since()
                    Self.stepBack()
                })
            logger.info(
                "💾 backup made",
                metadata: [
                    "applied": "\(content.record.applied)", "bytes": "\(content.size)", "heldFor": "\(held)",
                    "took": "\(since())",
                ])
            completion(.success(content))
        } catch {
            logger.error("❌ no backup", metadata: ["reason": "\(error)"])
            completion(.failure(.backup(error)))
        }
    }
}
