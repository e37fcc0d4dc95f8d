@testable import Raft

/// Several cores over a virtual clock, network and disk, all from one seed. What they do is checked after every step.
final class Cluster {
    /// One life of a node, from start to crash.
    final class Process {
        var raft: RaftNode
        let incarnation: Int
        var wakeAt = Instant(nanoseconds: 0)

        init(_ raft: consuming RaftNode, incarnation: Int) {
            self.raft = raft
            self.incarnation = incarnation
        }
    }

    struct Member {
        let id: NodeID
        var disk = Disk()
        var process: Process?
        var incarnation = 0
        /// How often its disk was lost.
        var losses: UInt64 = 0

        var directory: DirectoryID { DirectoryID(high: id.number, low: losses) }
    }

    /// A request on its way, and who waits for its answer.
    struct Exchange {
        var from: NodeID
        var incarnation: Int
        var to: NodeID
        var request: Request
        /// Of a request that was delivered twice only one answer arrives.
        var isCopy = false
        /// The directory of whoever answers.
        var answering: DirectoryID?
    }

    enum Happening {
        case wake(NodeID, Process)
        case deliver(Exchange)
        case answer(Reply, Exchange)
        case failed(Exchange)
        case event(Event, NodeID, incarnation: Int)
        case diskDone(NodeID, incarnation: Int)
        case restart(NodeID)
        case fault
    }

    let settings: Settings
    var random: SeededGenerator
    var now = Instant(nanoseconds: 1_000_000_000)
    var agenda = AgendaQueue<Happening>()
    var members: [Member]
    var network = Network()
    var checks: ClusterChecks
    var steps = 0
    var hasFaults = false
    /// Whether the members are changed at random.
    var changesMembers = false
    let founders: [NodeID]
    /// Milliseconds that a write takes.
    var diskDelay: ClosedRange<Double> = 0.5...1.5
    private var buffer = EffectBuffer()
    private var exchanges: [RequestToken: Exchange] = [:]
    private var lastToken: UInt64 = 0
    private var lastRead: UInt64 = 0

    /// - Parameter spares: Nodes that are no members at first.
    init(voters: Int, spares: Int = 0, seed: UInt64, settings: Settings = Settings()) {
        self.settings = settings
        random = SeededGenerator(seed: seed)
        founders = (1...UInt64(voters)).map { NodeID($0) }
        members = (1...UInt64(voters + spares)).map { Member(id: NodeID($0)) }
        checks = ClusterChecks(nodes: voters + spares)
    }

    var voters: [NodeID] { members.map(\.id) }
    var directories: [NodeID: DirectoryID] {
        Dictionary(uniqueKeysWithValues: members.map { ($0.id, $0.directory) })
    }
    func at(_ id: NodeID) -> Int { Int(id.number) - 1 }
    func process(_ id: NodeID) -> Process? { members[at(id)].process }
    /// The leader of the latest term, if there is one.
    var leader: NodeID? {
        members.filter { $0.process?.raft.role == .leader }
            .max { ($0.process?.raft.currentTerm ?? .zero) < ($1.process?.raft.currentTerm ?? .zero) }?.id
    }

    func chance(_ probability: Double) -> Bool { Double.random(in: 0..<1, using: &random) < probability }
    func pick<C: Collection>(_ all: C) -> C.Element? { all.randomElement(using: &random) }
    func later(_ milliseconds: ClosedRange<Double>) -> Instant {
        now.advanced(by: .nanoseconds(Int64(Double.random(in: milliseconds, using: &random) * 1_000_000)))
    }

    // MARK: Running

    func startAll() { for id in voters where process(id) == nil { start(id) } }

