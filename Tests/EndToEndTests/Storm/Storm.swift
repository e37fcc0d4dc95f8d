/// What all storms have in common. Nobody may be deposed, no pause may come near to the election timeout, and no process may
/// take more than its state and its budget.
enum Storm {
    /// Longer than a busy machine stands still, shorter than by default: a test waits for the first election.
    static let electionTimeout = Duration.seconds(3)
    static let settings = [
        "kraft.raft.election-timeout-ms": "3000", "kraft.raft.election-timeout-jitter-ms": "1000",
        "kraft.raft.heartbeat-interval-ms": "700",
    ]
    /// The state, what the log holds, requests and answers on their way; and what keys were (kv.history.max-mb), twice, for what
    /// has been given up stays while a checkpoint is written from an image of before.
    static let memory = 400_000_000 + 2 * 64 * 1024 * 1024
}
