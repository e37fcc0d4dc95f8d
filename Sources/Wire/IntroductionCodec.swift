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
        if let configuration = envelope.configuration { appendVarint(configuration.number) }
    }

    private mutating func append(_ abilities: Introduction.Abilities) {
        appendVarint(abilities.configuration.number)
        appendVarint(UInt64(abilities.features.count))
        for feature in abilities.features {
            appendCounted(feature.name)
            appendVarint(UInt64(feature.levels.lowerBound))
            appendVarint(UInt64(feature.levels.upperBound))
        }
        appendCounted(abilities.build)
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
        if let abilities = introduction.abilities { append(abilities) }
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
        if let clusterID, !Limits.isDrawnID(clusterID) { throw error("malformed cluster id") }
        return clusterID
    }

    mutating func speaker() throws(WireError) -> Speaker {
        Speaker(node: try node(), directory: try directory(), run: try run(), isAdmitted: try bool())
    }

    /// - Parameter isExtended: Whether it is of this release, not of the one before.
    mutating func envelope(isExtended: Bool) throws(WireError) -> Envelope {
        let sender = try speaker()
        let cluster = try clusterID()
        return Envelope(
            sender: sender, cluster: cluster, receiver: try node(), receiverDirectory: try optionalDirectory(),
            listVersion: try fixed64(),
            configuration: isExtended ? LogIndex(try varint(in: Limits.counter)) : nil)
    }

    private mutating func abilities() throws(WireError) -> Introduction.Abilities {
        let configuration = LogIndex(try varint(in: Limits.counter))
        var features: [SupportedFeature] = []
        let count = try count(minimumBytes: 3)
        guard count <= Limits.maxFeatures else { throw error("\(count) features") }
        for _ in 0..<count {
            let name = try countedString(maxBytes: Limits.maxNameBytes)
            let (low, high) = (try varint(in: 0...1000), try varint(in: 0...1000))
            guard low <= high else { throw error("levels of \(name) from \(low) to \(high)") }
            features.append(SupportedFeature(name: name, levels: Int(low)...Int(high)))
        }
        return Introduction.Abilities(
            configuration: configuration, features: features, build: try countedString(maxBytes: Limits.maxNameBytes))
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

    mutating func introduction(isExtended: Bool) throws(WireError) -> Introduction {
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
            place: try countedString(maxBytes: Limits.maxNameBytes),
            abilities: isExtended ? try abilities() : nil)
    }

    /// Of members, learners included.
    mutating func listCount(minimumBytes: Int) throws(WireError) -> Int {
        let count = try count(minimumBytes: minimumBytes)
        guard count <= Configuration.maximumMembers else { throw error("a list of \(count) members") }
        return count
    }
}
