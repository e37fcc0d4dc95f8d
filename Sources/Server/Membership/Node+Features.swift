import Logging
import Metadata
import Raft
import Wire

// Levels of features (KIP-584): what all members have agreed to use stands in the configuration, beside the members, and
// is raised only when each of them supports it.
extension Node {
    var ownAbilities: Introduction.Abilities {
        Introduction.Abilities(
            configuration: raft.log.configurations.latest.index, features: SupportedFeature.all, build: settings.build)
    }

    /// What the cluster has agreed on; what it never spoke of is at its first level.
    var finalizedFeatures: [Configuration.Feature] {
        SupportedFeature.all.map { feature in
            Configuration.Feature(
                name: feature.name,
                level: Feature(rawValue: feature.name).map(level(of:)) ?? raft.configuration.level(of: feature.name)
                    ?? feature.initialLevel)
        }
    }

    /// What a node lacks to be a member, in words; `nil` if nothing. One that does not speak of a feature is of a release before
    /// it, and does what its first level is.
    func lacking(_ abilities: Introduction.Abilities?) -> String? {
        for (feature, finalized) in zip(SupportedFeature.all, finalizedFeatures) {
            let levels = abilities?.features.first { $0.name == feature.name }?.levels
            guard levels?.contains(finalized.level) ?? (finalized.level == feature.initialLevel) else {
                let build = abilities?.build ?? "an older release"
                return "it does not support \(finalized.name) \(finalized.level) (\(build))"
            }
        }
        return nil
    }

    func setFeature(
        _ name: String, _ level: Int, _ request: MembershipRequest, _ completion: @escaping MembershipCompletion
    ) {
        do {
            guard try mustRaise(name, to: level), !request.isDryRun else { return completion(.success(.done)) }
            if let feature = Feature(rawValue: name) { return raise(feature, to: level, completion) }
            var features = raft.configuration.features.filter { $0.name != name }
            features.append(Configuration.Feature(name: name, level: level))
            let wanted = Configuration(try listedMembers(), features: features)
            operation = MembershipOperation(request: request, phase: .changing(from: .zero), completion: completion)
            step(.reconfigure(wanted, isForced: false))
        } catch {
            completion(.failure(error))
        }
    }

    /// False when the level is as wanted.
    private func mustRaise(_ name: String, to level: Int) throws(MembershipFailure) -> Bool {
        guard let feature = SupportedFeature.all.first(where: { $0.name == name }) else {
            throw .refused(
                .unknownFeature, "no feature \(name); there are \(SupportedFeature.all.map(\.name))")
        }
        let present = finalizedFeatures.first { $0.name == name }?.level ?? feature.initialLevel
        guard level != present else { return false }
        guard feature.levels.contains(level) else {
            throw .refused(
                .unsupportedLevel, "\(name) has the levels \(feature.levels.lowerBound) to \(feature.levels.upperBound)"
            )
        }
        guard level > present else {
            throw .refused(
                .unsupportedLevel,
                "\(name) can not go back from \(present) to \(level): the log has entries that level \(level) does not know"
            )
        }
        if let needed = Feature(rawValue: name)?.neededMetadataLevel, self.level(of: .metadata) < needed {
            throw .refused(
                .featureNotEnabled,
                "\(name) \(level) needs metadata.version \(needed), which is at \(self.level(of: .metadata)): raise that first"
            )
        }
        let reluctant = reluctant(to: name, level, among: members.map(\.id))
        guard reluctant.isEmpty else {
            throw .refused(
                .unsupportedLevel,
                "\(AdmissionView.list(reluctant)): not heard, or of a release without \(name) \(level)")
        }
        return true
    }

    /// Who of them can not, as far as is known.
    func reluctant(to name: String, _ level: Int, among members: [NodeID]) -> [NodeID] {
        members.filter { member in
            member != id && abilities[member]?.features.first { $0.name == name }?.levels.contains(level) != true
        }
    }

    /// The members as they are to stand in the log: those of services.json come there with the directories that are known for
    /// them.
    private func listedMembers() throws(MembershipFailure) -> [Configuration.Member] {
        if raft.hasConfiguration { return raft.configuration.members }
        return try members.map { member throws(MembershipFailure) in
            guard let directory = identity[member.id]?.directory, guests[member.id] == nil,
                identity[member.id]?.isAdmitted == true
            else {
                throw .refused(
                    .unreachable, "node \(member.id) has no vote yet: start it, and wait until it follows")
            }
            guard Configuration.isPlain(member.host), Configuration.isPlain(member.url) else {
                throw .refused(
                    .invalid, "the address \(member.host) of node \(member.id) can not stand in the log")
            }
            return Configuration.Member(member, directory: directory, role: .voter)
        }
    }
}
