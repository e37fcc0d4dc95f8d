import Defects
import Raft
import Wire

// Two that say they are one: another process with this node's id, or a directory that took the place of this one.
extension Node {
    /// It listens at its own address, as it should.
    func isThisProcess(_ other: Speaker) -> Bool {
        other.node == id && other.directory == identity.directory && other.run == identity.run
    }

    /// Another process has this node's id: the newer stops, the older says so.
    func meetDouble(_ other: Introduction) {
        guard !isThisProcess(other.speaker) else { return }
        // Clocks may be wrong: where the others know one of the two, that is the older.
        let isNewer =
            identity.isAdmitted == other.speaker.isAdmitted
            ? (startedAt, identity.run.nonce) > (other.startedAt, other.speaker.run.nonce) : other.speaker.isAdmitted
        if isNewer {
            let text =
                "node \(id) runs already at \(other.place), on directory \(other.speaker.directory), start "
                + "\(other.speaker.run). Two machines have one id: give this one its own, with an empty directory."
            if other.speaker.directory == identity.directory { giveVoteUp(text) } else { refuseToGoOn(text) }
        } else {
            logRefused(
                .sameNode, of: id,
                "another process says that it is node \(id): at \(other.place), on directory "
                    + "\(other.speaker.directory), start \(other.speaker.run); this one is at \(settings.place). Stop it."
            )
        }
    }

    /// This directory's place was given to another, or a later start of it is known: it is an old copy.
    func isReplaced(by other: Introduction) -> Bool {
        guard other.cluster == identity.clusterID, identity.clusterID != nil, let known = other[id],
            let own = identity[id]
        else { return false }
        // With the members in the log, who is one on which directory is the log's to say.
        if !raft.hasConfiguration, own.isAdmitted, let directory = known.directory, directory != identity.directory,
            known.generation > own.generation
        {
            refuseToGoOn(
                "node \(other.speaker.node) at \(other.place) knows node \(id) by directory \(directory), which took the "
                    + "place of this one, \(identity.directory). Nothing was changed; move this directory away.")
            return true
        }
        guard known.directory == identity.directory, let run = known.run, run != identity.run,
            run.number >= identity.run.number, !Defect.runIgnored.isOn
        else { return false }
        giveVoteUp(
            "this is start \(identity.run) of directory \(identity.directory), but node \(other.speaker.node) at "
                + "\(other.place) has heard start \(run): this is an older copy, or the directory runs elsewhere. It has "
                + "no vote any more; its data are as they were.")
        return true
    }
}
