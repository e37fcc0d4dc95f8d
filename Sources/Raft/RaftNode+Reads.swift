import Defects

// Linearizable reads without a log entry: ReadIndex (§6.4), batched. No read is served by the clock alone.
extension RaftNode {
    mutating func read(_ read: ReadID, _ effects: inout EffectBuffer) {
        guard leadership != nil else {
            effects.emit(.readsRefused([read]))
            return
        }
        leadership?.waitingReads.append(read)
        startRound(&effects)
    }

    /// Begins a round for all waiting reads, if none is on its way. Reads that come meanwhile wait for the next one: a
    /// confirmation must have begun after the read arrived.
    mutating func startRound(_ effects: inout EffectBuffer) {
        guard let current = leadership, current.round == nil, !current.waitingReads.isEmpty else { return }
        // Before the own term's first entry is committed, the commit index may be behind what clients have seen.
        guard commitIndex >= current.openingIndex || Defect.readsBeforeOpening.isOn else { return }
        // A number is never used twice, so an answer to an old round can not confirm a new one.
        let number = current.lastRound + 1
        leadership?.lastRound = number
        leadership?.round = Leadership.ReadRound(number: number, index: commitIndex, reads: current.waitingReads)
        leadership?.waitingReads = []
        guard !quorum.isReachedAlone, !Defect.staleReads.isOn else {
            finishRound(&effects)
            return
        }
        for position in leadership?.peers.indices ?? 0..<0 { sendHeartbeat(to: position, &effects) }
    }

    mutating func confirmRound(_ number: UInt64, by position: Int, _ effects: inout EffectBuffer) {
        guard let confirmed = leadership?.peers[position].confirmedRound, number > confirmed,
            let lastRound = leadership?.lastRound, number <= lastRound
        else { return }
        leadership?.peers[position].confirmedRound = number
        guard let leadership, let round = leadership.round else { return }
        let reached = leadership.quorum.reached(own: round.number, leadership.peers, least: 0) { $0.confirmedRound }
        if reached >= round.number { finishRound(&effects) }
    }

    private mutating func finishRound(_ effects: inout EffectBuffer) {
        guard let round = leadership?.round else { return }
        leadership?.round = nil
        effects.emit(.readsConfirmed(round.reads, index: round.index))
        startRound(&effects)
    }
}
