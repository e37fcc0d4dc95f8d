import HTTP
import Raft
import Server

/// "Any node answers": a request that needs the leader is passed on to it, once, by a node that does not lead, if the client asks
/// so or the configuration says it for all (contract §13).
enum Forwarding {
    static let field = "X-Forward"
    /// On the request that is passed on: whoever gets it does not pass it on again.
    static let byField = "X-Forwarded-By"

    /// Who waits for a lock waits long.
    static func timeout(of request: HTTPRequest) -> Duration {
        request.path.hasPrefix("/api/v1/locks/") ? .seconds(Locks.waitSeconds.upperBound + 10) : .seconds(8)
    }
}

extension Exchange {
    /// Whether the leader may be asked instead.
    var mayBeForwarded: Bool {
        guard hasForwarder else { return false }
        let isWanted = forwardsAll || request.headers[Forwarding.field]?.lowercased() == "leader"
        return isWanted && !request.headers.contains(Forwarding.byField)
    }

    /// Asks the leader instead, and answers what it says. False if that can not be.
    ///
    /// - Parameter failed: What to do when it can not be asked, or does not answer: whether it may have been done.
    func forward(
        to leader: NodeID?, timeout: Duration? = nil, isStream: Bool = false,
        failed: @escaping @Sendable (RequestFailure) -> Void
    ) -> Bool {
        guard let leader, let connections, let member = service.members.first(where: { $0.id == leader }) else {
            return false
        }
        let timeout = timeout ?? Forwarding.timeout(of: request)
        connections.send(request, body: keptBody, by: service.id, to: member, timeout: timeout) { [self] result in
            switch result {
            case .success(let response)?: answer(isStream ? response.asStream : response)
            case nil: failed(.overloaded)
            // Nothing was sent.
            case .failure(.connectionFailed)?, .failure(.resolutionFailed)?: failed(.notLeader(leader: nil))
            case .failure? where method == .get || method == .head: failed(.notLeader(leader: nil))
            case .failure?: failed(.outcomeUnknown)
            }
        }
        return true
    }
}

extension HTTPResponse {
    /// Sent in chunks.
    fileprivate var asStream: HTTPResponse {
        let whole = body
        return HTTPResponse(
            status: status, headers: headers,
            stream: HTTPBodyStream { out in
                out.append(contentsOf: whole)
                return false
            })
    }
}
