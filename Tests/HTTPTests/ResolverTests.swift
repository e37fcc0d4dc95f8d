import Dispatch
import Glibc
import Synchronization
import Testing

@testable import HTTP

/// A name server that answers when the test says so.
private final class NameServer: Sendable {
    private struct State {
        var asked: [String] = []
        var answers: [String: Resolver.Answer] = [:]
    }
    private let state = Mutex(State())

    /// The names that it was asked for, in order.
    var asked: [String] { state.withLock { $0.asked } }

    func answer(_ host: String, _ answer: Resolver.Answer) { state.withLock { $0.answers[host] = answer } }

    func lookUp(_ host: String) throws(HTTPClientError) -> [SocketAddress] {
        state.withLock { $0.asked.append(host) }
        while true {
            if let answer = state.withLock({ $0.answers.removeValue(forKey: host) }) { return try answer.get() }
            _ = poll(nil, 0, 1)
        }
    }
}

@Suite struct ResolverTests {
    private static let address = SocketAddress(numeric: "192.0.2.1", port: 0, family: AF_INET)!
    private static let other = SocketAddress(numeric: "192.0.2.2", port: 0, family: AF_INET)!
    private static let unknown = HTTPClientError.resolutionFailed("unknown")

    private final class Answers: Sendable {
        private let list = Mutex<[String]>([])
        var all: [String] { list.withLock { $0 } }

        func take(_ answer: Resolver.Answer) {
            let text =
                switch answer {
                case .success(let addresses): addresses.map(\.description).joined(separator: ",")
                case .failure(let error): "\(error)"
                }
            list.withLock { $0.append(text) }
        }
    }

    private func soon(_ condition: () -> Bool) -> Bool {
        let end = ContinuousClock.now + .seconds(60)
        while !condition() {
            guard ContinuousClock.now < end else { return false }
            _ = poll(nil, 0, 1)
        }
        return true
    }

    @Test func oneLookupServesAllWhoWait() {
        let server = NameServer()
        let resolver = Resolver(maxLookups: 4, lookUp: server.lookUp)
        let answers = Answers()
        for port in UInt16(1)...3 { resolver.resolve("a", port: port, deadline: .max, completion: answers.take) }
        server.answer("a", .success([Self.address]))
        #expect(soon { answers.all.count == 3 })
        #expect(answers.all == ["192.0.2.1:1", "192.0.2.1:2", "192.0.2.1:3"])
        #expect(server.asked == ["a"])
    }

    /// The names of brokers block their own look-ups only; another resolver's go on beside them.
    @Test func silentNamesTakeNoMoreThanTheirShare() {
        let server = NameServer()
        let brokers = Resolver(maxLookups: 4, lookUp: server.lookUp)
        let lost = Answers()
        for number in 0..<100 { brokers.resolve("b\(number)", port: 1, deadline: .max, completion: lost.take) }
        #expect(soon { server.asked.count == 4 })

        let peers = Resolver(maxLookups: 4, lookUp: server.lookUp)
        let found = Answers()
        peers.resolve("peer", port: 7, deadline: .max, completion: found.take)
        server.answer("peer", .success([Self.address]))
        #expect(soon { found.all == ["192.0.2.1:7"] })
        #expect(lost.all.isEmpty && server.asked.count == 5)
        for number in 0..<100 { server.answer("b\(number)", .failure(Self.unknown)) }
        #expect(soon { lost.all.count == 100 })
    }

