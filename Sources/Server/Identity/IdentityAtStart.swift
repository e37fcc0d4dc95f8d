import Defects
import Metadata
import Raft
import Storage
import Wire

extension RecoveredNode {
    /// Who the node is from this start on; to be durable before it says anything.
    ///
    /// - Parameters:
    ///   - members: The list that this start was given.
    ///   - newDirectory: The name of the directory if it turns out to be a copy: whoever remembers the original must not take
    ///     this for it.
    /// - Throws: ``StorageError/foreign(_:)`` if the data are of another list.
    public func identityAtStart(
        members: [NodeID], nonce: UInt64, newDirectory: DirectoryID
    ) throws(StorageError) -> NodeIdentity {
        var identity = identity
        if identity.clusterID == nil { identity.clusterID = clusterNameInLog }
        // The data know the members: services.json is a book of addresses.
        let members = (hasMembersInLog || isNewcomer) && !identity.ids.isEmpty ? identity.ids : members
        let isUpgraded = identity.members.isEmpty && identity.clusterID != nil
        do {
            try identity.start(nonce: nonce, members: members.sorted())
        } catch {
            throw .foreign(
                "the data of node \(identity.node) here are of a cluster of \(AdmissionView.list(error.stored)), the services file lists "
                    + "\(AdmissionView.list(error.given)). Correct the file; or change the list of a cluster by "
                    + "\"dmq-metadata members set FILE DIR\" on every node while all are stopped.")
        }
        if Defect.membersForgotten.isOn {
            for position in identity.members.indices where identity.members[position].id != identity.node {
                identity.members[position] = KnownMember(id: identity.members[position].id, isAdmitted: true)
            }
        }
        if isUpgraded { identity.trustUpgradedMembers() }
        if copy != nil, !Defect.copyUnnoticed.isOn { identity.becomeCopy(on: newDirectory) }
        return identity
    }

    /// It joined a cluster whose members are in the log, and ended before it had anything of that. Of a list it would know the
    /// electors.
    private var isNewcomer: Bool {
        identity.clusterID != nil && !Defect.newcomerGoesByItsFile.isOn && !identity.isAdmitted
            && identity.electors.isEmpty && logBase == .zero && entries.isEmpty
    }

    /// The first leader's opening entry gave the cluster its name; it may not have been applied yet.
    private var clusterNameInLog: String? {
        for entry in entries where entry.type == LogEntry.noop {
            let command = try? CommandCodec.decode(type: entry.type, data: entry.data)
            if case .noop(let name?)? = command { return name }
        }
        return nil
    }
}

extension NodeIdentity {
    /// The first release wrote down nobody: its members are believed when they come, each on its first directory.
    fileprivate mutating func trustUpgradedMembers() {
        for position in members.indices { members[position].isAdmitted = true }
        electors = ids
        isSettled = true
    }

    /// The directory is one that nobody has heard of, and has no vote. A cluster of one has nobody whom a copy could
    /// contradict.
    mutating func becomeCopy(on newDirectory: DirectoryID) {
        directory = newDirectory
        guard var own = self[node] else { return }
        own.directory = newDirectory
        own.isAdmitted = own.isAdmitted && members.count == 1
        self[node] = own
    }
}
