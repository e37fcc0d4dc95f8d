import Metadata
import Raft

/// The leader's comparison of all voters' states: it asks for the digest at one index after the other, and a majority of
/// equal answers, its own included, decides who is the odd one out. Less than a majority decides nothing.
struct DigestTally {
    /// Who has which digest at one index.
    struct Difference: Equatable {
        struct Side: Equatable {
            let digest: StateDigest
            /// In ascending order.
            var voters: [NodeID]
        }
        let index: LogIndex
        /// The side with most voters first.
        let sides: [Side]
    }

    enum Judgement: Equatable {
        /// Nobody differs, as far as they have answered.
        case agreed
        /// There are different answers, and none is a majority's.
        case undecided(Difference)
        /// All sides but the first are the odd ones out.
        case odd(Difference)
    }

    private struct Question {
        let index: LogIndex
        var answers: [Difference.Side]

        /// The first answer counts: a digest at an index never changes.
        mutating func take(_ answer: StateDigest, of voter: NodeID) {
            guard !answers.contains(where: { $0.voters.contains(voter) }) else { return }
            if let side = answers.firstIndex(where: { $0.digest == answer }) {
                answers[side].voters.append(voter)
                answers[side].voters.sort()
            } else {
                answers.append(Difference.Side(digest: answer, voters: [voter]))
            }
        }
    }

    /// A follower that is behind answers late; one that is further behind is asked again.
    static let maximumQuestions = 16

    private var questions: [Question] = []
    private var nextQuestion: Instant?
    /// What the odd ones out are told, until they agree again.
    private var verdicts: [(voter: NodeID, verdict: Verdict)] = []
    /// A difference that no majority has decided yet.
    private(set) var dispute: Difference?

    /// The question to ask now: the last one, or every `interval` one about the present state, which is `own`.
    mutating func question(
        _ own: StateDigest, of leader: NodeID, now: Instant, every interval: Duration
    ) -> StateDigest {
        if let last = questions.last, let nextQuestion, now < nextQuestion || last.index == own.index {
            return last.answers[0].digest
        }
        nextQuestion = now.advanced(by: interval)
        if questions.count == Self.maximumQuestions { questions.removeFirst() }
        questions.append(Question(index: own.index, answers: [.init(digest: own, voters: [leader])]))
        return own
    }

    /// - Parameter majority: How many voters are one.
    mutating func answered(_ answer: StateDigest, by voter: NodeID, majority: Int) -> Judgement {
        guard let position = questions.lastIndex(where: { $0.index == answer.index }) else { return .agreed }
        questions[position].take(answer, of: voter)
        let judgement = judge(questions[position], majority)
        switch judgement {
        case .agreed: verdicts.removeAll { $0.voter == voter }
        case .undecided(let difference): dispute = difference
        case .odd(let difference): condemn(difference)
        }
        settleDispute(questions[position], majority)
        return judgement
    }

    func verdict(for voter: NodeID) -> Verdict? { verdicts.first { $0.voter == voter }?.verdict }

    private func judge(_ question: Question, _ majority: Int) -> Judgement {
        guard question.answers.count > 1 else { return .agreed }
        let sides = question.answers.sorted { $0.voters.count > $1.voters.count }
        let difference = Difference(index: question.index, sides: sides)
        return sides[0].voters.count >= majority ? .odd(difference) : .undecided(difference)
    }

    private mutating func condemn(_ difference: Difference) {
        let right = difference.sides[0]
        let verdict = Verdict(.state(right.digest), voters: right.voters)
        verdicts.removeAll { right.voters.contains($0.voter) }
        for voter in difference.sides.dropFirst().flatMap(\.voters) {
            verdicts.removeAll { $0.voter == voter }
            verdicts.append((voter, verdict))
        }
    }

    /// A majority that agrees on the same state or a later one leaves nothing in dispute.
    private mutating func settleDispute(_ question: Question, _ majority: Int) {
        guard let open = dispute, question.index >= open.index,
            question.answers.contains(where: { $0.voters.count >= majority })
        else { return }
        dispute = nil
    }
}

extension DigestTally.Difference: CustomStringConvertible {
    /// `different state digests at index 7: nodes 1 and 3 have 0a…, node 2 has 0b…`
    var description: String {
        let parts = sides.map { side in
            "\(side.voters.named) \(side.voters.count == 1 ? "has" : "have") \(Digest(side.digest))"
        }
        return "different state digests at index \(index): " + parts.joined(separator: ", ")
    }
}

extension Digest {
    init(_ digest: StateDigest) { self.init(high: digest.high, low: digest.low) }
}

extension [NodeID] {
    /// `node 2`, `nodes 1 and 3`, `nodes 1, 2 and 3`
    var named: String {
        guard let last else { return "nobody" }
        guard count > 1 else { return "node \(last)" }
        return "nodes \(dropLast().map(\.description).joined(separator: ", ")) and \(last)"
    }
}
