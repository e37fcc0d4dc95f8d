import Metadata
import Raft
import Storage

/// Why a request for a backup was not carried out.
public enum BackupRefusal: Error, Equatable, Sendable {
    case request(RequestFailure)
    case backup(BackupFailure)
}

public typealias BackupCompletion = @Sendable (Result<BackupContent, BackupRefusal>) -> Void

/// A backup that waits for the state tables to have all that was applied when it was asked for.
struct AwaitedBackup {
    let index: LogIndex
    let completion: BackupCompletion
}

extension Node {
    /// What was acknowledged before the request is in the backup, if it is to be linearizable.
    func backUp(_ consistency: Consistency, _ completion: @escaping BackupCompletion) {
        guard backup == nil else { return completion(.failure(.backup(.inProgress))) }
        switch consistency {
        case .stale:
            if let outOfService { return completion(.failure(.request(.unavailable(outOfService)))) }
            waitForTables(completion)
        case .linearizable:
            confirm { [unowned self] confirmation in
                switch confirmation {
                case .success: waitForTables(completion)
                case .failure(let failure): completion(.failure(.request(failure)))
                }
            }
        }
    }

    private func waitForTables(_ completion: @escaping BackupCompletion) {
        // Two may have waited for one confirmation.
        guard backup == nil else { return completion(.failure(.backup(.inProgress))) }
        backup = AwaitedBackup(index: lastApplied, completion: completion)
    }

    /// Whether a checkpoint is due only because a backup waits for it.
    var isCheckpointAwaited: Bool {
        guard let backup, checkpoints.inProgress == nil else { return false }
        return checkpoints.position.index < backup.index
    }

    func continueBackup() {
        guard let backup, checkpoints.inProgress == nil, checkpoints.position.index >= backup.index else { return }
        self.backup = nil
        disk.backUp(backup.completion)
    }

    func abandonBackup(_ reason: String) {
        backup?.completion(.failure(.request(.unavailable(reason))))
        backup = nil
    }
}

extension NodeDisk {
    /// Disks that are none have no backups.
    public func backUp(_ completion: @escaping BackupCompletion) {
        completion(.failure(.backup(.failed("this disk makes no backups"))))
    }
}
