import Metadata
import Raft

/// How far the replicas are that reassignments add, by their brokers' lag reports. Soft state of the leader: one for each replica
/// that is being added, and some of those that have arrived since.
public struct ReassignmentProgress: Sendable {
    public struct Lag: Equatable, Sendable {
        /// Records that the replica lacks.
        public var offsets: Int64
        /// When it said so, Unix milliseconds.
        public var at: Int64

        public init(offsets: Int64, at: Int64) { (self.offsets, self.at) = (offsets, at) }
    }

    private struct Place: Hashable {
        let topic: TopicID
        let partition: Int
    }

    private var lags: [Place: [BrokerID: Lag]] = [:]

    func lags(of partition: Int, of topic: TopicID) -> [BrokerID: Lag] {
        lags[Place(topic: topic, partition: partition)] ?? [:]
    }

    mutating func note(_ lag: Lag, of broker: BrokerID, _ partition: Int, of topic: TopicID) {
        lags[Place(topic: topic, partition: partition), default: [:]][broker] = lag
    }

    /// Forgets those that have arrived, once they are as many as those that have not.
    mutating func prune(_ metadata: MetadataStateMachine) {
        guard lags.count > 2 * metadata.topics.counts[.reassigning] + 100 else { return }
        lags = lags.filter { place, _ in metadata.partition(place.topic, place.partition)?.reassignment != nil }
    }
}

extension Node {
    public func progress(of partition: Int, of topic: TopicID) -> [BrokerID: ReassignmentProgress.Lag] {
        isLeading ? reassignmentProgress.lags(of: partition, of: topic) : [:]
    }

    func noteProgress(_ lag: LagReport.PartitionLag, of broker: BrokerID, _ partition: Partition) {
        guard partition.reassignment?.adding.contains(broker) == true, let topic = metadata.topic(lag.topic)?.0 else {
            return
        }
        reassignmentProgress.prune(metadata)
        reassignmentProgress.note(
            ReassignmentProgress.Lag(offsets: lag.offsetLag, at: now.unixMilliseconds), of: broker, partition.id,
            of: topic.id)
    }
}
