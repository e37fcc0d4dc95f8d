import HTTP
import Metadata
import Raft
import Server
import Wire

/// `?validateOnly=true`: what would become of a change, and no change. The command is applied as it would be, to a copy of the
/// leader's state.
enum ValidateOnly {
    static let parameter = "validateOnly"

    /// Says in an answer that nothing was done: in front of the fields of its object.
    fileprivate static func mark(_ text: inout [UInt8]) {
        guard text.first == UInt8(ascii: "{") else { preconditionFailure("an answer without fields can not be marked") }
        let isEmpty = text.dropFirst().first == UInt8(ascii: "}")
        text.insert(contentsOf: Array((isEmpty ? "\"\(parameter)\":true" : "\"\(parameter)\":true,").utf8), at: 1)
    }
}

extension Operation {
    /// May be asked for with `validateOnly=true`: it proposes by ``Exchange/submit(_:answer:)``, or looks at
    /// ``Exchange/validatesOnly`` itself. All others refuse that parameter, and do nothing.
    var orValidated: Operation {
        Operation(method: method, handle: handle, parameters: parameters + [ValidateOnly.parameter])
    }
}

extension Exchange {
    /// Whether nothing is to be done. The router has looked at the value.
    var validatesOnly: Bool {
        request.query != nil && (try? query.bool(ValidateOnly.parameter)) == true
    }

    /// Hands what `command` would come to, if it were the next entry of the log, to `answer`, refusals and failures excepted.
    func validate(_ command: Command, _ answer: @escaping @Sendable (CommandResult) -> Void) {
        fork(.linearizable, withKeys: command.needsKeys) { [self] state in
            settle(attempt(command, on: &state), answer)
        }
    }

    /// What comes of proposing `command` in this state.
    func attempt(_ command: Command, on state: inout MetadataStateMachine) -> Result<CommandResult, RequestFailure> {
        if let failure = state.failure(of: Proposal(command)) { return .failure(failure) }
        return .success(state.apply(command, timestamp: now).result)
    }

    /// Hands `body` a copy of the state for itself, in its turn and away from the node. Without `withKeys` it has none: a copy that
    /// is kept for a while keeps all of them that are replaced.
    func fork(
        _ consistency: Consistency, in queue: ForkQueue? = nil, withKeys: Bool = false,
        _ body: @escaping @Sendable (inout MetadataStateMachine) -> Void
    ) {
        let forks = queue ?? self.forks
        guard forks.begin() else { return answer(.overloaded) }
        service.read(consistency) { [self] result in
            switch result {
            case .success(let view):
                let state = withKeys ? view.metadata : view.metadata.withoutKeys
                forks.run {
                    var fork = state
                    body(&fork)
                }
            case .failure(let failure):
                forks.giveUp()
                answer(failure)
            }
        }
    }

    /// The answer as it is to be sent: of what only was validated it says so, whatever it would have been.
    func marked(_ response: HTTPResponse) -> HTTPResponse {
        guard validatesOnly else { return response }
        var marked = response
        marked.status = 200
        if let stream = response.stream {
            marked.stream = stream.changingFirstPiece(ValidateOnly.mark)
        } else if response.body.isEmpty {
            marked.headers.add("Content-Type", "application/json")
            marked.body = Array("{}".utf8)
            ValidateOnly.mark(&marked.body)
        } else {
            ValidateOnly.mark(&marked.body)
        }
        return marked
    }
}
