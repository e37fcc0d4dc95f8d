import Metadata
import Server

/// A page of keys that somebody asks for.
struct Page {
    let directory: Key
    let isRecursive: Bool
    let after: Key?
    let limit: Int
    /// Of the state so many revisions ago.
    var ago: UInt64 = 0
}

/// What a read sees of everything, in the model's words.
struct SeenState: Sendable, CustomStringConvertible {
    let version: UInt64
    let revision: UInt64
    let next: Key?
    private let brokers: [ClusterModel.Broker]
    private let topics: [ClusterModel.Topic]
    private let page: Page
    /// The revision that was looked at; why not, if not.
    private var past: Result<UInt64, RevisionFault>
    private let entries: [KeysModel.Entry]
    private let oldest: UInt64
    /// Of one of the keys, the newest first.
    private var versions: (key: Key, [KeysModel.Version])?

    init(_ view: NodeView, _ page: Page) {
        let metadata = view.metadata
        version = metadata.counters.version
        revision = metadata.counters.revision
        brokers = metadata.brokers.map { ClusterModel.Broker($0) }
        topics = metadata.topicNames.compactMap { metadata.topic($0) }.map { ClusterModel.Topic($0.0, $0.1) }
        oldest = metadata.oldestRevision
        let wanted = revision - min(page.ago, revision)
        past = .success(wanted)
        var listing = Listing(entries: [], next: nil)
        do throws(RevisionFault) {
            listing =
                try page.ago == 0
                ? metadata.list(
                    below: page.directory, isRecursive: page.isRecursive, after: page.after, limit: page.limit,
                    byteLimit: .max)
                : metadata.list(
                    below: page.directory, at: wanted, isRecursive: page.isRecursive, after: page.after,
                    limit: page.limit, byteLimit: .max)
        } catch { past = .failure(error) }
        self.page = page
        next = listing.next
        entries = listing.entries.map {
            switch $0 {
            case .keyValue(let pair): .value(pair.key, KeysModel.Value(pair).withoutLastByte)
            case .directory(let name): .directory(name)
            }
        }
        if page.ago > 0, case .keyValue(let pair)? = listing.entries.last {
            let found = metadata.versions(of: pair.key, before: .max, limit: Self.versionLimit)
            versions = (pair.key, found.map { KeysModel.Version($0).withoutLastByte })
        }
    }

    private static let versionLimit = 5

    var description: String { "version \(version) revision \(revision), \(entries.count) entries" }

    /// What of it is not so, if anything.
    ///
    /// - Parameter asked: What it may not be older than, if anything.
    func falsehood(_ asked: Asked?, _ model: Model) -> String? {
        if let asked, version < asked.version || revision < asked.revision {
            return "\(self) was asked for at version \(asked.version) revision \(asked.revision)"
        }
        guard let cluster = model.cluster(at: version), revision <= model.keys.revision else {
            return "\(self) is not committed"
        }
        if brokers != cluster.brokers { return "brokers \(brokers), right is \(cluster.brokers)" }
        if topics != cluster.topics { return "topics \(topics), right is \(cluster.topics)" }
        if let text = falsehoodOfVersions(model) { return text }
        let revision: UInt64
        do throws(RevisionFault) { revision = try past.get() } catch {
            let right = model.keys.horizon ?? self.revision
            let isSo = error == .compacted(oldest: oldest) && oldest <= right
            return isSo ? nil : "\(page) is refused with \(error), the oldest is \(right)"
        }
        let right = model.keys.list(
            below: page.directory, isRecursive: page.isRecursive, after: page.after?.bytes, limit: page.limit,
            at: revision)
        let rightEntries = right.entries.map(\.withoutLastByte)
        let rightNext = right.isLast ? nil : right.entries.last?.name
        if entries == rightEntries, next?.bytes == rightNext { return nil }
        return
            "\(page) at revision \(revision) lists \(entries) next \(String(describing: next)), right is \(rightEntries)"
    }
}

extension SeenState {
    private func falsehoodOfVersions(_ model: Model) -> String? {
        guard let (key, found) = versions else { return nil }
        let right = model.keys.versions(of: key, from: oldest, through: revision).prefix(Self.versionLimit)
            .map(\.withoutLastByte)
        return found == right ? nil : "\(key) has the versions \(found), right is \(right)"
    }
}

extension KeysModel.Version {
    fileprivate var withoutLastByte: Self { Self(revision: revision, value: value?.withoutLastByte) }
}

extension KeysModel.Entry {
    fileprivate var withoutLastByte: Self {
        if case .value(let key, let value) = self { .value(key, value.withoutLastByte) } else { self }
    }
}
