/// What this step wants on disk, what is on its way there, and what waits for it.
///
/// A message that promises something is held until what it promises is durable (§3.8): a vote until the vote is, an
/// append's acknowledgement until its entries are.
struct Durability: Sendable {
    /// The number that this step's write will get, if the step writes anything.
    private(set) var current = WriteID(1)
    /// Everything up to here is durable.
    private(set) var persisted = WriteID(0)
    /// The last write that carried term and vote.
    private(set) var hardStateWrite = WriteID(0)
    private var write = Write(id: WriteID(1))
    private var isEmpty = true
    private var held: [(write: WriteID, effect: Effect)] = []
    private var issued: [(write: WriteID, at: Instant)] = []

    mutating func include(_ state: HardState) {
        write.hardState = state
        hardStateWrite = current
        isEmpty = false
    }

    /// Entries of one step are truncated at most once, before they are added to.
    mutating func include(truncateFrom index: LogIndex?, _ entries: [LogEntry]) {
        if let index {
            precondition(write.entries.isEmpty, "truncation behind new entries in one write")
            write.truncateFrom = index
        }
        write.entries.append(contentsOf: entries)
        isEmpty = false
    }

    /// Emits the step's write, if there is one.
    mutating func issue(at now: Instant, _ effects: inout EffectBuffer) {
        guard !isEmpty else { return }
        effects.emit(.persist(write))
        issued.append((current, now))
        current = WriteID(current.number + 1)
        write = Write(id: current)
        isEmpty = true
    }

    /// Emits `effect` as soon as `write` is durable.
    mutating func hold(_ effect: Effect, until write: WriteID, _ effects: inout EffectBuffer) {
        if write <= persisted { effects.emit(effect) } else { held.append((write, effect)) }
    }

    mutating func persisted(through write: WriteID, _ effects: inout EffectBuffer) {
        precondition(write < current, "\(write) was never issued")
        guard write > persisted else { return }
        persisted = write
        issued.removeAll { $0.write <= write }
        guard !held.isEmpty else { return }
        for (needed, effect) in held where needed <= write { effects.emit(effect) }
        held.removeAll { $0.write <= write }
    }

    var isHardStateDurable: Bool { hardStateWrite <= persisted }

    /// Since when the oldest unfinished write is on its way.
    var oldestUnfinished: Instant? { issued.first?.at }
}
