import Glibc

/// The way packets take from one node to another, in one direction. Node 0 stands for all clients.
struct Road: Hashable {
    static let clients = 0
    var from: Int
    var to: Int

    /// All between the nodes of `some` and those of `others`, in both directions.
    static func between(_ some: [Int], _ others: [Int]) -> [Road] {
        some.flatMap { one in others.flatMap { [Road(from: one, to: $0), Road(from: $0, to: one)] } }
    }
}

/// A network for each node, joined by routes through the laboratory's own, where the clients stand: what is done to the
/// roads between nodes does not touch theirs. (Addresses: RFC 2544, for tests of networks.)
final class Roads {
    /// What can be wrong with a road.
    enum Trouble: String, CaseIterable {
        /// Nothing gets through, and nobody is told.
        case cut
        /// A quarter of the packets is lost.
        case lossy
        /// Connections are reset.
        case torn
        /// Packets take their time, and overtake each other.
        case slow
    }

    static let port = 9091
    static let lossPercent = 25
    private let laboratory: Laboratory
    private let line: DelayLine

    init(_ laboratory: Laboratory, nodes: [Int]) throws {
        self.laboratory = laboratory
        line = try DelayLine(in: laboratory.network)
        var script = "set -e; echo 1 >/proc/sys/net/ipv4/ip_forward\n"
        for node in nodes {
            script += """
                ip netns add node\(node)
                ip link add node\(node) type veth peer name eth0 netns node\(node)
                ip addr add \(Self.text(Self.host(node) - 1))/24 dev node\(node)
                ip link set node\(node) up
                ip -n node\(node) addr add \(Self.text(Self.host(node)))/24 dev eth0
                ip -n node\(node) link set lo up
                ip -n node\(node) link set eth0 up
                ip -n node\(node) route add default via \(Self.text(Self.host(node) - 1))

                """
        }
        script += """
            ip link set \(DelayLine.name) up
            ip rule add fwmark 1 lookup 100
            ip route add default dev \(DelayLine.name) table 100
            nft -f - <<'END'
            \(Self.rules)
            END
            """
        try laboratory.run("(\(script)\n)")
    }

    deinit { line.stop() }

    /// What was cut is cut for clients too, who do not pass `forward`.
    private static let rules = """
        table ip roads {
            counter cut { }
            counter lossy { }
            counter torn { }
            counter slow { }
            set cut { type ipv4_addr . ipv4_addr; }
            set lossy { type ipv4_addr . ipv4_addr; }
            set torn { type ipv4_addr . ipv4_addr; }
            set slow { type ipv4_addr . ipv4_addr; }
            chain detour {
                type filter hook prerouting priority mangle;
                iifname != "\(DelayLine.name)" ip saddr . ip daddr @slow counter name slow meta mark set 1;
            }
            chain forward {
                type filter hook forward priority filter;
                ip saddr . ip daddr @cut counter name cut drop;
                ip saddr . ip daddr @lossy numgen random mod 100 < \(lossPercent) counter name lossy drop;
                ip saddr . ip daddr @torn counter name torn meta l4proto tcp reject with tcp reset;
            }
            chain input {
                type filter hook input priority filter;
                ip saddr . ip daddr @cut counter name cut drop;
            }
            chain output {
                type filter hook output priority filter;
                ip saddr . ip daddr @cut counter name cut drop;
            }
        }
        """

    /// 198.18.<node>.2; the clients' end of the same link is 198.18.<node>.1.
    static func host(_ node: Int) -> UInt32 { 198 << 24 | 18 << 16 | UInt32(node) << 8 | 2 }

    static func text(_ host: UInt32) -> String {
        [24, 16, 8, 0].map { String(host >> $0 & 0xFF) }.joined(separator: ".")
    }

    private static func pair(_ road: Road) -> String {
        let (node, isFromClients, isToClients) = (max(road.from, road.to), road.from == 0, road.to == 0)
        let from = isFromClients ? host(node) - 1 : host(road.from)
        let to = isToClients ? host(node) - 1 : host(road.to)
        return "\(text(from)) . \(text(to))"
    }

    private static func pairs(_ roads: [Road]) -> String { "{ \(roads.map(pair).joined(separator: ", ")) }" }

    /// Starts counting anew, too.
    func trouble(_ trouble: Trouble, _ roads: [Road]) throws {
        try laboratory.run("nft reset counter ip roads \(trouble) >/dev/null")
        try laboratory.run("nft add element ip roads \(trouble) '\(Self.pairs(roads))'")
    }

    func repair(_ trouble: Trouble, _ roads: [Road]) throws {
        try laboratory.run("nft delete element ip roads \(trouble) '\(Self.pairs(roads))'")
    }

    /// The packets that met with `trouble` since it began.
    func count(_ trouble: Trouble) throws -> Int {
        let words = try laboratory.run("nft list counter ip roads \(trouble)").split(whereSeparator: \.isWhitespace)
        guard let place = words.firstIndex(of: "packets"), let count = Int(words[place + 1]) else {
            throw Failure("no counter in \(words)")
        }
        return count
    }

    /// How long packets are held back on slow roads, each for a time of its own, in milliseconds.
    func setDelay(_ milliseconds: ClosedRange<Int>) { line.setDelay(milliseconds) }
}
