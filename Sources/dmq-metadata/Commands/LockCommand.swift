import ArgumentParser
import Dispatch
import FoundationEssentials
import Glibc

/// Runs a program while it holds a lock.
struct LockCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lock", abstract: "Run a program while holding a lock.",
        discussion: """
            Waits for the lock, runs the program, and lets the lock go when it has ended; its exit code is that of the \
            program. The lock's lease is kept alive meanwhile; if that fails for so long that somebody else may have it, \
            the program is sent SIGTERM. DMQ_FENCE holds NAME:TOKEN, for the header X-Fence: with it the store refuses \
            what this program writes once it has lost the lock.

                dmq-metadata lock deploy -- ./deploy.sh
            """)
    @OptionGroup var client: ClientOptions
    @Argument(help: "The lock's name.") var name: String
    @Argument(parsing: .postTerminator, help: "The program and its arguments.") var command: [String]
    @Option(help: ArgumentHelp("For how long it stays locked when this machine dies.", valueName: "seconds")) var ttl =
        30
    @Option(help: ArgumentHelp("How long to wait for it; at most 300.", valueName: "seconds")) var wait = 300
    @Option(help: "What others are told of the holder.") var holder: String?

    func validate() throws {
        guard !command.isEmpty else { throw ValidationError("give a program behind --") }
        guard (1...31_536_000).contains(ttl) else { throw ValidationError("--ttl takes 1 to 31536000 seconds") }
        guard (0...300).contains(wait) else { throw ValidationError("--wait takes 0 to 300 seconds") }
    }

    private struct Held: Decodable {
        var token: UInt64
        var lease: String
    }

    func run() throws {
        let cluster = client.makeClient(patience: .seconds(wait) + .milliseconds(Int64(client.timeout * 1000)))
        let holder = holder ?? "\(ProcessInfo.processInfo.hostName), process \(getpid())"
        let body = #"{"ttlSeconds":\#(ttl),"wait":\#(wait),"holder":\#(jsonString(holder))}"#
        let path = "/api/v1/locks/" + PercentEncoding.encodePath(name)
        let held = try cluster.send(.json("POST", path, body)).successful().decoded(Held.self)
        let status = try runProgram(held)
        // Whoever has it by now, this lets go of nothing that is not ours.
        _ = try? client.makeClient().send(ClientRequest(method: "DELETE", path: "\(path)?token=\(held.token)"))
        throw ExitCode(status)
    }

    /// Returns its exit code, or as shells have it 128 and the signal that ended it.
    private func runProgram(_ held: Held) throws -> Int32 {
        setenv("DMQ_FENCE", "\(name):\(held.token)", 1)
        var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var child = pid_t()
        let error = posix_spawnp(&child, command[0], nil, nil, &arguments, environ)
        guard error == 0 else { throw CommandFailure(.failure, "\(command[0]): \(systemMessage(error))") }
        let process = child
        let signals = SignalHandling.onTermination(queue: DispatchQueue(label: "dmq.signals")) { _, signal in
            kill(process, signal)
        }
        return withExtendedLifetime(signals) { wait(for: process, held) }
    }

    private func wait(for process: pid_t, _ held: Held) -> Int32 {
        let renewal = ClientRequest(method: "POST", path: "/api/v1/leases/\(held.lease)/keepalive")
        let cluster = client.makeClient(patience: .seconds(max(1, ttl / 3)))
        var renewed = ContinuousClock.now
        var isEnding = false
        while true {
            var status: Int32 = 0
            guard waitpid(process, &status, WNOHANG) == 0 else {
                return status & 0x7f == 0 ? status >> 8 & 0xff : 128 + status & 0x7f
            }
            usleep(50_000)
            let age = ContinuousClock.now - renewed
            if age >= .seconds(ttl), !isEnding {
                isEnding = true
                LineOutput.standardError.writeLine("❌ the lock is lost; the program is told to end")
                kill(process, SIGTERM)
            } else if age >= .seconds(ttl) / 3, !isEnding {
                let asked = ContinuousClock.now
                if (try? cluster.send(renewal).successful()) != nil { renewed = asked } else { usleep(100_000) }
            }
        }
    }
}