    @Test func lastAddressServesWhileTheNameServerIsSilent() {
        let server = NameServer()
        let resolver = Resolver(maxLookups: 4, lookUp: server.lookUp)
        let answers = Answers()
        server.answer("a", .success([Self.address]))
        resolver.resolve("a", port: 1, deadline: .max, completion: answers.take)
        #expect(soon { answers.all.count == 1 })
        // Silent, then failing, then back with another address.
        resolver.resolve("a", port: 2, deadline: .max, completion: answers.take)
        #expect(soon { answers.all.count == 2 })
        #expect(answers.all.last == "192.0.2.1:2")
        server.answer("a", .success([Self.other]))
        #expect(
            soon {
                resolver.resolve("a", port: 3, deadline: .max, completion: answers.take)
                return answers.all.last == "192.0.2.2:3"
            })
    }

    // MARK: Without threads

    private func ask(
        _ state: inout ResolverState, _ host: String, _ answers: Answers, now: UInt64 = 0, deadline: UInt64 = .max
    ) -> [String] {
        var work = ResolverState.Work()
        _ = state.ask(
            host, ResolverState.Waiter(port: 1, deadline: deadline, completion: answers.take), now: now, into: &work)
        return finish(work)
    }

    private func finish(_ work: ResolverState.Work) -> [String] {
        for (waiter, answer) in work.answers { waiter.take(answer) }
        return work.lookups
    }

    private func finish(_ state: inout ResolverState, _ host: String, _ answer: Resolver.Answer, now: UInt64)
        -> [String]
    {
        var work = ResolverState.Work()
        state.finish(host, answer, now: now, into: &work)
        return finish(work)
    }

    @Test func failureIsRememberedForAWhile() {
        var state = ResolverState(maxLookups: 4)
        let answers = Answers()
        let late = Resolver.failureLifetime + 10
        #expect(ask(&state, "a", answers) == ["a"])
        #expect(finish(&state, "a", .failure(Self.unknown), now: 10) == [])
        #expect(ask(&state, "a", answers, now: late - 1) == [])
        #expect(answers.all == ["\(Self.unknown)", "\(Self.unknown)"])
        #expect(ask(&state, "a", answers, now: late) == ["a"])
        #expect(finish(&state, "a", .success([Self.address]), now: late) == [])
        // From now on a failure is no reason to have no address.
        #expect(ask(&state, "a", answers, now: late + 1) == ["a"])
        #expect(finish(&state, "a", .failure(Self.unknown), now: late + 2) == [])
        #expect(ask(&state, "a", answers, now: late + 3) == [])
        #expect(answers.all.suffix(3) == ["192.0.2.1:1", "192.0.2.1:1", "192.0.2.1:1"])
    }

    @Test func namesThatFailedLeaveRoomForOthers() {
        var state = ResolverState(maxLookups: 4)
        let answers = Answers()
        let bad = (0..<4).map { "bad\($0)" }
        for host in bad { #expect(ask(&state, host, answers) == [host]) }
        for host in bad { #expect(finish(&state, host, .failure(Self.unknown), now: 0) == []) }
        let later = Resolver.failureLifetime
        let started = bad.flatMap { ask(&state, $0, answers, now: later) }
        #expect(started == ["bad0", "bad1"])
        #expect(ask(&state, "good0", answers, now: later) == ["good0"])
        #expect(ask(&state, "good1", answers, now: later) == ["good1"])
        #expect(ask(&state, "good2", answers, now: later) == [])
        #expect(finish(&state, "bad0", .failure(Self.unknown), now: later) == ["good2"])
        #expect(finish(&state, "good0", .success([Self.address]), now: later) == ["bad2"])
    }

    @Test func nameThatNobodyWaitsForIsNotAskedFor() {
        var state = ResolverState(maxLookups: 2)
        let answers = Answers()
        #expect(ask(&state, "a", answers) == ["a"])
        #expect(ask(&state, "b", answers) == ["b"])
        #expect(ask(&state, "late", answers, deadline: 5) == [])
        #expect(ask(&state, "c", answers, deadline: 50) == [])
        #expect(finish(&state, "a", .success([Self.address]), now: 10) == ["c"])
        #expect(answers.all == ["192.0.2.1:1", "\(HTTPClientError.timedOut)"])
        // It can be asked for again.
        #expect(finish(&state, "b", .success([Self.address]), now: 10) == [])
        #expect(ask(&state, "late", answers, now: 11) == ["late"])
    }

    @Test func waitersHaveABound() {
        var state = ResolverState(maxLookups: 2)
        let answers = Answers()
        for _ in 0..<Resolver.maxWaiters { _ = ask(&state, "a", answers) }
        #expect(answers.all.isEmpty)
        _ = ask(&state, "a", answers)
        #expect(answers.all.count == 1 && answers.all[0].contains("too many"))
        #expect(finish(&state, "a", .success([Self.address]), now: 0) == [])
        #expect(answers.all.count == Resolver.maxWaiters + 1)
        #expect(ask(&state, "b", answers) == ["b"])
    }
}

@Suite struct HostSyntaxTests {
    @Test(arguments: ["a", "a.example", "A_b-c", "1.2.3.4", "::1", "[::1]", "fe80::1%eth0", "[2001:db8::1]"])
    func hosts(text: String) { #expect(HostSyntax.isHost(text)) }

    @Test(arguments: ["", "a:80", "1.2.3.4:80", "[::1", "::1]", "[]", "%", "a%b", "[a]", "::g", "[1.2.3.4]", "1:2"])
    func noHosts(text: String) { #expect(!HostSyntax.isHost(text)) }

    @Test(arguments: ["", "a", "a:", "a:80", "1.2.3.4:80", "[::1]", "[::1]:80", "[fe80::1%25e0]:1", "a%20b:1"])
    func fields(text: String) throws {
        var parser = HTTPRequestParser()
        var position = 0
        let request = try parser.next(Array("GET / HTTP/1.1\r\nHost: \(text)\r\n\r\n".utf8).span, at: &position)
        #expect(request != nil)
    }
}
