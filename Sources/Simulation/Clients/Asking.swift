/// Who waits for one answer at a time: one that comes too late is nobody's any more.
final class Asking: @unchecked Sendable {
    private(set) var isOpen = false
    private var number = 0

    /// What is to be called with the answer to what is asked now; `then` gets it, if it comes in time.
    func begin<Answer>(
        _ timeline: Timeline, _ then: @escaping (Answer) -> Void
    ) -> @Sendable (Answer) -> Void {
        isOpen = true
        number += 1
        let mine = number
        // A process that dies first does not answer.
        timeline.schedule(after: .milliseconds(500)) { [self] in if number == mine, isOpen { giveUp() } }
        nonisolated(unsafe) let then = then
        return { [self] answer in
            guard number == mine else { return }
            isOpen = false
            then(answer)
        }
    }

    private func giveUp() { (isOpen, number) = (false, number + 1) }
}

/// Rings when there is something to look at.
final class Bell: @unchecked Sendable { var hasRung = true }
