import Raft
import Wire

// A cluster whose members all know each other: what most tests begin with.

extension NodeIdentity {
    static let sampleCluster = "0123456789abcdef0123456789abcdef"

    static func member(_ id: UInt64, of count: Int) -> NodeIdentity {
        var identity = NodeIdentity(node: NodeID(id), directory: .of(NodeID(id)))
        identity.run = .of(NodeID(id))
        identity.clusterID = sampleCluster
        identity.bornAt = 1_731_000_000_000
        identity.members = (1...count).map { .known(NodeID(UInt64($0))) }
        identity.electors = identity.ids
        return identity
    }
}

extension DirectoryID {
    static func of(_ node: NodeID) -> DirectoryID { DirectoryID(high: 0xd, low: node.number) }
}

extension Run {
    static func of(_ node: NodeID, number: UInt64 = 5) -> Run { Run(number: number, nonce: 100 + node.number) }
}

extension KnownMember {
    static func known(_ id: NodeID) -> KnownMember {
        KnownMember(id: id, directory: .of(id), isAdmitted: true, run: .of(id))
    }
}

extension Speaker {
    static func member(_ id: UInt64) -> Speaker { .of(NodeID(id)) }

    static func of(_ id: NodeID) -> Speaker {
        Speaker(node: id, directory: .of(id), run: .of(id), isAdmitted: true)
    }
}

extension Envelope {
    static func from(_ sender: NodeID, cluster: String? = NodeIdentity.sampleCluster, of members: Int = 3) -> Envelope {
        Envelope(
            sender: .of(sender), cluster: cluster, receiver: NodeID(1), receiverDirectory: .of(NodeID(1)),
            listVersion: NodeIdentity.version(of: (1...members).map { NodeID(UInt64($0)) }))
    }
}

extension Introduction {
    static func of(_ id: NodeID, of count: Int) -> Introduction {
        let identity = NodeIdentity.member(id.number, of: count)
        return Introduction(
            speaker: .of(id), cluster: identity.clusterID, bornAt: identity.bornAt, members: identity.members,
            electors: identity.electors, isSettled: true, generation: 0, reach: .zero, term: .zero,
            startedAt: 1_731_345_000_000, place: "n\(id):9090")
    }
}
