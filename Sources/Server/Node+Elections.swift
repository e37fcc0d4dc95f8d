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
            let (election, rest): (ElectLeaders, PartitionSearch.Place?) =
                switch request {
                case .listed(let election): (election, nil)
                case .all: imbalance(from: nil, pages: .max, atMost: Limits.maxElections) { _ in true }
                }
            let answer: PendingWrites.Completion = { result in
                completion(
                    result.map { result in
                        guard case .partitions(let results, let version) = result else {
                            preconditionFailure("an election came to \(result)")
                        }
                        return ElectLeadersOutcome(
                            election: election, results: results, version: version, isMore: rest != nil)
                    })
            }
            if let result = metadata.resultIfUnchanged(election) { return answer(.success(result)) }
            submit(Proposal(.electLeaders(election)), answer)
        }
    }

    /// Those that another leads, though the first of their replicas could, of brokers that `mayLead` admits, and that stay
    /// where they are.
    ///
    /// - Returns: And behind which partition others may be; `nil` if there are none.
    private func imbalance(
        from place: PartitionSearch.Place?, pages: Int, atMost limit: Int, _ mayLead: (BrokerID) -> Bool
    ) -> (ElectLeaders, rest: PartitionSearch.Place?) {
        var places: [ElectLeaders.Place] = []
        var (next, pages) = (place, pages)
        repeat {
            let page = metadata.page(
                of: PartitionSearch(condition: .notPreferred), after: next, limit: limit - places.count)
            for (topic, partition) in page.rows
            where partition.reassignment == nil && metadata.mayElectPreferred(partition)
                && mayLead(partition.replicas[0])
            {
                places.append(ElectLeaders.Place(topic: topic.name, partition: partition.id))
            }
            next = page.next
            pages -= 1
        } while next != nil && places.count < limit && pages > 0
        return (ElectLeaders(places), next)
    }

    /// What failed over goes back by itself, some time after its broker has come back to stay.
    func rebalanceLeaders() {
        guard isLeading, let due = balance.nextCheck, now.instant >= due else { return }
        balance.nextCheck = settings.leaderRebalanceInterval.map { now.instant.advanced(by: $0) }
        guard metadata.drawsTopicIDs, !Defect.leadersNotRebalanced.isOn, let leadingSince else { return }
        let (election, rest) = imbalance(
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
