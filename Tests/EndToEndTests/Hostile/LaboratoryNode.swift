import Foundation
import Testing

/// A node in a network of its own, on a small disk of its own, started again whenever it ends, as systemd would.
final class LaboratoryNode: Reachable {
    let id: Int
    let address: Address
    private let laboratory: Laboratory

    /// Makes all nodes of a cluster. None runs yet.
    static func all(_ count: Int, in laboratory: Laboratory, settings: [String: String]) throws -> [LaboratoryNode] {
        let hosts = (1...count).map { ($0, Roads.text(Roads.host($0))) }
        let services = hosts.map { id, host in
            #"{"id":\#(id),"host":"\#(host)","port":\#(Roads.port),"url":"http://\#(host):\#(Roads.port)"}"#
        }
        let text = #"{"services":{"metadata-services":[\#(services.joined(separator: ","))]}}"#
        try text.write(toFile: laboratory.path("/run/services.json"), atomically: true, encoding: .utf8)
        let options = settings.sorted { $0.key < $1.key }.map { "--\($0.key)=\($0.value)" }.joined(separator: " ")
        // Its number: the process that runs now. Its ends: how each one ended. Its hold: it is to stay down once it is.
        try laboratory.run(
            """
            keep() {
                while :; do
                    nsenter --net=/run/netns/node$1 '\(Surroundings.binary)' serve --kraft.node-id=$1 \\
                        --kraft.services-file=/run/services.json --kraft.data-dir=/run/node$1/data \\
                        \(options) </dev/null >>/run/node$1.log 2>&1 &
                    echo $! >/run/node$1.number
                    wait $!
                    echo $? >>/run/node$1.ends
                    while [ -e /run/node$1.hold ]; do touch /run/node$1.down; sleep 0.02; done
                    rm -f /run/node$1.down
                    sleep 0.1
                done
            }
            """)
        return try hosts.map { id, _ in try LaboratoryNode(id, laboratory) }
    }

    private init(_ id: Int, _ laboratory: Laboratory) throws {
        self.id = id
        self.laboratory = laboratory
        address = Address(host: Roads.host(id), port: Roads.port, namespace: laboratory.network)
        try laboratory.run(
            """
            mkdir /run/node\(id) && mount -t tmpfs -o size=64m node\(id) /run/node\(id)
            touch /run/node\(id).ends /run/node\(id).log
            """)
    }

    var logPath: String { laboratory.path("/run/node\(id).log") }

    func start() throws { try laboratory.run("keep \(id) >/dev/null 2>&1 &") }

    // MARK: Processes

    enum Signal: String {
        case kill = "KILL"
        case terminate = "TERM"
        case stop = "STOP"
        case proceed = "CONT"
    }

    /// To the process that runs now, if one does.
    func send(_ signal: Signal) throws {
        _ = try laboratory.finish("kill -\(signal.rawValue) $(cat /run/node\(id).number)")
    }

    /// As long as it is held, the node stays down once it has ended.
    func hold() throws { try laboratory.run("touch /run/node\(id).hold") }

    func release() throws { try laboratory.run("rm -f /run/node\(id).hold") }

    /// How its processes ended so far, as a shell tells it: 128 and the signal's number if it was one.
    func ends() throws -> [Int] {
        try laboratory.run("cat /run/node\(id).ends").split(separator: "\n").compactMap { Int($0) }
    }

    func isStopped() throws -> Bool {
        try laboratory.run("cat /proc/$(cat /run/node\(id).number)/stat").contains(") T ")
    }

    /// Kills it for good: nothing starts it again.
    func end() throws {
        try hold()
        try eventually("the end of node \(id)") {
            try send(.kill)
            return try laboratory.finish("test -e /run/node\(id).down").status == 0
        }
    }

    // MARK: Disk

    func fillDisk() throws { try laboratory.run("! cat /dev/zero >/run/node\(id)/filler 2>/dev/null") }

    func makeRoom() throws { try laboratory.run("rm -f /run/node\(id)/filler") }

    /// `dmq-metadata verify` of what it left on its disk.
    func verify() throws -> (status: Int, output: String) {
        try laboratory.finish("'\(Surroundings.binary)' verify /run/node\(id)/data")
    }
}
