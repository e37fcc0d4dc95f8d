import Defects
import Metadata
import Raft

/// What is new of brokers, topics and partitions, as brokers are told of it.
public struct MetadataNews: Sendable {
    /// To which all of them together bring their recipient.
    public let version: UInt64
    /// In order; empty when nothing is new.
    public let updates: [PushUpdate]

    public init(version: UInt64, updates: [PushUpdate]) { (self.version, self.updates) = (version, updates) }
}

/// Who wants to know when the metadata version has changed. Confined to the node's executor.
///
/// The news are made when they are asked for, once for all who are as far as each other.
struct MetadataWatches {
    private var wakers: [UInt64: @Sendable () -> Void] = [:]
    private var lastNumber: UInt64 = 0
    /// The version that they were woken for.
    private var told: UInt64 = 0
    fileprivate var latest: (after: UInt64, news: MetadataNews)?
    fileprivate var snapshot: (news: MetadataNews, madeAt: Instant)?

    var count: Int { wakers.count }

    mutating func add(_ wake: @escaping @Sendable () -> Void) -> UInt64 {
        lastNumber += 1
        wakers[lastNumber] = wake
        return lastNumber
    }

    mutating func remove(_ number: UInt64) {
        wakers[number] = nil
        // Rows that nobody wants now.
        if wakers.isEmpty { (latest, snapshot) = (nil, nil) }
    }

    /// After each batch of applied entries.
    mutating func follow(_ version: UInt64) {
        guard version != told else { return }
        told = version
        if !Defect.clusterWatchersNotWoken.isOn { wakeAll() }
    }

    /// Also when the node ends: whoever asks then is told.
    func wakeAll() { for wake in wakers.values { wake() } }
}

extension Node {
    func watchMetadata(_ wake: @escaping @Sendable () -> Void) -> Result<UInt64, RequestFailure> {
        if let outOfService { return .failure(.unavailable(outOfService)) }
        guard metadataWatches.count < settings.maximumMetadataWatches else { return .failure(.overloaded) }
        return .success(metadataWatches.add(wake))
    }

    /// What changed behind `version`, nothing while this node is not as far itself; all of the state for those who have
    /// nothing, or are too far behind.
    func metadataNews(after version: UInt64?) -> Result<MetadataNews, RequestFailure> {
        if let outOfService { return .failure(.unavailable(outOfService)) }
        guard let version else { return complete(snapshot(after: nil)) }
        let present = metadata.counters.version
        if version >= present { return .success(MetadataNews(version: version, updates: [])) }
        let first = Defect.clusterWatchSkipsVersion.isOn ? min(version + 1, present) : version
        guard let entries = history.entries(after: first), areTold(entries) else {
            return complete(snapshot(after: version))
        }
        if let latest = metadataWatches.latest, latest.after == version, latest.news.version == present {
            return complete(latest.news)
        }
        let news = MetadataNews(version: present, updates: updates(of: entries))
        metadataWatches.latest = (version, news)
        return complete(news)
    }

    /// A leader that is no member any more can not say who the controller is: then nothing must pass for all there was.
    private func complete(_ news: MetadataNews) -> Result<MetadataNews, RequestFailure> {
        news.updates.isEmpty ? .failure(.notLeader(leader: nil)) : .success(news)
    }

    /// One that was made a moment ago will do, if it has more than `version`, and the changes since then lead on from it.
    private func snapshot(after version: UInt64?) -> MetadataNews {
        if let (news, madeAt) = metadataWatches.snapshot, now.instant.since(madeAt) < Self.snapshotLife,
            version.map({ news.version > $0 }) ?? true, let entries = history.entries(after: news.version),
            areTold(entries)
        {
            return news
        }
        let news = MetadataNews(version: metadata.counters.version, updates: [fullSnapshot].compactMap { $0 })
        metadataWatches.snapshot = (news, now.instant)
        return news
    }
}
