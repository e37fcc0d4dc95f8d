import Metadata
import Raft
import Server
import Wire

extension SimulatedCluster {
    /// Sends a command, and sees to it that an answer of success is that of an entry which was committed since.
    func submit(
        _ command: Command, to node: SimulatedNode, over network: inout ClientNetwork,
        deadline: VirtualTime = .milliseconds(1500), completion: @escaping (CallOutcome<CommandResult>) -> Void
    ) {
        let (type, data) = CommandCodec.encode(command)
        let asked = Asked(ledger)
        network.call(node, deadline: deadline) {
            .submit(Proposal(type: type, data: data), $0)
        } completion: {
            [self] (outcome: CallOutcome<CommandResult>) in
            // One whose memory is damaged goes by what it holds, until a majority has noticed.
            if case .answered(.success(let result)) = outcome, !node.isOdd,
                !ledger.explains(result, type: type, data: data, after: asked.index)
            {
                violated("Clients are told the truth", "\(command) is answered \(result); no entry came to that")
            }
            completion(outcome)
        }
    }
}
