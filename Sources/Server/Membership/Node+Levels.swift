import Logging
import Metadata
import Raft
import Storage
import Wire

// Feature metadata.version. Its level stands in the state, where every command finds it, and is raised by an entry.
extension Node {
    /// As of the last entry in the log: what a newcomer must have.
    var metadataLevel: Int { max(metadata.counters.level, proposedLevel) }

    /// A cluster in which nothing has been written has nothing to go back to: it begins with what its members can.
    func raiseLevelOfNewCluster() {
        let newest = settings.newClusterLevel
        guard isLeading, metadataLevel < newest, metadata.counters.version == 0, metadata.counters.revision == 0
        else { return }
        let heard = members.filter { $0.id == id || abilities[$0.id] != nil }
        guard heard.count > members.count / 2, outdated.isEmpty,
            reluctant(to: SupportedFeature.metadata.name, newest, among: heard.map(\.id)).isEmpty
        else { return }
        raiseLevel(to: newest) { _ in }
    }

    func raiseLevel(to level: Int, _ completion: @escaping MembershipCompletion) {
        proposedLevel = level
        logger.info("👥 raising metadata.version", metadata: ["level": "\(level)"])
        submit(.raiseLevel(to: level)) { result in
            switch result {
            case .success: completion(.success(.done))
            case .failure(.notLeader(let leader)): completion(.failure(.notLeader(leader: leader)))
            case .failure(.unavailable(let reason)): completion(.failure(.unavailable(reason)))
            case .failure: completion(.failure(.outcomeUnknown))
            }
        }
    }

    /// Whether this program can apply it. One that can not must not pass it over: it would be left with another state.
    func canApply(_ command: Command, at index: LogIndex) -> Bool {
        guard case .raiseLevel(let level) = command, level > MetadataStateMachine.levels.upperBound else { return true }
        fail(
            .failed(
                "log entry \(index) raises metadata.version to \(level), and this program knows "
                    + "\(MetadataStateMachine.levels.upperBound). Start the release that the other nodes run."),
            reason: "an entry is of a newer release")
        return false
    }
}
