import Metadata
import Testing

@testable import Simulation

@Suite struct LinearizabilityTests {
    private func operation(
        _ request: Operation.Request, _ called: Int, _ returned: Int?, _ response: Operation.Response = .unknown
    ) -> Operation {
        var operation = Operation(request: request, called: called)
        operation.returned = returned ?? .max
        operation.response = response
        return operation
    }

    private func put(
        _ token: String, _ called: Int, _ returned: Int?, _ response: Operation.Response = .unknown,
        _ precondition: Precondition = .none
    ) -> Operation {
        operation(.put(token: token, precondition), called, returned, response)
    }

    private func found(_ token: String, _ revision: UInt64, _ version: UInt64) -> Operation.Response {
        .found(token: token, modRevision: revision, version: version)
    }

    private let revisions: [String: UInt64] = ["a": 1, "b": 2, "c": 3]

    private func check(_ operations: [Operation]) -> Linearizability.Verdict {
        Linearizability.check(operations, revisions: revisions)
    }

    @Test func aSequenceIsLinearizable() {
        let history = [
            put("a", 1, 2, .put(modRevision: 1, version: 1)), operation(.get, 3, 4, found("a", 1, 1)),
            operation(.delete(.none), 5, 6, .deleted(revision: 2)), operation(.get, 7, 8, .notFound),
        ]
        #expect(check(history) == .linearizable)
    }

    @Test func aStaleReadIsNot() {
        let history = [
            put("a", 1, 2, .put(modRevision: 1, version: 1)), put("b", 3, 4, .put(modRevision: 2, version: 2)),
            operation(.get, 5, 6, found("a", 1, 1)),
        ]
        #expect(check(history) == .violated)
    }

    @Test func aReadBesideAWriteMaySeeEither() {
        for seen in [found("a", 1, 1), found("b", 2, 2)] {
            let history = [
                put("a", 1, 2, .put(modRevision: 1, version: 1)), put("b", 3, 6, .put(modRevision: 2, version: 2)),
                operation(.get, 4, 5, seen),
            ]
            #expect(check(history) == .linearizable)
        }
    }

    @Test func twoReadsMustNotSeeTheWriteComeAndGo() {
        let history = [
            put("a", 1, 2, .put(modRevision: 1, version: 1)), put("b", 3, 10, .put(modRevision: 2, version: 2)),
            operation(.get, 4, 5, found("b", 2, 2)), operation(.get, 6, 7, found("a", 1, 1)),
        ]
        #expect(check(history) == .violated)
    }

    @Test func anUnknownWriteMayHappenLateOrNever() {
        let unknown = put("a", 1, nil)
        #expect(check([unknown, operation(.get, 3, 4, .notFound)]) == .linearizable)
        #expect(
            check([unknown, operation(.get, 3, 4, .notFound), operation(.get, 5, 6, found("a", 1, 1))]) == .linearizable
        )
        #expect(
            check([unknown, operation(.get, 3, 4, found("a", 1, 1)), operation(.get, 5, 6, .notFound)]) == .violated)
    }

    @Test func aLostAcknowledgedWriteIsMissed() {
        let history = [put("a", 1, 2, .put(modRevision: 1, version: 1)), operation(.get, 3, 4, .notFound)]
        #expect(check(history) == .violated)
    }

    @Test func comparisonsAreChecked() {
        let first = put("a", 1, 2, .put(modRevision: 1, version: 1))
        let swap = put("b", 3, 4, .put(modRevision: 2, version: 2), .modRevision(1))
        #expect(check([first, swap]) == .linearizable)
        #expect(check([first, swap, put("c", 5, 6, .put(modRevision: 3, version: 3), .modRevision(1))]) == .violated)
        #expect(check([first, swap, put("c", 5, 6, .mismatch(present: 2), .modRevision(1))]) == .linearizable)
        #expect(check([first, put("c", 5, 6, .mismatch(present: nil), .absent)]) == .violated)
    }

    @Test func aWriteAppliedTwiceShowsInTheVersion() {
        let history = [
            put("a", 1, 2, .put(modRevision: 1, version: 1)), operation(.get, 3, 4, found("a", 1, 2)),
        ]
        #expect(check(history) == .violated)
    }

    @Test func manyUnknownWritesAreDecided() {
        var history = (0..<20).map { put("x\($0)", $0 + 1, nil) }
        history.append(put("a", 30, 31, .put(modRevision: 1, version: 1)))
        history.append(operation(.get, 32, 33, found("a", 1, 1)))
        #expect(check(history) == .linearizable)
    }
}
