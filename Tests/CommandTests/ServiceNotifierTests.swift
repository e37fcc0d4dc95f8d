import Testing

@testable import dmq_metadata

@Suite struct ServiceNotifierTests {
    @Test(arguments: [false, true])
    func datagramsArrive(isAbstract: Bool) throws {
        let socket = TestNotifySocket(isAbstract: isAbstract)
        let notifier = try #require(ServiceNotifier(environment: ["NOTIFY_SOCKET": socket.name]))
        notifier.send(.ready, .mainPID(42), .status("follower, term 3\nnext line"))
        #expect(socket.receive() == "READY=1\nMAINPID=42\nSTATUS=follower, term 3 next line")
        notifier.send(.extendTimeout(.milliseconds(1500)))
        #expect(socket.receive() == "EXTEND_TIMEOUT_USEC=1500000")
        notifier.send(.watchdog)
        notifier.send(.stopping)
        notifier.send(.errno(5))
        #expect(socket.receive() == "WATCHDOG=1")
        #expect(socket.receive() == "STOPPING=1")
        #expect(socket.receive() == "ERRNO=5")
    }

    @Test func nobodyListens() throws {
        #expect(ServiceNotifier(environment: [:]) == nil)
        #expect(ServiceNotifier(environment: ["NOTIFY_SOCKET": ""]) == nil)
        #expect(ServiceNotifier(environment: ["NOTIFY_SOCKET": "relative"]) == nil)
        #expect(ServiceNotifier(environment: ["NOTIFY_SOCKET": "/" + String(repeating: "x", count: 107)]) == nil)
        // A manager that is gone is no reason to fail.
        try #require(ServiceNotifier(environment: ["NOTIFY_SOCKET": "/nowhere/at/all"])).send(.ready)
    }

    @Test func watchdogIsAskedForByTheEnvironment() {
        #expect(WatchdogSettings(environment: ["WATCHDOG_USEC": "2000000"])?.timeout == .seconds(2))
        let other = ["WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "7"]
        #expect(WatchdogSettings(environment: other, processID: 7)?.timeout == .seconds(2))
        #expect(WatchdogSettings(environment: other, processID: 8) == nil)
        for text in ["", "0", "-1", "x"] { #expect(WatchdogSettings(environment: ["WATCHDOG_USEC": text]) == nil) }
        #expect(WatchdogSettings(environment: [:]) == nil)
    }
}
