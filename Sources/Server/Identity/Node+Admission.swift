import Logging
import Raft
import Wire

// What follows from the answers: a cluster is born, this directory has its vote, this start may use it.
extension Node {
    /// Does what the answers allow, step by step.
    func continueAdmission() {
        while ending == nil, identityWrites == 0 {
            let next = admission.step(
                of: identity, at: now.instant, reach: raft.log.last, hasLeader: raft.leader != nil && admission.mayVote,
                isConfigured: raft.hasConfiguration)
            switch next {
            case .wait(let text): return waitForOthers(text)
            case .found(let founders): found(founders)
            case .takePlace(let generation):
                changeIdentity { $0[id]?.generation = generation }
                askEverybody()
            case .admit(let floor, let spentTerm):
                logger.info("🔓 this directory has the node's vote", metadata: ["floor": "\(floor)"])
                self.spentTerm = max(self.spentTerm, spentTerm)
                changeIdentity { identity in
                    identity.floor = max(identity.floor, floor)
                    identity[id]?.isAdmitted = true
                }
                askEverybody()
            case .settle(let floor, let spentTerm):
                self.spentTerm = max(self.spentTerm, spentTerm)
                changeIdentity { identity in
                    identity.floor = max(identity.floor, floor)
                    identity.isSettled = true
                }
                askEverybody()
            case .grantVote: grantVote()
            case .stop(let text): return refuseToGoOn(text)
            }
        }
    }

    private func found(_ founders: [NodeID]) {
        admission.hasFounded = true
        let isNew = identity.clusterID == nil
        let name = DirectoryID(high: random.next(), low: random.next()).description
        changeIdentity { identity in
            if identity.clusterID == nil {
                identity.clusterID = name
                identity.bornAt = now.unixMilliseconds
            }
            identity.electors = founders
            identity.isSettled = true
            for member in identity.members where member.id != id {
                let speaker = founders.contains(member.id) ? admission.introduction(of: member.id)?.speaker : nil
                identity[member.id] = KnownMember(
                    id: member.id, directory: speaker?.directory, isAdmitted: speaker != nil, run: speaker?.run)
            }
            identity[id]?.isAdmitted = true
        }
        logger.info(
            isNew
                ? "🐣 a cluster is born; from now on kraft.bootstrap may be never on all nodes"
                : "🐣 the cluster goes on by this node's word alone; the others may come on new directories",
            metadata: ["cluster": "\(identity.clusterID ?? "")", "founders": "\(AdmissionView.list(founders))"])
        updateElectorate()
        askEverybody()
    }

    private func grantVote() {
        admission.mayVote = true
        setOpeningData()
        step(.suffrage(Suffrage(mayVote: true, floor: identity.floor, spentTerm: spentTerm)))
    }

    /// Says at a bounded rate what this node waits for.
    private func waitForOthers(_ text: String?) {
        waitingFor = text
        guard let text, now.instant >= admission.startedAt.advanced(by: .milliseconds(500)) else { return }
        // Without the seconds that it counts down.
        let kind = String(text.prefix(40).filter { !$0.isNumber })
        log(.waiting(kind), .warning, "⏳ \(text)")
    }
}
