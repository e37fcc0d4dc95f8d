import Foundation

/// Somebody who asks one thing at a time, over connections that are kept as long as they work.
struct Client {
    enum Delivery {
        case answered(Answer)
        /// It never reached the node.
        case undelivered
        /// It may have reached the node; nobody knows what became of it.
        case unknown
    }

    private let nodes: [(id: Int, address: Address)]
    private let patience: Duration
    private var connections: [Int: Connection] = [:]
    /// The place in `nodes` of the one to ask next.
    private(set) var target: Int

    init(_ nodes: [(id: Int, address: Address)], target: Int, patience: Duration) {
        self.nodes = nodes
        self.patience = patience
        self.target = target % nodes.count
    }

    mutating func turn(to place: Int) { target = place % nodes.count }

    /// Asks the present target; after a disappointment another will be asked next.
    mutating func ask(
        _ method: String, _ path: String, _ body: String? = nil, headers: [(String, String)] = []
    ) -> Delivery {
        let node = nodes[target]
        var isDelivered = false
        do throws(TransportError) {
            let open =
                if let known = connections[node.id] { known } else {
                    try Connection(to: node.address, patience: patience)
                }
            connections[node.id] = open
            isDelivered = true
            try open.send(Node.request(method, path, body.map { Array($0.utf8) }, headers: headers))
            let answer = try open.receive()
            if answer.status == 503 { follow(answer) }
            return .answered(answer)
        } catch {
            connections[node.id] = nil
            target = (target + 1) % nodes.count
            return isDelivered ? .unknown : .undelivered
        }
    }

    /// To the leader if the answer names another node, else to the next.
    private mutating func follow(_ answer: Answer) {
        let leader = answer.header("X-Controller-Leader").flatMap { Int($0) }
        let place = nodes.firstIndex { $0.id == leader }
        target = place.flatMap { $0 == target ? nil : $0 } ?? (target + 1) % nodes.count
    }
}
