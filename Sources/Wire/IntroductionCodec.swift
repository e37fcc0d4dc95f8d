import Raft

// Who speaks, in the dense form: see ``MessageCodec``.

extension [UInt8] {
    mutating func append(_ directory: DirectoryID) {
        appendFixed64(directory.high)
        appendFixed64(directory.low)
    }

    mutating func appendOptional(_ directory: DirectoryID?) {
        appendBool(directory != nil)
        if let directory { append(directory) }
    }

    private mutating func append(_ run: Run) {
        appendVarint(run.number)
        appendFixed64(run.nonce)
    }

    mutating func append(_ speaker: Speaker) {
        appendVarint(speaker.node.number)
        append(speaker.directory)
        append(speaker.run)
        appendBool(speaker.isAdmitted)
    }

    mutating func append(_ envelope: Envelope) {
        append(envelope.sender)
        appendOptional(envelope.cluster)
        appendVarint(envelope.receiver.number)
        appendOptional(envelope.receiverDirectory)
        appendFixed64(envelope.listVersion)
    }

    private mutating func append(_ member: KnownMember) {
        appendVarint(member.id.number)
        appendOptional(member.directory)
        appendVarint(member.generation)
        appendBool(member.isAdmitted)
        appendBool(member.run != nil)
        if let run = member.run { append(run) }
    }

    mutating func append(_ introduction: Introduction) {
        append(introduction.speaker)
        appendOptional(introduction.cluster)
        appendBool(introduction.bornAt != nil)
        if let bornAt = introduction.bornAt { appendZigZag(bornAt) }
        appendVarint(UInt64(introduction.members.count))
        for member in introduction.members { append(member) }
        appendVarint(UInt64(introduction.electors.count))
        for elector in introduction.electors { appendVarint(elector.number) }
        appendBool(introduction.isSettled)
        appendVarint(introduction.generation)
        appendVarint(introduction.reach.term.number)
        appendVarint(introduction.reach.index.number)
        appendVarint(introduction.term.number)
        appendZigZag(introduction.startedAt)
        // People's text: a long host name must not make the message unreadable.
        var place = introduction.place
        while place.utf8.count > Limits.maxNameBytes { place.removeLast() }
        appendCounted(place)
    }
}

extension ByteReader {
    private mutating func node() throws(WireError) -> NodeID { NodeID(try varint(in: Limits.id)) }

    private mutating func directory() throws(WireError) -> DirectoryID {
        DirectoryID(high: try fixed64(), low: try fixed64())
    }

    private mutating func optionalDirectory() throws(WireError) -> DirectoryID? {
        try bool() ? try directory() : nil
    }

    private mutating func run() throws(WireError) -> Run {
        Run(number: try varint(in: Limits.counter), nonce: try fixed64())
    }

    mutating func clusterID() throws(WireError) -> String? {
        let clusterID = try optionalString(maxBytes: 32)
        if let clusterID, !Limits.isClusterID(clusterID) { throw error("malformed cluster id") }
        return clusterID
    }

    mutating func speaker() throws(WireError) -> Speaker {
        Speaker(node: try node(), directory: try directory(), run: try run(), isAdmitted: try bool())
    }

    mutating func envelope() throws(WireError) -> Envelope {
        let sender = try speaker()
        let cluster = try clusterID()
        return Envelope(
            sender: sender, cluster: cluster, receiver: try node(), receiverDirectory: try optionalDirectory(),
            listVersion: try fixed64())
    }

    private mutating func knownMember() throws(WireError) -> KnownMember {
        let id = try node()
        let directory = try optionalDirectory()
        let generation = try varint(in: Limits.counter)
        let isAdmitted = try bool()
        return KnownMember(
            id: id, directory: directory, generation: generation, isAdmitted: isAdmitted,
            run: try bool() ? try run() : nil)
    }

    mutating func introduction() throws(WireError) -> Introduction {
        let speaker = try speaker()
        let cluster = try clusterID()
        let bornAt = try bool() ? try zigZag() : nil
        var members: [KnownMember] = []
        for _ in 0..<(try listCount(minimumBytes: 5)) { members.append(try knownMember()) }
        var electors: [NodeID] = []
        for _ in 0..<(try listCount(minimumBytes: 1)) { electors.append(try node()) }
        let isSettled = try bool()
        let generation = try varint(in: Limits.counter)
        let reach = LogPosition(
            term: Term(try varint(in: Limits.counter)), index: LogIndex(try varint(in: Limits.counter)))
        let term = Term(try varint(in: Limits.counter))
        let startedAt = try zigZag()
        return Introduction(
            speaker: speaker, cluster: cluster, bornAt: bornAt, members: members, electors: electors,
            isSettled: isSettled, generation: generation, reach: reach, term: term, startedAt: startedAt,
            place: try countedString(maxBytes: Limits.maxNameBytes))
    }

    /// Of members: no cluster has more than seven.
    mutating func listCount(minimumBytes: Int) throws(WireError) -> Int {
        let count = try count(minimumBytes: minimumBytes)
        guard count <= Limits.maxMembers else { throw error("a list of \(count) members") }
        return count
    }
}
