import Testing

@testable import Raft

@Suite struct QuorumTests {
    /// Tries every value: the greatest that more than half have reached.
    static func naive(_ values: [Int]) -> Int {
        values.filter { bar in values.count(where: { $0 >= bar }) * 2 > values.count }.max() ?? Int.min
    }

    static func peer(_ id: Int, _ halves: Halves, match: Int) -> Progress {
        var progress = Progress(
            id: NodeID(UInt64(id)), halves: halves, nextIndex: LogIndex(1), at: Instant(nanoseconds: 0))
        _ = progress.matched(
            LogIndex(UInt64(match)), of: LogIndex(10), at: Instant(nanoseconds: 0), Settings())
        return progress
    }

    @Test(arguments: 1...7) func agreesWithCounting(voters: Int) {
        var random = SeededGenerator(seed: UInt64(voters))
        let quorum = Quorum(
            Configuration(founding: (1...voters).map { NodeID(UInt64($0)) }), own: [.incoming, .outgoing])
        for _ in 0..<2000 {
            let values = (0..<voters).map { _ in Int.random(in: 0...6, using: &random) }
            let peers = values.enumerated().dropFirst().map { Self.peer($0 + 1, [.incoming, .outgoing], match: $1) }
            let reached = quorum.reached(own: LogIndex(UInt64(values[0])), peers, least: .zero) { $0.matchIndex }
            #expect(reached.number == UInt64(Self.naive(values)), "\(values)")
        }
    }

    /// A joint configuration has reached what both of its halves have, each counted by itself (§4.3).
    @Test func jointIsTheLesserHalf() {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<4000 {
            let roles = (1...7).map { _ in Configuration.Role.allCases.randomElement(using: &random)! }
            let members = roles.enumerated().map { Configuration.Member(id: NodeID(UInt64($0 + 1)), role: $1) }
            let configuration = Configuration(members)
            guard configuration.fault == nil, configuration.isJoint else { continue }
            let values = roles.map { _ in Int.random(in: 0...6, using: &random) }
            func half(_ half: Halves) -> Int {
                Self.naive(zip(members, values).filter { $0.0.halves.contains(half) }.map(\.1))
            }
            let peers = zip(members, values).enumerated().dropFirst().map {
                Self.peer($0 + 1, $1.0.halves, match: $1.1)
            }
            let quorum = Quorum(configuration, own: members[0].halves)
            let reached = quorum.reached(own: LogIndex(UInt64(values[0])), peers, least: .zero) { $0.matchIndex }
            #expect(reached.number == UInt64(min(half(.incoming), half(.outgoing))), "\(roles) \(values)")
        }
    }

    /// A leader that is no voter does not count itself (§4.2.2).
    @Test func outsiderDoesNotCount() {
        let configuration = Configuration(founding: [NodeID(2), NodeID(3)])
        let quorum = Quorum(configuration, own: [])
        let peers = [Self.peer(2, [.incoming, .outgoing], match: 5), Self.peer(3, [.incoming, .outgoing], match: 3)]
        #expect(quorum.reached(own: LogIndex(9), peers, least: .zero) { $0.matchIndex } == LogIndex(3))
        #expect(!quorum.isReachedAlone)
        #expect(!quorum.isReached(by: [Halves.incoming.union(.outgoing)]))
    }

    @Test func size() {
        #expect((1...7).map(Quorum.size(of:)) == [1, 2, 2, 3, 3, 4, 4])
    }
}
