import Defects

/// A partition's way to other replicas, while it lasts (KIP-455). Few partitions are on one: apart from their rows, it costs the
/// others a word.
public final class Reassignment: Sendable {
    /// What comes, ascending. It goes on when all that stay and come are in sync.
    public let adding: [BrokerID]
    /// What goes then, ascending.
    public let removing: [BrokerID]
    /// The replicas before it, and before those that it took the place of: where a cancellation leads back to.
    public let original: [BrokerID]
    /// When it was asked for, Unix milliseconds.
    public let startedAt: Int64

    public init(adding: [BrokerID], removing: [BrokerID], original: [BrokerID], startedAt: Int64) {
        (self.adding, self.removing, self.original, self.startedAt) = (adding, removing, original, startedAt)
    }

    /// What is impossible about it; `nil` if nothing is.
    func flaw(among replicas: [BrokerID]) -> String? {
        let (all, adding, removing) = (Set(replicas), Set(adding), Set(removing))
        let isSound =
            adding.isSubset(of: all) && removing.isSubset(of: all) && adding.isDisjoint(with: removing)
            && !(adding.isEmpty && removing.isEmpty) && removing.count < all.count
            && !original.isEmpty && Set(original).isSubset(of: all) && adding.isDisjoint(with: original)
            && [self.adding, self.removing].allSatisfy { zip($0, $0.dropFirst()).allSatisfy { $0 < $1 } }
        return isSound ? nil : "can not go from \(original) by \(self.adding) and without \(self.removing)"
    }
}

extension Reassignment: Equatable {
    public static func == (a: Reassignment, b: Reassignment) -> Bool {
        a === b
            || a.adding == b.adding && a.removing == b.removing && a.original == b.original
                && a.startedAt == b.startedAt
    }
}

extension Partition {
    /// The replicas that it has when it has arrived.
    public var target: [BrokerID] {
        guard let reassignment else { return replicas }
        return replicas.subtracting(reassignment.removing)
    }

    /// How many replicas it has, or had before it set out: what comes does not count before it has arrived.
    public var replicationFactor: Int { reassignment?.original.count ?? replicas.count }

    /// Sets out for these replicas. Who is on a way already goes on from there, and can still go back to where that began.
    mutating func reassign(to target: [BrokerID], at time: Int64) {
        let original = Defect.chainForgetsWhereItBegan.isOn ? replicas : reassignment?.original ?? replicas
        let removing = replicas.subtracting(target).sorted()
        let adding = target.subtracting(original).sorted()
        replicas = target + removing
        reassignment =
            adding.isEmpty && removing.isEmpty
            ? nil : Reassignment(adding: adding, removing: removing, original: original, startedAt: time)
    }

    /// Goes back. Nobody is in sync who was not before.
    mutating func cancelReassignment() {
        guard let reassignment else { return }
        replicas = reassignment.original
        if !Defect.cancelKeepsOutsiders.isOn {
            inSyncReplicas = inSyncReplicas.intersection(replicas)
        }
        self.reassignment = nil
    }

    /// Arrives, if all that it is to have are in sync.
    mutating func finishReassignment() {
        guard let reassignment else { return }
        let needed = Defect.arrivesTooEarly.isOn ? Array(target.prefix(1)) : target
        guard needed.isSubset(of: inSyncReplicas) else { return }
        replicas = target
        if !Defect.removedStaysInSync.isOn { inSyncReplicas = inSyncReplicas.subtracting(reassignment.removing) }
        self.reassignment = nil
    }
}

extension [BrokerID] {
    /// Those that are not among others, in their order. A partition may have a thousand.
    func subtracting(_ others: [BrokerID]) -> [BrokerID] {
        guard count * others.count > 64 else { return filter { !others.contains($0) } }
        let others = Set(others)
        return filter { !others.contains($0) }
    }

    func intersection(_ others: [BrokerID]) -> [BrokerID] { subtracting(subtracting(others)) }

    func isSubset(of others: [BrokerID]) -> Bool { self == others || subtracting(others).isEmpty }
}
