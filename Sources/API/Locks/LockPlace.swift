import Metadata
import Wire

/// What stands at a place in the queue of a lock.
struct LockPlace: Equatable, Sendable {
    /// Whatever the holder wants others to know.
    var holder: String
    /// Whether the lease was made for it, and goes with it.
    var ownsLease: Bool

    static let maxHolderBytes = 1024

    init(holder: String, ownsLease: Bool) { (self.holder, self.ownsLease) = (holder, ownsLease) }

    /// JSON text, for people who look at the keys.
    var value: [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.field("holder", holder)
            json.field("ownsLease", ownsLease)
        }
        return json.bytes
    }

    /// Whatever somebody else wrote there.
    init(_ value: [UInt8]) {
        let json = try? JSONObject(parsing: value)
        holder = (try? json?.string("holder")) ?? ""
        ownsLease = (try? json?.bool("ownsLease")) ?? false
    }
}

/// A lock as it is at one moment.
struct LockState: Equatable, Sendable {
    struct Held: Equatable, Sendable {
        let place: Key
        let token: UInt64
        let lease: LeaseID?
        let content: LockPlace
    }

    let name: LockName
    let held: Held?
    /// Besides the holder.
    let waiting: Int

    init(_ name: LockName, in state: MetadataStateMachine) {
        self.name = name
        held = state.first(in: name.queue).map {
            Held(place: $0.key, token: $0.createRevision, lease: $0.lease, content: LockPlace($0.value))
        }
        waiting = max(0, state.count(in: name.queue) - 1)
    }

    func write(to json: inout JSONWriter) {
        json.field("name", name.text)
        json.field("holder", held?.content.holder)
        json.field("token", held?.token)
        json.field("lease", held?.lease.map { String($0) } ?? nil)
        json.field("waiting", waiting)
    }
}