    func start(_ id: NodeID) {
        let image = members[at(id)].disk.image
        members[at(id)].incarnation += 1
        let isFounder = founders.contains(id) && members[at(id)].losses == 0
        let raft = RaftNode(
            id: id, directory: members[at(id)].directory, voters: isFounder ? founders : [], settings: settings,
            hardState: image.hardState,
            log: RaftLog(base: image.base, entries: image.entries, configuration: image.configuration),
            applied: image.applied, seed: random.next(), now: Moment(instant: now, unixMilliseconds: 0))
        let process = Process(raft, incarnation: members[at(id)].incarnation)
        members[at(id)].process = process
        checks.started(process)
        scheduleWake(process)
        step(id, .electorate(nonVoting: [], directories: directories, replaced: []))
    }

    /// The node comes back without anything.
    func lose(_ id: NodeID) {
        crash(id, isNoticed: true)
        members[at(id)].disk = Disk()
        members[at(id)].losses += 1
        for member in members where member.process != nil {
            step(member.id, .electorate(nonVoting: [], directories: directories, replaced: [id]))
        }
        start(id)
    }

    /// Goes on until `condition` holds or the time is over; says whether it held.
    @discardableResult
    func run(for duration: Duration, until condition: () -> Bool = { false }) -> Bool {
        let end = now.advanced(by: duration)
        while checks.failure == nil {
            if condition() { return true }
            guard let first = agenda.first, first <= end, let next = agenda.take() else { break }
            now = max(now, next.time)
            happen(next.element)
        }
        if checks.failure == nil { now = end }
        return false
    }

    private func happen(_ happening: Happening) {
        switch happening {
        case .wake(let id, let process):
            guard self.process(id) === process, process.wakeAt <= now else { return }
            step(id, .clockAdvanced)
        case .deliver(let exchange): deliver(exchange)
        case .answer(let reply, let exchange): answer(reply, exchange)
        case .failed(let exchange):
            guard process(exchange.from)?.incarnation == exchange.incarnation else { return }
            step(exchange.from, .unreachable(exchange.to))
            if case .installSnapshot = exchange.request { step(exchange.from, .snapshotFailed(to: exchange.to)) }
        case .event(let event, let id, let incarnation):
            guard process(id)?.incarnation == incarnation else { return }
            step(id, event)
        case .diskDone(let id, let incarnation):
            guard process(id)?.incarnation == incarnation else { return }
            diskDone(id)
        case .restart(let id): if process(id) == nil { start(id) }
        case .fault: injectFault()
        }
    }

    func step(_ id: NodeID, _ event: Event) {
        guard let process = process(id), checks.failure == nil else { return }
        steps += 1
        process.raft.step(event, at: Moment(instant: now, unixMilliseconds: 0), into: &buffer)
        let effects = buffer.take()
        checks.check(process, effects, members, now)
        for effect in effects { perform(effect, process) }
        scheduleWake(process)
    }

    private func scheduleWake(_ process: Process) {
        let deadline = process.raft.nextDeadline
        guard deadline != process.wakeAt else { return }
        process.wakeAt = deadline
        if deadline.nanoseconds < .max { agenda.add(.wake(process.raft.id, process), at: deadline) }
    }

    private func perform(_ effect: Effect, _ process: Process) {
        let id = process.raft.id
        switch effect {
        case .persist(let write): beginDisk(id, .write(write))
        case .send(let request, let to):
            send(Exchange(from: id, incarnation: process.incarnation, to: to, request: request))
        case .reply(let reply, let token): self.reply(reply, to: token)
        case .sendSnapshot(let to): sendSnapshot(chunk: 0, from: process, to: to)
        case .receiveSnapshot(let request, let token): receive(request, token, id)
        default: break
        }
    }

    // MARK: Clients

