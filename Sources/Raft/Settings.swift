/// The timing and the bounds of one node. All nodes of a cluster should have the same.
public struct Settings: Equatable, Sendable {
    /// A follower that hears no leader for this long, plus a random part of the jitter, asks for votes (§3.4).
    public var electionTimeout: Duration = .milliseconds(5000)
    public var electionJitter: Duration = .milliseconds(2000)
    public var heartbeatInterval: Duration = .milliseconds(1500)

    /// The pause of a node that knows no leader before it asks for pre-votes: short, whatever the election timeout is,
    /// for nobody is disturbed by a pre-vote (§9.6). Doubled after each one that failed, up to ``maximumPause``.
    public var leaderlessPause: ClosedRange<Duration> = .milliseconds(50)...(.milliseconds(250))
    /// The pause after the leader's connection broke. Random, so that one follower comes first.
    public var disconnectPause: ClosedRange<Duration> = .milliseconds(5)...(.milliseconds(60))
    public var maximumPause: Duration = .milliseconds(1000)
    /// How long a candidate waits for votes; its voters write to disk first.
    public var voteTimeout: ClosedRange<Duration> = .milliseconds(400)...(.milliseconds(800))

    /// A follower learns of a commit with the next append, or after this pause if there is none.
    public var commitNotice: Duration = .milliseconds(5)

    /// The bounds of one AppendEntries and of what may be on its way to one follower.
    public var maximumAppendBytes = 512 * 1024
    public var maximumAppendEntries = 2048
    public var maximumInflightMessages = 8
    public var maximumInflightBytes = 4 * 1024 * 1024
    /// Where the window of a follower begins, and what it is at least: a slow link must not have seconds of appends queued
    /// on it. One append is always on its way, however large its first entry is.
    public var initialInflightBytes = 256 * 1024
    public var minimumInflightBytes = 64 * 1024
    /// An append that is acknowledged within this part of the election timeout makes the window larger; one that takes
    /// longer than the other, smaller.
    public var quickAcknowledgement = 20
    public var slowAcknowledgement = 5
    /// A leader of which nothing is taken for so many election timeouts hands over.
    public var stalledTimeouts = 3

    public init() {}
}
