import Defects
import Logging
import Metadata
import Raft
import Wire

/// Which partitions are to be led by the first of their replicas.
public enum ElectLeadersRequest: Equatable, Sendable {
    case listed(ElectLeaders)
    /// All that are not, as far as one command may: who asks again gets the next.
    case all
}

public struct ElectLeadersOutcome: Equatable, Sendable {
    public var election: ElectLeaders
    /// One for each of the election.
    public var results: [PartitionResult]
    public var version: UInt64
    /// Others are not led by the first of their replicas, and could be.
    public var isMore: Bool

    public init(election: ElectLeaders, results: [PartitionResult], version: UInt64, isMore: Bool) {
        (self.election, self.results, self.version, self.isMore) = (election, results, version, isMore)
    }

    /// - Parameter result: Of the election's command.
    public init(_ election: ElectLeaders, _ result: CommandResult, isMore: Bool) {
        guard case .partitions(let results, let version) = result else {
            preconditionFailure("an election came to \(result)")
        }
        self.init(election: election, results: results, version: version, isMore: isMore)
    }
}

extension MetadataStateMachine {
    /// What is asked for, as one command, and whether it leaves some that could be given back as well.
    public func election(_ request: ElectLeadersRequest) -> (ElectLeaders, isMore: Bool) {
        switch request {
        case .listed(let election): return (election, false)
        case .all:
            let (election, rest) = imbalance(from: nil, pages: .max, atMost: Limits.maxElections) { _ in true }
            return (election, rest != nil)
        }
    }
}

/// Since when each broker may lead, as this leader knows, and when to look next who leads what.
struct LeaderBalance {
    /// Partitions given back in one entry; the next follows soon.
    static let maximumAtOnce = 1000
    /// Pages of partitions that one turn looks at.
    static let pagesAtOnce = 5

    /// Where the next look begins.
    var place: PartitionSearch.Place?
    private var activeSince: [BrokerID: Instant] = [:]
    var nextCheck: Instant?

    mutating func begin(now: Instant, interval: Duration?) {
        (activeSince, place) = ([:], nil)
        nextCheck = interval.map { now.advanced(by: $0) }
    }

    mutating func end() { (activeSince, nextCheck) = ([:], nil) }

    mutating func isActive(_ broker: BrokerID, now: Instant) { activeSince[broker] = now }

    mutating func isGone(_ broker: BrokerID) { activeSince[broker] = nil }

    /// Whether the broker has been there for as long: one that comes and goes would move its partitions with it. What was
    /// before this leadership it does not know.
    func isSettled(_ broker: BrokerID, since leading: Instant, now: Instant, quiet: Duration) -> Bool {
        now.since(activeSince[broker] ?? leading) >= quiet
    }
}

extension Node {
    func electLeaders(
        _ request: ElectLeadersRequest,
        _ completion: @escaping (Result<ElectLeadersOutcome, RequestFailure>) -> Void
    ) {
        confirm { [unowned self] confirmation in
            if case .failure(let failure) = confirmation { return completion(.failure(failure)) }
            guard metadata.drawsTopicIDs else {
                return completion(.failure(.levelTooLow(needed: MetadataStateMachine.topicIDLevel)))
            }
            let (election, isMore) = metadata.election(request)
            let answer: PendingWrites.Completion = { result in
                completion(result.map { ElectLeadersOutcome(election, $0, isMore: isMore) })
            }
            if let result = metadata.resultIfUnchanged(election) { return answer(.success(result)) }
            submit(Proposal(.electLeaders(election)), answer)
        }
    }

    /// What failed over goes back by itself, some time after its broker has come back to stay.
    func rebalanceLeaders() {
        guard isLeading, let due = balance.nextCheck, now.instant >= due else { return }
        balance.nextCheck = settings.leaderRebalanceInterval.map { now.instant.advanced(by: $0) }
        guard metadata.drawsTopicIDs, !Defect.leadersNotRebalanced.isOn, let leadingSince else { return }
        let (election, rest) = metadata.imbalance(
            from: balance.place, pages: LeaderBalance.pagesAtOnce, atMost: LeaderBalance.maximumAtOnce
        ) { broker in
            balance.isSettled(broker, since: leadingSince, now: now.instant, quiet: settings.leaderRebalanceQuiet)
        }
        balance.place = rest
        // What is left is looked at soon, and others come first.
        if rest != nil { balance.nextCheck = now.instant.advanced(by: .milliseconds(100)) }
        guard !election.partitions.isEmpty else { return }
        logger.info("⚖️ leaders go back to their brokers", metadata: ["partitions": "\(election.partitions.count)"])
        submit(.electLeaders(election)) { _ in }
    }
}
