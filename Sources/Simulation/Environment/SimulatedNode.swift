import Logging
import Metadata
import Raft
import Server
import Storage

/// One machine: its platter, and the process that runs on it, if one does. Confined to the simulation's thread.
final class SimulatedNode: @unchecked Sendable {
    private(set) var id: NodeID
    /// In the cluster's list of nodes.
    let position: Int
    private let cluster: SimulatedCluster
    private var random: Randomness

    var image = DiskImage()
    /// A bit of it flipped, and nobody has noticed that it was written over.
    private(set) var isDamaged = false
    /// What was on the platter of a node that was down, before it was damaged. Rules hold the node to that until it starts
    /// empty: the damage is no fault of the cluster's, and gives nobody leave to forget.
    private var soundImage: DiskImage?
    /// A bit flipped in its memory, and may be on its platter by now. Stays when the value was written over: a majority
    /// may have noticed before.
    private(set) var isOdd = false
    /// What its directories held that were emptied or replaced by mistake. Until the operator gives their place away
    /// they count, and what took their place does not.
    private var lostImages: [DiskImage] = []
    /// Somebody works on it, or it refused to start: restarting is of no use.
    var isHeld = false
    /// The services file on this machine.
    var list: [Member]
    /// How far the wall clock is off, in milliseconds.
    var wallClockSkew: Int64 = 0
    private(set) var process: Node?
    private(set) var disk: SimulatedDisk?
    /// The number of the process that runs now, or ran last. What was meant for an earlier one is lost.
    private(set) var incarnation: UInt64 = 0
    private(set) var isStopping = false
    private var mailbox: [Input] = []
    /// The memory of the last batch, for the next one.
    private var spareMailbox: [Input] = []
    private var standing: Standing?
    private var isWakeScheduled = false
    private var pausedUntil = VirtualTime.zero
    /// Of a pause that lasts still, or of the last one.
    var lastPauseEnd: VirtualTime { pausedUntil }
    private var mustDie: StorageError?
    /// The directory that the operator lets take the place of the one before, as the next start is told.
    var rejoin: DirectoryID?
    private var idleWakes = 0
    private var idleSince = VirtualTime.zero

    init(id: NodeID, position: Int, cluster: SimulatedCluster, random: Randomness) {
        self.id = id
        self.position = position
        self.cluster = cluster
        self.random = random
        list = cluster.members
    }

    /// From now on this is another machine, made from that one.
    func impersonate(_ original: SimulatedNode, on image: DiskImage) {
        id = original.id
        list = cluster.members
        rejoin = nil
        isHeld = false
        self.image = image
        cluster.observe(.replaced(self))
    }

    /// Whether it runs on a directory that nobody was told of.
    var isStranger: Bool { !lostImages.isEmpty || self === cluster.twin && !cluster.mistakes.isTwinCloned }
    /// Whether it has its vote in the same cluster as `other`, and no less than the others had when it got it. A newcomer
    /// that lacks that helps nobody, and is no replacement for whoever has it.
    func isWholeMember(of other: SimulatedNode) -> Bool {
        guard let identity = image.identity, identity.isAdmitted else { return false }
        return identity.clusterID == other.image.identity?.clusterID && image.lastIndex >= identity.floor.index
    }

    /// For people.
    var name: String { self === cluster.twin ? "a second node \(id)" : "node \(id)" }
    var hasWrongList: Bool { list.map(\.id) != cluster.members.map(\.id) }
    var isUp: Bool { process != nil }
    var isPaused: Bool { cluster.timeline.now < pausedUntil }

    /// Whether the entry is on the platter, or was when that was damaged or lost, on a directory with the node's vote.
    func holds(_ position: LogPosition) -> Bool {
        guard lostImages.isEmpty else {
            // An old copy that was let in again counts for what it has, like any directory with the node's vote.
            let isLetIn = isListedInLog || image.identity?.isAdmitted ?? false
            return lostImages.contains { $0.holds(position) } || isLetIn && image.holds(position)
        }
        if cluster.mistakes.isCloned(self) { return image.holds(position) || cluster.twin.image.holds(position) }
        let image = soundImage ?? image
        // Where the members are in the log, that says whose copy counts.
        let isAdmitted = image.identity?.isAdmitted ?? false || cluster.hasMembersInLog
        return isAdmitted && image.holds(position)
    }

    /// Whether a member's log says that this very directory has the node's vote.
    private var isListedInLog: Bool {
        guard let directory = image.identity?.directory, self !== cluster.twin else { return false }
        return cluster.nodes.contains { node in
            guard let raft = node.process?.raft.configuration.member(id, on: directory) else { return false }
            return raft.directory == directory && raft.role != .learner
        }
    }

