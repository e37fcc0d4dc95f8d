/// Why there is no backup. The node goes on as if it had not been asked.
public enum BackupFailure: Error, Equatable, Sendable {
    /// Another one is being made, or still on its way to whoever asked for it.
    case inProgress
    case noSpace(String)
    /// It would have cost the node too much, or the node ends.
    case abandoned(String)
    case failed(String)
}
