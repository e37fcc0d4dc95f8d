import Defects

// Who may vote. A directory that was emptied, copied or restored has forgotten what the algorithm rests on (§3.8: term,
// vote and log survive restarts); until it is known to be sound it only follows.

/// What a node may do in elections.
public struct Suffrage: Equatable, Sendable {
    public var mayVote: Bool
    /// Neither a vote nor an own candidacy for a log that ends before this: what others may have committed (§3.6.1).
    public var floor: LogPosition
    /// No vote in this term or an earlier one: this node may have voted in it, and forgotten (§3.8).
    public var spentTerm: Term

    public init(mayVote: Bool, floor: LogPosition = .zero, spentTerm: Term = .zero) {
        self.mayVote = mayVote
        self.floor = floor
        self.spentTerm = spentTerm
    }

    /// As the dissertation has it: nothing was forgotten.
    public static let full = Suffrage(mayVote: true)
}

extension RaftNode {
    var mayCampaign: Bool {
        suffrage.mayVote && (log.last >= suffrage.floor || Defect.floorIgnored.isOn) && isElectable
    }

    /// Whether a vote for a log that ends at `last` in `term` may be given, whatever else decides about it.
    func mayVote(for last: LogPosition, in term: Term) -> Bool {
        suffrage.mayVote && (last >= suffrage.floor || Defect.floorIgnored.isOn) && term > suffrage.spentTerm
    }

    mutating func takeSuffrage(_ new: Suffrage, _ effects: inout EffectBuffer) {
        suffrage = new
        observe(new.spentTerm, &effects)
        if !new.mayVote, role != .follower { becomeFollower(in: currentTerm, of: nil, &effects) }
        // Others may be waiting for this vote.
        if new.mayVote, leader == nil, role == .follower {
            failedCampaigns = 0
            electionDeadline = min(electionDeadline, now.instant.advanced(by: leaderlessPause()))
        }
    }

    mutating func takeElectorate(
        nonVoting: [NodeID], directories: [NodeID: DirectoryID], replaced: [NodeID], _ effects: inout EffectBuffer
    ) {
        let nonVoting = Defect.strangersCount.isOn ? [] : nonVoting
        self.nonVoting = nonVoting
        self.directories = directories
        votesGranted.removeAll { nonVoting.contains($0) || replaced.contains($0) && !Defect.strangersCount.isOn }
        for position in leadership?.peers.indices ?? 0..<0 {
            guard let peer = leadership?.peers[position], replaced.contains(peer.id) else { continue }
            leadership?.peers[position] = Progress(id: peer.id, nextIndex: log.last.index.next, at: now.instant)
        }
        recount()
        advanceCommit(&effects)
    }
}
