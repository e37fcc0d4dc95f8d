import Raft

/// When each member was last heard, and on which of its starts: of two processes on copies of one directory the second is
/// not taken for a restart of the first while that is alive.
struct Contacts {
    private struct Contact {
        var run: Run
        var heardAt: Instant
        var connection: UInt64?
    }

    private var contacts: [NodeID: Contact] = [:]

    mutating func heard(_ member: NodeID, _ run: Run, at now: Instant, connection: UInt64? = nil) {
        let known = contacts[member]
        contacts[member] = Contact(
            run: run, heardAt: now, connection: connection ?? (known?.run == run ? known?.connection : nil))
    }

    /// A connection to or from the member broke, as when its process ends.
    mutating func lost(_ member: NodeID) { contacts[member] = nil }

    mutating func closed(_ connection: UInt64) {
        for (member, contact) in contacts where contact.connection == connection { contacts[member] = nil }
    }

    /// Whether another start of the member than `run` was heard within `span`, and no connection of it broke since.
    func isAnotherAlive(_ member: NodeID, than run: Run, within span: Duration, at now: Instant) -> Bool {
        guard let contact = contacts[member], contact.run != run else { return false }
        return now.since(contact.heardAt) < span
    }
}
