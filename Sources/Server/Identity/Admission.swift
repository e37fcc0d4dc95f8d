import Raft
import Wire

/// Whether a node starts a new cluster when it finds none (`kraft.bootstrap`).
public enum Bootstrap: String, CaseIterable, Sendable {
    /// Together with all listed members when all of them are heard to be empty; with a majority when the others stay silent.
    case auto
    /// Never: it waits for a cluster that lives.
    case never
    /// By its own word alone, with what it has.
    case force
}

/// What the other members said of themselves since this process started, and what this node may do by it: begin a cluster,
/// join one, have its vote. A value without clock or I/O.
///
/// Why it is safe to vote after these steps:
/// - A member's directory is written down by a majority (itself among them, when it founds) before its first vote. A
///   directory that comes later under the same id, having forgotten that vote, must be written down by a majority without
///   it; so it meets somebody who knows the first one.
/// - Who joins later, or goes over to another list, votes only for logs that reach its floor: the furthest that anybody
///   reached of a majority of those who committed until then.
/// - Each start is told to all members that answer and know its directory before it counts, so two processes on copies of
///   one directory do not both pass.
struct Admission {
    enum Answer: Equatable {
        case introduced(Introduction)
        /// Nothing listens there: no process of it can speak either.
        case absent
        /// A node of the first release, which introduces itself to nobody.
        case legacy
    }

    enum Step: Equatable {
        /// Nothing to do before something is heard, or time has passed; for people, `nil` when all is done.
        case wait(String?)
        /// Begin a new cluster, or this one anew, of these.
        case found(founders: [NodeID])
        /// Ask for the place of the directory before.
        case takePlace(generation: UInt64)
        /// This directory has the node's vote from now on.
        case admit(floor: LogPosition, spentTerm: Term)
        /// A majority of those who decided before go by the present list.
        case settle(floor: LogPosition, spentTerm: Term)
        /// Everybody who could object knows this start.
        case grantVote
        /// The node must not go on.
        case stop(String)
    }

    let startedAt: Instant
    /// How long silent members are waited for: twice the election timeout.
    let patience: Duration
    let bootstrap: Bootstrap
    /// The operator's word that this directory takes the place of the one before.
    let mayTakePlace: Bool
    private(set) var answers: [NodeID: Answer] = [:]
    var mayVote = false
    var hasFounded = false
    /// Who hears another process on this node's data, and since when it has been saying so.
    private var rivals: [NodeID: Instant] = [:]

    init(startedAt: Instant, patience: Duration, bootstrap: Bootstrap, mayTakePlace: Bool) {
        self.startedAt = startedAt
        self.patience = patience
        self.bootstrap = bootstrap
        self.mayTakePlace = mayTakePlace
    }

    mutating func heard(_ answer: Answer, from peer: NodeID) { answers[peer] = answer }
    mutating func forget(_ peer: NodeID) { answers[peer] = nil }

    /// Whether `peer` has heard another process on this node's data for longer than what a restart leaves behind: messages
    /// of the process before, read late. What counts is when it was asked: an answer may have waited for this process.
    mutating func isRivalled(_ isRivalled: Bool, by peer: NodeID, askedAt: Instant, at now: Instant) -> Bool {
        guard isRivalled else {
            rivals[peer] = nil
            return false
        }
        let since = rivals[peer] ?? now
        rivals[peer] = since
        return askedAt >= since.advanced(by: patience)
    }

    func isRivalled(by peer: NodeID) -> Bool { rivals[peer] != nil }

    /// When something follows from mere silence, if anything is still to follow.
    func nextDeadline(after now: Instant) -> Instant {
        guard !mayVote else { return Instant(nanoseconds: .max) }
        let waived = patienceEnds.advanced(by: patience)
        if now < patienceEnds { return patienceEnds }
        return now < waived ? waived : now.advanced(by: patience)
    }

    var patienceEnds: Instant { startedAt.advanced(by: patience) }

    func introduction(of peer: NodeID) -> Introduction? {
        guard case .introduced(let introduction)? = answers[peer] else { return nil }
        return introduction
    }

    /// - Parameters:
    ///   - reach: Where this node's log ends.
    ///   - hasLeader: A majority agrees with this node, whatever single others say.
    ///   - isConfigured: The members are in this node's log, and say who has a vote.
    func step(
        of identity: NodeIdentity, at now: Instant, reach: LogPosition, hasLeader: Bool, isConfigured: Bool = false
    ) -> Step {
        let view = AdmissionView(
            admission: self, identity: identity, now: now, reach: reach, isConfigured: isConfigured)
        if !hasLeader, let text = view.contradiction { return .stop(text) }
        if identity.clusterID == nil { return view.birth }
        if isConfigured { return view.vote }
        if bootstrap == .force, !hasFounded, !hasLeader, view.isAlone { return .found(founders: [identity.node]) }
        if !identity.isAdmitted { return view.admittance }
        if !identity.isSettled { return view.settlement }
        return view.vote
    }
}
