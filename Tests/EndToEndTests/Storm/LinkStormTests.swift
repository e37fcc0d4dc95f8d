import Testing

extension EndToEnd {
    /// More is written than the links between the nodes can carry.
    @Suite(.serialized) struct LinkStormTests {
        private static let rate = "4mbit"
        private static let clients = 16

        /// What takes its turn behind large entries is not taken for silence: the leader stays, and clients wait.
        @Test func linksOfHalfAMegabyteInASecond() throws {
            if let obstacle = try Laboratory.obstacle() { return try Surroundings.skip(obstacle) }
            let laboratory = try Laboratory()
            let roads = try Roads(laboratory, nodes: [1, 2, 3])
            defer { withExtendedLifetime(roads) {} }
            let nodes = try LaboratoryNode.all(3, in: laboratory, settings: Storm.settings)
            for node in nodes { try node.start() }
            do {
                let leader = try eventually("one leader") { try nodes.agreedLeader() }
                try narrow(nodes, laboratory)
                let term = try leader.status().term
                let begin = try leader.status().commit
                let body = [UInt8](repeating: 0x63, count: 100_000)
                let flood = Flood(
                    of: leader,
                    .init(
                        connections: Self.clients, octets: Node.request("PUT", "/api/v1/kv/large", body),
                        repeats: true, reads: true))
                pause(milliseconds: Int32(Storm.electionTimeout.milliseconds) * 2)
                flood.stop()
                let end = try leader.status()
                print("storm, links of 0.5 MB/s: \(end.commit - begin) entries in two election timeouts")
                #expect(end.term == term && end.isLeader, "nobody stood for election")
                #expect(end.commit > begin, "what the links carry is committed")
                try nodes.expectAgreement()
            } catch {
                NodeLogs.show(nodes.map { ($0.id, $0.logPath) })
                throw error
            }
        }

        private func narrow(_ nodes: [LaboratoryNode], _ laboratory: Laboratory) throws {
            for node in nodes {
                let result = try laboratory.finish(
                    "tc -n node\(node.id) qdisc add dev eth0 root tbf rate \(Self.rate) burst 32k latency 400ms")
                if result.status != 0 { try Surroundings.skip("no slow links: \(result.output)") }
            }
        }
    }
}
