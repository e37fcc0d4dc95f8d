import Testing

@testable import Simulation

@Suite struct OperatorTests {
    /// Two who worked on one machine would wait for each other: the first starts it while the second waits for its end.
    @Test func nothingIsWholeWhileSomebodyHoldsAMachine() {
        var configuration = Simulation.Configuration()
        configuration.faults = []
        let cluster = SimulatedCluster(seed: 1, configuration: configuration, trace: nil)
        for node in cluster.listed { node.start() }
        cluster.run(until: .seconds(5))
        #expect(cluster.operator.isWhole)
        cluster.nodes[2].isHeld = true
        #expect(!cluster.operator.isWhole)
        cluster.nodes[2].isHeld = false
        #expect(cluster.operator.isWhole)
    }
}