    @discardableResult
    func propose(_ count: Int, at id: NodeID) -> UInt64 {
        checks.lastPayload += 1
        let number = checks.lastPayload
        let data = (0..<8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
        step(id, .propose([Proposal](repeating: Proposal(type: "PUT", data: data), count: count)))
        return number
    }

    @discardableResult
    func read(at id: NodeID) -> ReadID {
        lastRead += 1
        let read = ReadID(lastRead)
        checks.readIssued(read)
        step(id, .read(read))
        return read
    }

    // MARK: Network

    private func send(_ exchange: Exchange) {
        guard !network.loses(exchange.from, exchange.to, &random) else { return fail(exchange) }
        agenda.add(
            .deliver(exchange), at: network.arrival(exchange.from, exchange.to, exchange.request.isBulk, now, &random))
        if chance(network.duplication) {
            var copy = exchange
            copy.isCopy = true
            agenda.add(.deliver(copy), at: later(0.1...300))
        }
    }

    private func deliver(_ exchange: Exchange) {
        guard process(exchange.to) != nil, !network.isBlocked(exchange.from, exchange.to) else { return fail(exchange) }
        lastToken += 1
        let token = RequestToken(lastToken)
        exchanges[token] = exchange
        exchanges[token]?.answering = members[at(exchange.to)].directory
        step(exchange.to, .request(exchange.request, token: token))
    }

    private func reply(_ reply: Reply, to token: RequestToken) {
        guard let exchange = exchanges.removeValue(forKey: token) else {
            checks.fail("token \(token.number) was answered twice: \(reply)")
            return
        }
        guard !exchange.isCopy else { return }
        guard !network.loses(exchange.to, exchange.from, &random) else { return fail(exchange) }
        let time = network.arrival(exchange.to, exchange.from, exchange.request.isBulk, now, &random)
        agenda.add(.answer(reply, exchange), at: time)
    }

    private func fail(_ exchange: Exchange) {
        if !exchange.isCopy { agenda.add(.failed(exchange), at: later(network.failureNotice)) }
    }

    private func answer(_ reply: Reply, _ exchange: Exchange) {
        guard let process = process(exchange.from), process.incarnation == exchange.incarnation else { return }
        // An answer of a directory that is gone is none.
        guard exchange.answering == members[at(exchange.to)].directory else {
            step(exchange.from, .unreachable(exchange.to))
            if case .installSnapshot = exchange.request { step(exchange.from, .snapshotFailed(to: exchange.to)) }
            return
        }
        switch (reply, exchange.request) {
        case (.requestVote(let reply), _): step(exchange.from, .requestVoteReply(reply, from: exchange.to))
        case (.timeoutNow(let reply), _): step(exchange.from, .timeoutNowReply(reply, from: exchange.to))
        case (.appendEntries(let reply), .appendEntries(let request)):
            step(exchange.from, .appendEntriesReply(reply, from: exchange.to, previous: request.previous.index))
        case (.installSnapshot(let reply), .installSnapshot(let request)):
            step(
                exchange.from, .installSnapshotReply(reply, from: exchange.to, lastIncluded: request.lastIncluded))
            guard !reply.isInstalled else { return }
            if reply.nextSequence == 1, process.raft.currentTerm == request.term, process.raft.role == .leader {
                var next = request
                next.sequence = 1
                next.isLast = true
                send(
                    Exchange(
                        from: exchange.from, incarnation: exchange.incarnation, to: exchange.to,
                        request: .installSnapshot(next)))
            } else {
                step(exchange.from, .snapshotFailed(to: exchange.to))
            }
        default: checks.fail("\(reply) answers \(exchange.request)")
        }
    }

    // MARK: Disk

    private func beginDisk(_ id: NodeID, _ operation: Disk.Operation) {
        let time = max(later(diskDelay), members[at(id)].disk.busyUntil)
        members[at(id)].disk.busyUntil = time
        members[at(id)].disk.begin(operation)
        agenda.add(.diskDone(id, incarnation: members[at(id)].incarnation), at: time)
    }

    private func diskDone(_ id: NodeID) {
        switch members[at(id)].disk.finishFirst() {
        case .write(let write): step(id, .persisted(write.id))
        case .checkpoint(_, let through): step(id, .compact(through: through))
        case .snapshot(let position, let configuration, let token):
            step(id, .snapshotInstalled(position, configuration))
            let term = process(id)?.raft.currentTerm ?? .zero
            reply(.installSnapshot(InstallSnapshotReply(term: term, nextSequence: 2, isInstalled: true)), to: token)
        }
    }

    /// Stores the state tables as they stand, and forgets some of the log behind them.
    func checkpoint(_ id: NodeID) {
        guard let raft = process(id)?.raft.checkpointable else { return }
        let through = UInt64.random(in: raft.base.number...raft.index.number, using: &random)
        beginDisk(id, .checkpoint(raft.index, compact: LogIndex(through)))
    }

    private func sendSnapshot(chunk: UInt64, from process: Process, to: NodeID) {
        let id = process.raft.id
        let image = members[at(id)].disk.image
        guard let term = image.term(at: image.applied) else { return checks.fail("no term of what is applied") }
        let request = InstallSnapshot(
            term: process.raft.currentTerm, leader: id, lastIncluded: LogPosition(term: term, index: image.applied),
            sequence: 0, data: image.configuration(at: image.applied).bytes, isLast: false)
        send(Exchange(from: id, incarnation: process.incarnation, to: to, request: .installSnapshot(request)))
    }

    private func receive(_ request: InstallSnapshot, _ token: RequestToken, _ id: NodeID) {
        if request.isLast, !chance(network.abandonment) {
            beginDisk(
                id, .snapshot(request.lastIncluded, PlacedConfiguration(bytes: request.data), answer: token))
        } else {
            if request.isLast { step(id, .snapshotAbandoned) }
            let term = process(id)?.raft.currentTerm ?? .zero
            let reply = InstallSnapshotReply(term: term, nextSequence: request.isLast ? 0 : 1, isInstalled: false)
            self.reply(.installSnapshot(reply), to: token)
        }
    }

    // MARK: Crashes

    /// - Parameter isNoticed: The kernel lives and closes the connections; else the peers learn nothing.
    func crash(_ id: NodeID, isNoticed: Bool) {
        guard process(id) != nil else { return }
        members[at(id)].process = nil
        let pending = members[at(id)].disk.pending.count
        members[at(id)].disk.crash(survivors: Int.random(in: 0...pending, using: &random))
        checks.crashed(id)
        let lost = exchanges.filter { $0.value.to == id }.sorted { $0.key.number < $1.key.number }
        for (token, exchange) in lost {
            exchanges[token] = nil
            fail(exchange)
        }
        guard isNoticed else { return }
        for peer in members where peer.id != id && peer.process != nil {
            agenda.add(.event(.disconnected(id), peer.id, incarnation: peer.incarnation), at: later(0.1...0.5))
        }
    }
}

extension PlacedConfiguration {
    /// As the chunk of a snapshot; nothing for the list that the cluster was started with.
    var bytes: [UInt8] { index == .zero ? [] : Array("\(index) \(configuration.text)".utf8) }

    init?(bytes: [UInt8]) {
        let parts = String(decoding: bytes, as: UTF8.self).split(separator: " ", maxSplits: 1)
        guard parts.count == 2, let index = UInt64(parts[0]), let configuration = Configuration(text: String(parts[1]))
        else { return nil }
        self.init(index: LogIndex(index), configuration)
    }
}

extension Request {
    /// Whether it goes over the connection for data, not the one for control.
    var isBulk: Bool {
        switch self {
        case .appendEntries(let request): !request.entries.isEmpty
        case .installSnapshot: true
        default: false
        }
    }
}

extension RaftNode {
    /// How far a checkpoint may reach, if there can be one now.
    var checkpointable: (base: LogIndex, index: LogIndex)? {
        let index = min(commitIndex, log.durableIndex)
        return isInstallingSnapshot || index < log.base.index ? nil : (log.base.index, index)
    }
}