    func start() {
        guard process == nil else { return }
        incarnation += 1
        var recovered: RecoveredNode
        let newDirectory = DirectoryID(high: random.next(), low: random.next())
        do { recovered = try image.recover(node: id, newDirectory: newDirectory) } catch { return refuseToStart(error) }
        noticeNoDamage()
        if image.digest == cluster.ledger.digest(at: image.applied.index) { isOdd = false }
        do {
            recovered.identity = try recovered.identityAtStart(
                members: list.map(\.id), nonce: random.next(), newDirectory: newDirectory)
        } catch {
            return ended(with: error)
        }
        image.identity = recovered.identity
        image.isCopy = false
        cluster.trace.record(
            .start, node: id, incarnation,
            "\(recovered.identity.summary) term \(recovered.hardState.currentTerm) log \(recovered.logBase).."
                + "\(image.lastIndex) applied \(recovered.applied)")
        let clock = SimulatedClock(
            node: self, timeline: cluster.timeline, origin: UInt64(random.below(1 << 40)),
            rate: UInt64(random.within(cluster.faults.clockRates)))
        let disk = SimulatedDisk(node: self, cluster: cluster)
        self.disk = disk
        var logger = Logger(label: "simulation") { [cluster, id] _ in TraceLogHandler(trace: cluster.trace, node: id) }
        logger.logLevel = cluster.trace.isOn ? .info : .critical
        let process = Node(
            id: id, members: list, settings: settings, recovered: recovered, seed: random.next(),
            clock: clock, network: SimulatedNetworkPort(node: self, cluster: cluster), disk: disk, logger: logger,
            onFailure: { [unowned self] in failed($0) })
        self.process = process
        cluster.observe(.started(self, process))
        cluster.observe(.logReplaced(self))
        post(.timer)
    }

    private var settings: NodeSettings {
        var settings = cluster.settings
        settings.rejoin = rejoin
        settings.place = "node\(id)"
        return settings
    }

    /// As a service manager does: what another start can mend is started again, for the rest somebody must look.
    private func ended(with error: StorageError) {
        if case .foreign(let text) = error { return cluster.operator.mustLook(at: self, text) }
        cluster.nemesis.restartLater(self)
    }

    // Damage

    /// Flips a bit; says where, if there is one. Of a node that is up only a row's: it reads nothing else again.
    func damage(_ random: inout Randomness) -> String? {
        if !isUp { soundImage = image }
        let place = isUp ? image.flipBitOfRow(&random) : image.flipBit(node: id, &random)
        isDamaged = place != nil
        return place
    }

    /// As the real process does, with exit code 65.
    private func refuseToStart(_ damage: DiskImage.Damage) {
        guard isDamaged else {
            return cluster.violated("Storage contract", "node \(id) can not start: \(damage.finding)")
        }
        cluster.trace.record(.damaged, node: id, incarnation, damage.finding)
        isHeld = true
        cluster.operator.repair(self)
    }

    /// A row that was damaged under a running process may have been written over since.
    private func noticeNoDamage() {
        if soundImage != nil { cluster.violated("Damage is noticed", "node \(id) starts with damaged data") }
        isDamaged = false
    }

    /// A bit of the next value that the process applies flips, behind what tells it from others, so that nobody but the
    /// product itself can notice. Never where two would make half of the nodes.
    ///
    /// - Parameter key: Whose value; any that clients write while faults are done, if it is `nil`.
    func flipBitInMemory(_ bit: Int, of key: Key? = nil) {
        process?.memoryFault = { [unowned self] command in
            guard case .put(var put) = command, put.value.last == UInt8(ascii: "."),
                key.map({ $0 == put.key }) ?? (put.token != nil && !cluster.nemesis.isHealed),
                cluster.nodes.count > 2, cluster.operator.canRepair(self)
            else { return }
            process?.memoryFault = nil
            put.value[put.value.count - 1] ^= 1 << UInt8(bit)
            command = .put(put)
            isOdd = true
            cluster.counts.count(.memoryBitFlip)
            cluster.trace.record(.fault, node: id, UInt64(bit), "\(FaultKind.memoryBitFlip.rawValue): \(put.key)")
        }
    }

    /// The process says that it can not go on.
    private func failed(_ error: StorageError) {
        guard case .damaged(let finding) = error else {
            mustDie = error
            return
        }
        guard isOdd else { return cluster.violated("Only the odd one out leaves service", "node \(id): \(finding)") }
        cluster.trace.record(.damaged, node: id, incarnation, finding)
        isHeld = true
        post(
            .read(.stale) { [self] answer in
                guard case .success = answer else { return }
                cluster.violated("Who leaves service answers nobody", "node \(id) answers a read after: \(finding)")
            })
        // The store is closed, lines are written: until then it may be asked.
        cluster.timeline.schedule(after: random.time(milliseconds: 1...50)) { [self] in takeOut() }
    }

    /// Ends it, for somebody to repair it.
    func takeOut() {
        isHeld = true
        crash()
        cluster.operator.repair(self)
    }

