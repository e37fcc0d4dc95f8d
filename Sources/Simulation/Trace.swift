import Logging
import Raft

/// The story of a run: a hash of everything that happened, always, and a line for each event, when asked for.
final class Trace {
    enum Kind: UInt64 {
        case start, crash, stopping, pause, resume, fault, heal
        case request, reply, unreachable, closed
        case write, checkpoint, stage, install, diskFailure, snapshot
        case step, invoke, complete, heartbeat, push, broker, phase, log
        case damaged, emptied, identity, refused
    }

    private(set) var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    private let sink: ((String) -> Void)?
    private let timeline: Timeline

    init(timeline: Timeline, sink: ((String) -> Void)?) {
        self.timeline = timeline
        self.sink = sink
    }

    var isOn: Bool { sink != nil }

    private func mix(_ value: UInt64) {
        hash = (hash ^ value) &* 0x9E37_79B9_7F4A_7C15
        hash ^= hash >> 29
    }

    func record(_ kind: Kind, node: NodeID? = nil, _ value: UInt64 = 0, _ detail: @autoclosure () -> String = "") {
        mix(timeline.now.nanoseconds)
        mix(kind.rawValue << 32 | (node?.number ?? 0))
        mix(value)
        if sink != nil { write(kind, node, detail()) }
    }

    func record(_ kind: Kind, node: NodeID?, bytes: [UInt8], _ detail: @autoclosure () -> String) {
        record(kind, node: node, Self.hash(bytes), detail())
    }

    /// A line that is no event of its own.
    func note(_ kind: Kind, node: NodeID? = nil, _ detail: @autoclosure () -> String) {
        if sink != nil { write(kind, node, detail()) }
    }

    private func write(_ kind: Kind, _ node: NodeID?, _ detail: String) {
        sink?("\(timeline.now) \(node.map { "n\($0)" } ?? "--") \(kind) \(detail)")
    }

    private static func hash(_ bytes: [UInt8]) -> UInt64 {
        bytes.withUnsafeBytes { buffer in
            var hash = UInt64(buffer.count)
            var offset = 0
            while offset + 8 <= buffer.count {
                let word = UInt64(littleEndian: buffer.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                hash = (hash ^ word) &* 0x9E37_79B9_7F4A_7C15
                hash ^= hash >> 29
                offset += 8
            }
            while offset < buffer.count {
                hash = (hash ^ UInt64(buffer[offset])) &* 0x0000_0100_0000_01B3
                offset += 1
            }
            return hash
        }
    }
}

/// Feeds a node's log into the trace.
struct TraceLogHandler: LogHandler, @unchecked Sendable {
    // Confined, like all of a simulation, to the thread that runs it.
    private let trace: Trace
    private let node: NodeID
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level

    init(trace: Trace, node: NodeID) {
        self.trace = trace
        self.node = node
        logLevel = trace.isOn ? .info : .critical
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let fields = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        trace.note(.log, node: node, "\(event.message)\(fields)")
    }
}

extension NodeIdentity {
    /// For the story.
    var summary: String {
        let members = members.map { member in
            "\(member.id)\(member.isAdmitted ? "" : "?"):\(member.directory.map { String($0.description.prefix(4)) } ?? "-")"
                + (member.run.map { "@\($0.number)" } ?? "")
        }
        return "dir \(directory.description.prefix(4)) run \(run.number) cluster \(clusterID?.prefix(4) ?? "none") "
            + "members \(members.joined(separator: " ")) electors \(electors.map(\.number)) settled \(isSettled) floor \(floor)"
    }
}
