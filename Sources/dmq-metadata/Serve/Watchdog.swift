/// Decides whether a node still works: each of its parts is asked now and then to run something, and is stuck when it
/// has not for too long. An idle part answers at once, so idleness is never taken for a hang.
struct Watchdog: Sendable {
    /// A serial executor of the node.
    enum Part: CaseIterable, Sendable {
        case core
        case storage
    }

    /// How long a part may owe an answer.
    let patience: [Part: Duration]
    /// When the question was put that a part has not answered, by part.
    private var outstanding: [Part: Duration] = [:]

    /// `timeout`: the service manager's. The core never blocks, so it has half of that. A disk can take minutes for one
    /// fsync and still be sound, and a restart would only queue behind it: storage has ten times as much, and at least
    /// five minutes.
    init(timeout: Duration) {
        patience = [.core: timeout / 2, .storage: max(timeout * 10, .seconds(300))]
    }

    /// The parts to ask now, which are then taken as asked.
    mutating func questions(at now: Duration) -> [Part] {
        let parts = Part.allCases.filter { outstanding[$0] == nil }
        for part in parts { outstanding[part] = now }
        return parts
    }

    mutating func answered(_ part: Part) { outstanding[part] = nil }

    /// The part that is stuck, if one is.
    func stuckPart(at now: Duration) -> Part? {
        Part.allCases.first { part in
            guard let asked = outstanding[part], let patience = patience[part] else { return false }
            return now - asked > patience
        }
    }
}
