import Metadata
import Raft
import Wire

/// What would happen, step by step: each step comes to commands as the log would have them, which are applied to a fork of the
/// state by the code that applies the log's.
public struct Rehearsal: Sendable {
    public enum Step: Equatable, Sendable {
        case lose(BrokerSelection)
        case bringBack(BrokerSelection)
        /// Gives all partitions back to the first of their replicas that can be.
        case electPreferred
        /// What an operator asks for.
        case command(Command)
    }

    /// Why a step can not be; the next one begins where this one would have.
    public enum Flaw: Error, Equatable, Sendable {
        case brokers(BrokerSelection.Flaw)
        case failure(RequestFailure)
        case refused(Refusal)
        /// The steps together change more than ``maximumRows``.
        case tooManyRows
    }

    /// What a step came to.
    public struct Act: Sendable {
        public let flaw: Flaw?
        public let difference: StateDifference
        public let scene: Scene
    }

    /// What an operator looks at, at one moment.
    public struct Scene: Equatable, Sendable {
        public struct BrokerShare: Equatable, Sendable {
            public let id: BrokerID
            public let state: BrokerState
            public let leaders, replicas: Int
        }

        public let counts: PartitionCounts
        /// In ascending id.
        public let brokers: [BrokerShare]

        fileprivate init(_ state: MetadataStateMachine) {
            counts = state.topics.counts
            brokers = state.brokers.map {
                BrokerShare(
                    id: $0.id, state: $0.state, leaders: state.leaderCount(of: $0.id),
                    replicas: state.replicaCount(of: $0.id))
            }
        }
    }

    public static let maximumSteps = 100
    /// Rows that are looked at or changed in all steps: seconds of work.
    public static let maximumRows = 4_000_000
    /// In all scenes together.
    public static let maximumShares = 50_000
    /// Partitions given back by one command, as the leader does by itself.
    private static let electionsAtOnce = LeaderBalance.maximumAtOnce

    public private(set) var state: MetadataStateMachine
    private let timestamp: Int64
    private var rowsLeft: Int

    /// - Parameter timestamp: Of all commands, Unix milliseconds.
    public init(of state: MetadataStateMachine, at timestamp: Int64, maximumRows: Int = Self.maximumRows) {
        (self.state, self.timestamp, rowsLeft) = (state.withoutKeys, timestamp, maximumRows)
    }

    public var scene: Scene { Scene(state) }

    /// A step that is refused changes nothing.
    public mutating func run(_ step: Step) -> Act {
        let before = state
        do throws(Flaw) {
            try perform(step)
            let difference = state.takeDifference(from: before)
            return Act(flaw: nil, difference: difference, scene: scene)
        } catch {
            state = before
            return Act(flaw: error, difference: state.takeDifference(from: before), scene: scene)
        }
    }

    private mutating func perform(_ step: Step) throws(Flaw) {
        switch step {
        case .lose(let selection):
            for id in try brokers(selection) { try apply(state.commandsOfLoss(of: id, at: timestamp), on: id) }
        case .bringBack(let selection):
            for id in try brokers(selection) { try apply(state.commandsOfReturn(of: id, at: timestamp), on: id) }
        case .electPreferred:
            try spend(state.topics.counts[.notPreferred])
            let (election, _) = state.imbalance(from: nil, pages: .max, atMost: .max) { _ in true }
            for places in election.partitions.portions(of: Self.electionsAtOnce) {
                try apply(.electLeaders(ElectLeaders(Array(places))))
            }
        case .command(let command): try apply(command)
        }
    }

    private func brokers(_ selection: BrokerSelection) throws(Flaw) -> [BrokerID] {
        do throws(BrokerSelection.Flaw) { return try state.brokers(selection) } catch { throw .brokers(error) }
    }

    /// - Parameter broker: All its partitions are looked at.
    private mutating func apply(_ commands: [Command], on broker: BrokerID) throws(Flaw) {
        try spend(state.replicaCount(of: broker))
        for command in commands { try apply(command) }
    }

    private mutating func apply(_ command: Command) throws(Flaw) {
        if let failure = state.failure(of: Proposal(command)) { throw .failure(failure) }
        let rows = state.changedRowCount
        if case .refused(let refusal) = state.apply(command, timestamp: timestamp).result { throw .refused(refusal) }
        try spend(1 + state.changedRowCount - rows)
    }

    private mutating func spend(_ rows: Int) throws(Flaw) {
        rowsLeft -= rows
        guard rowsLeft >= 0 else { throw .tooManyRows }
    }
}

extension Array {
    fileprivate func portions(of size: Int) -> some Sequence<ArraySlice<Element>> {
        stride(from: 0, to: count, by: size).lazy.map { self[$0..<Swift.min($0 + size, count)] }
    }
}
