import Testing

@testable import dmq_metadata

@Suite struct ProcessLimitsTests {
    @Test(arguments: [
        (64, 16, 8), (1024, 768, 128), (4096, 3072, 128), (16_384, 10_000, 128), (65_536, 10_000, 128),
        (10, 16, 8),
    ])
    func connectionsFollowTheLimitOnFiles(openFiles: Int, all: Int, reserved: Int) {
        let connections = ProcessLimits.connections(openFiles: openFiles)
        #expect(connections.all == all && connections.reserved == reserved)
    }
}
