import Logging
import Metadata
import Raft
import Storage
import Wire

// Features whose levels stand in the state, where every command finds them, and are raised by entries.
extension Node {
    /// As of the last entry in the log: what a newcomer must have.
    func level(of feature: Feature) -> Int {
        max(metadata.counters.level(of: feature), proposedLevels[feature] ?? 1)
    }

    /// A cluster in which nothing has been written has nothing to go back to: it begins with what its members can. Not with
    /// another placement: the contract says where replicas go.
    func raiseLevelOfNewCluster() {
        let newest = settings.newClusterLevel
        guard isLeading, level(of: .metadata) < newest, metadata.counters.version == 0, metadata.counters.revision == 0
        else { return }
        let heard = members.filter { $0.id == id || abilities[$0.id] != nil }
        guard heard.count > members.count / 2, outdated.isEmpty,
            reluctant(to: SupportedFeature.metadata.name, newest, among: heard.map(\.id)).isEmpty
        else { return }
        raise(.metadata, to: newest) { _ in }
    }

    func raise(_ feature: Feature, to level: Int, _ completion: @escaping MembershipCompletion) {
        proposedLevels[feature] = level
        logger.info("👥 raising \(feature.rawValue)", metadata: ["level": "\(level)"])
        submit(.raiseLevel(of: feature, to: level)) { [unowned self] result in
            switch result {
            case .success: completion(.success(.done))
            case .failure(.overloaded):
                // It is not in the log, and may be asked for again.
                proposedLevels[feature] = nil
                completion(.failure(.unavailable("too much work is waiting")))
            case .failure(.notLeader(let leader)): completion(.failure(.notLeader(leader: leader)))
            case .failure(.unavailable(let reason)): completion(.failure(.unavailable(reason)))
            case .failure: completion(.failure(.outcomeUnknown))
            }
        }
    }

    /// Whether this program can apply it. One that can not must not pass it over: it would be left with another state.
    func canApply(_ command: Command, at index: LogIndex) -> Bool {
        guard case .raiseLevel(let feature, let level) = command else { return true }
        return knows(feature, level, from: "log entry \(index)")
    }

    /// Whether this program can go on from a state with these counters.
    func canTake(_ counters: Counters, at position: LogPosition) -> Bool {
        Feature.allCases.allSatisfy { knows($0, counters.level(of: $0), from: "the snapshot of \(position)") }
    }

    private func knows(_ feature: Feature, _ level: Int, from source: String) -> Bool {
        let newest = feature.levels.upperBound
        guard level > newest else { return true }
        fail(
            .failed(
                "\(source) is at level \(level) of \(feature.rawValue), and this program knows \(newest). "
                    + "Start the release that the other nodes run."),
            reason: "the others run a newer release")
        return false
    }
}
