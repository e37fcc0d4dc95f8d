import Metadata
import Raft
import Server
import Storage
import Wire

/// A clock that stands until it is told to go on.
final class StandingClock: NodeClock {
    var now = Moment(instant: Instant(nanoseconds: 1_000_000_000), unixMilliseconds: 1_731_345_678_000)
    private(set) var alarm = Instant(nanoseconds: 0)

    func wake(at instant: Instant) { alarm = instant }

    func advance(milliseconds: Int) {
        now.instant = now.instant.advanced(by: .milliseconds(milliseconds))
        now.unixMilliseconds += Int64(milliseconds)
    }

    func advanceToAlarm() {
        let pause = alarm.since(now.instant)
        now.instant = max(now.instant, alarm)
        now.unixMilliseconds += Int64(pause.wholeNanoseconds / 1_000_000)
    }
}

/// Keeps what is sent; answers nothing.
final class RecordingNetwork: NodeNetwork {
    struct Sent {
        let request: Raft.Request
        let peer: NodeID
        let lane: Lane
    }
    struct Push {
        let body: String
        let broker: BrokerID
        let attempt: UInt64
    }
    var sent: [Sent] = []
    var pushes: [Push] = []
    var bodies: [PushBody] = []
    var forgotten: [BrokerID] = []
    private(set) var members: [Member] = []
    var hasForgottenAll = false

    var introductions: [(introduction: Introduction, envelope: Envelope, peer: NodeID)] = []

    func send(_ request: Raft.Request, in origin: RequestOrigin, to peer: NodeID, lane: Lane) {
        sent.append(Sent(request: request, peer: peer, lane: lane))
    }

    func introduce(_ introduction: Introduction, in envelope: Envelope, to peer: NodeID) {
        introductions.append((introduction, envelope, peer))
    }

    func push(_ body: [UInt8], to broker: Broker, attempt: UInt64) {
        pushes.append(Push(body: String(decoding: body, as: UTF8.self), broker: broker.id, attempt: attempt))
    }

    func membersChanged(_ members: [Member]) { self.members = members }
    func make(_ body: PushBody) { bodies.append(body) }
    func forget(_ broker: BrokerID) { forgotten.append(broker) }
    func forgetBrokers() { hasForgottenAll = true }

    var appends: [AppendEntries] {
        sent.compactMap { if case .appendEntries(let append) = $0.request { append } else { nil } }
    }

    var chunks: [InstallSnapshot] {
        sent.compactMap { if case .installSnapshot(let chunk) = $0.request { chunk } else { nil } }
    }
}

/// Keeps what it is asked for; completes nothing.
final class RecordingDisk: NodeDisk {
    var writes: [Write] = []
    var checkpoints: [Checkpoint] = []
    var staged: [Row] = []
    var installs: [LogPosition] = []

    var identities: [NodeIdentity] = []
    var backups: [BackupCompletion] = []

    func backUp(_ completion: @escaping BackupCompletion) { backups.append(completion) }
    func write(_ writes: [Write]) { self.writes += writes }
    func store(_ identity: NodeIdentity) { identities.append(identity) }
    func checkpoint(_ checkpoint: Checkpoint) { checkpoints.append(checkpoint) }
    func stage(_ rows: [Row], isFirst: Bool) { staged = isFirst ? rows : staged + rows }
    func installSnapshot(position: LogPosition, counters: Counters, digest: Digest) { installs.append(position) }
}

/// The answers of one kind of request, in order of arrival.
final class Answers<Value>: @unchecked Sendable {
    // Nodes under test are confined to the test's thread.
    private(set) var all: [Value] = []
    func add(_ value: Value) { all.append(value) }
}