    /// Its data directory was moved away.
    func empty() {
        cluster.trace.record(.emptied, node: id, incarnation)
        image = DiskImage()
        soundImage = nil
        lostImages = []
        isDamaged = false
        isOdd = false
        cluster.counts.nodesEmptied += 1
        cluster.observe(.emptied(self))
    }

    /// Somebody emptied the directory, or put other files there, and did not think of the procedure.
    func replaceDirectory(by image: DiskImage, alsoLosing other: DiskImage? = nil) {
        lostImages.append(self.image)
        if let other { lostImages.append(other) }
        self.image = image
        cluster.trace.record(.emptied, node: id, incarnation, "by mistake, log to \(image.lastIndex)")
        cluster.observe(.replaced(self))
    }

    /// The volume was not mounted; now it is.
    func giveDirectoryBack() {
        guard let image = lostImages.first else { return }
        self.image = image
        lostImages = []
        cluster.trace.record(.emptied, node: id, incarnation, "given back")
        cluster.observe(.replaced(self))
    }

    /// What was lost counts no more.
    func writeOff() {
        lostImages = []
        cluster.counts.nodesEmptied += 1
        cluster.observe(.emptied(self))
    }

    /// The operator's word that this directory takes the place of the one before.
    func letTakePlace(_ directory: DirectoryID) {
        if image.identity == nil { image.identity = NodeIdentity(node: id, directory: directory) }
        rejoin = directory
    }

    // The process's end

    /// The process is gone, with all that was only in its memory.
    func crash() {
        guard process != nil else { return }
        cluster.trace.record(.crash, node: id, incarnation)
        disk?.crash()
        end()
    }

    private func end() {
        process = nil
        disk = nil
        mailbox = []
        standing = nil
        isWakeScheduled = false
        isStopping = false
        mustDie = nil
        pausedUntil = .zero
        incarnation += 1
        cluster.network.processEnded(self)
    }

    /// The simulation is over.
    func discard() {
        process = nil
        disk = nil
        mailbox = []
    }

    /// As SIGTERM does: hand over, settle, close the store.
    func stop() {
        guard process != nil, !isStopping else { return }
        isStopping = true
        cluster.trace.record(.stopping, node: id, incarnation)
        let mine = incarnation
        post(
            .stop { [self] in
                cluster.timeline.schedule(after: .zero) { [self] in
                    guard mine == incarnation else { return }
                    disk?.close()
                    end()
                }
            })
    }

    /// Nothing happens in the process until then, as with SIGSTOP or a stalled virtual machine.
    func pause(until end: VirtualTime) {
        cluster.trace.record(.pause, node: id, end.nanoseconds)
        pausedUntil = end
    }

    func resume() { pausedUntil = cluster.timeline.now }

    func post(_ input: Input) {
        guard process != nil else { return }
        mailbox.append(input)
        guard !isWakeScheduled else { return }
        isWakeScheduled = true
        scheduleWake(after: random.time(microseconds: 1...60))
    }

    private func scheduleWake(after delay: VirtualTime) {
        let mine = incarnation
        cluster.timeline.schedule(after: delay) { [self] in
            guard mine == incarnation else { return }
            if isPaused {
                cluster.timeline.schedule(at: pausedUntil) { [self] in
                    if mine == incarnation { scheduleWake(after: .zero) }
                }
            } else {
                wake()
            }
        }
    }

    private func wake() {
        guard let process else { return }
        isWakeScheduled = false
        var inputs: [Input] = []
        swap(&inputs, &spareMailbox)
        swap(&inputs, &mailbox)
        watchForStorm(inputs)
        process.process(inputs)
        cluster.trace.record(.step, node: id, UInt64(inputs.count) << 40 | process.lastApplied.number)
        inputs.removeAll(keepingCapacity: true)
        swap(&inputs, &spareMailbox)
        noticeAdmission(of: process)
        cluster.observe(.stepped(self, process))
        let now = Standing(process)
        if standing != now {
            standing = now
            cluster.observe(.moved(self, process, now))
        }
        if let mustDie {
            crash()
            ended(with: mustDie)
        }
    }

    /// Where the members are in the log, the cluster gives the place of a lost directory away by itself.
    private func noticeAdmission(of process: Node) {
        guard !lostImages.isEmpty, self !== cluster.twin, process.raft.hasConfiguration,
            process.raft.log.configurations.latest.index <= process.raft.commitIndex,
            let member = process.raft.configuration.member(id, on: process.identity.directory), member.role == .voter
        else { return }
        writeOff()
    }

    /// A node that asks for one timer after the other and does nothing at any is spinning.
    private func watchForStorm(_ inputs: [Input]) {
        guard inputs.count == 1, case .timer = inputs[0], cluster.timeline.now < idleSince + .milliseconds(5) else {
            idleWakes = 0
            idleSince = cluster.timeline.now
            return
        }
        idleWakes += 1
        if idleWakes == 200 { cluster.violated("No busy loop", "node \(id) woke itself 200 times within 5 ms") }
    }
}
