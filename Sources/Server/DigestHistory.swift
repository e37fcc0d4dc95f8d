import Metadata
import Raft

/// The digests of the last applied entries, to answer the leader's questions from.
struct DigestHistory {
    private var digests: [StateDigest?] = Array(repeating: nil, count: 1024)
    /// The index of a question that this node has not come to yet.
    private var awaited: LogIndex?
    /// The last answers: what a verdict is held against.
    private var answers: [StateDigest] = []

    private func slot(_ index: LogIndex) -> Int { Int(index.number % UInt64(digests.count)) }

    mutating func record(_ digest: Digest, at index: LogIndex) {
        let own = StateDigest(index: index, high: digest.high, low: digest.low)
        digests[slot(index)] = own
        guard index == awaited else { return }
        awaited = nil
        keep(own)
    }

    private mutating func keep(_ own: StateDigest) {
        guard answer(at: own.index) == nil else { return }
        if answers.count == DigestTally.maximumQuestions { answers.removeFirst() }
        answers.append(own)
    }

    /// This node's digest at the index asked about. Before it has come there, and after it has forgotten, its last answer.
    mutating func answer(_ question: LogIndex, applied: LogIndex) -> StateDigest? {
        if let own = digests[slot(question)], own.index == question {
            keep(own)
            return own
        }
        // One question after the other: under load there is always a later one.
        if question > applied, awaited == nil { awaited = question }
        return answers.last
    }

    /// What this node answered, or would have, about that index.
    func answer(at index: LogIndex) -> StateDigest? { answers.last { $0.index == index } }

    mutating func reset() { self = DigestHistory() }
}
