/// Everything that a simulation does to a cluster. Each seed switches every kind on or off for itself.
public enum FaultKind: String, CaseIterable, Sendable {
    // The network between nodes
    case messageLoss = "message loss"
    case messageDelay = "message delay"
    case duplication = "duplicated request"
    case reordering = "reordered message"
    case connectionBreak = "broken connection"
    case oneWayCut = "one-way cut"
    case isolation = "isolated node"
    case leaderIsolation = "isolated leader"
    case severedLeader = "leader severed, its connections reset"
    case split = "split network"
    case bridge = "partial partition"
    case slowLink = "slow link"
    // Processes
    case pause = "paused process"
    case crash = "crash"
    case leaderCrash = "crash of the leader"
    case crashDuringWrite = "crash in the middle of a write"
    case tornBatch = "torn batch"
    case crashOfAll = "crash of all nodes"
    case gracefulStop = "stop with hand-over"
    // Disks
    case slowDisk = "slow disk"
    case stalledDisk = "stalled disk"
    case failingWrite = "failing write"
    case fullDisk = "full disk"
    case bitFlip = "bit flipped at rest"
    case snapshotReadFailure = "snapshot cut off"
    // Memories
    case memoryBitFlip = "bit flipped in memory"
    // Clocks
    case clockJump = "wall clock jump"
    case clockDrift = "clock drift"
    // Operators
    case wrongServicesFile = "wrong services file"
    case emptiedDirectory = "emptied directory"
    case oldBackup = "old backup put back"
    case copiedDirectory = "copied directory"
    case sameIDTwice = "same id twice"
    case majorityEmptied = "most directories emptied"
    case oneBecomesSeveral = "one node becomes several"
    case listChange = "list of members changed"
    case membersInLog = "members go into the log"
    case memberChange = "members removed and added again"
    // Brokers and clients
    case brokerDeath = "broker death"
    case brokerMove = "broker move"
    case brokerRestart = "quick restart of a broker"
    case brokerZombie = "replaced broker that lives on"
    case brokerStop = "broker stops as it should"
    case brokerDoubleRegistration = "broker registered twice"
    case brokerRefusesPushes = "broker refuses pushes"
    case brokerSlow = "slow broker"
    case clientMessageLoss = "lost client message"
    case clientRetry = "write repeated after an unknown outcome"
    // Load
    case brokerCrowd = "many brokers die at once"
    case rushHour = "rush hour"
}

extension FaultKind {
    /// Whether an operator errs about who a node is.
    var isMistake: Bool {
        switch self {
        case .wrongServicesFile, .emptiedDirectory, .oldBackup, .copiedDirectory, .sameIDTwice, .majorityEmptied,
            .oneBecomesSeveral, .listChange:
            true
        default: false
        }
    }

    /// In how many of the seeds that would choose it, in thousandths. While an operator errs other things must wait, and a crowd
    /// takes its time.
    fileprivate var permille: Int { isMistake ? 500 : self == .brokerCrowd ? 200 : 1000 }
}

/// What one seed does, and how much of it.
struct FaultPlan {
    private(set) var kinds: [FaultKind]
    let lossPermille: Int
    let duplicatePermille: Int
    let reorderPermille: Int
    let microseconds: ClosedRange<Int>
    let clientLossPermille: Int
    /// Thousandths of true time.
    let clockRates: ClosedRange<Int>
    /// Between one fault of the nemesis and the next, in milliseconds.
    let pause: ClosedRange<Int>
    /// How many nodes the cluster has at first; the others join by a change of the list.
    let founders: Int

    init(_ random: inout Randomness, allowed: [FaultKind], nodes: Int) {
        // Some seeds try little, some nearly everything: rare combinations need room (swarm testing).
        let share = random.pick([200, 500, 850])
        let drawn = FaultKind.allCases.filter { $0 != .membersInLog && $0 != .memberChange }
        let chosen = drawn.map { random.chance(share * $0.permille / 1000) }
        kinds = zip(drawn, chosen).filter { allowed.contains($0.0) && $0.1 }.map(\.0)
        // Drawn apart, so that a story without it is what it was.
        var apart = random
        if allowed.contains(.membersInLog), apart.chance(500) {
            // Lists are changed offline as long as members are not in the log. Twins are not told apart by the operator here yet.
            kinds.removeAll { [.listChange, .oneBecomesSeveral].contains($0) }
            kinds.append(.membersInLog)
            if allowed.contains(.memberChange), apart.chance(600) { kinds.append(.memberChange) }
        }
        let isOn = { [kinds] (kind: FaultKind) in kinds.contains(kind) }
        lossPermille = isOn(.messageLoss) ? random.pick([2, 10, 50]) : 0
        duplicatePermille = isOn(.duplication) ? random.pick([5, 50]) : 0
        reorderPermille = isOn(.reordering) ? random.pick([5, 50]) : 0
        microseconds = isOn(.messageDelay) ? random.pick([100...20_000, 1000...100_000]) : 50...600
        clientLossPermille = isOn(.clientMessageLoss) ? 30 : 0
        clockRates = isOn(.clockDrift) ? 950...1050 : 1000...1000
        pause = random.pick([50...400, 200...1500, 800...4000])
        founders = Self.founders(of: nodes, kinds, &random)
    }

    private static func founders(of nodes: Int, _ kinds: [FaultKind], _ random: inout Randomness) -> Int {
        let (isAlone, isFew) = (random.chance(500), random.chance(500))
        guard nodes > 1 else { return nodes }
        if isAlone, kinds.contains(.oneBecomesSeveral) { return 1 }
        if isFew, kinds.contains(.listChange) { return nodes == 3 ? 2 : nodes - 2 }
        return nodes
    }

    func networkConditions(places: Int) -> NetworkConditions {
        var conditions = NetworkConditions(places: places)
        conditions.lossPermille = lossPermille
        conditions.duplicatePermille = duplicatePermille
        conditions.reorderPermille = reorderPermille
        conditions.microseconds = microseconds
        return conditions
    }

    func includes(_ kind: FaultKind) -> Bool { kinds.contains(kind) }
}
