import Foundation
import Glibc

/// Namespaces of processes, mounts and networks, and a shell in them that obeys.
///
/// The shell is the first process in there and reads from this one. When this one goes, however it goes, the shell
/// reads the end of its input and ends; with it the kernel ends every process in there, stopped ones too, and with the
/// last of them mounts and networks. Nothing of it is visible outside but the processes.
final class Laboratory {
    /// Of the shell, as seen from here.
    let processID: pid_t
    let network: NetworkNamespace
    private let shell: ChildProcess
    /// The end of a pipe that the shell's output comes from.
    private let output: Int32
    private let turn = NSLock()

    /// What this machine lacks for a laboratory, if anything.
    static func obstacle() throws -> String? {
        guard getuid() == 0 else { return "namespaces need root" }
        let tools = try Finished.run("/bin/sh", ["-c", "command -v unshare nsenter ip nft && test -e /dev/net/tun"])
        guard tools.end == .exited(0) else {
            return "of unshare, nsenter, ip, nft, /dev/net/tun there is only \(tools.output)"
        }
        let attempt = try Finished.tool("unshare", "--net", "--pid", "--mount", "--fork", "true")
        return attempt.end == .exited(0) ? nil : "no namespaces: \(attempt.errorOutput)"
    }

    init() throws {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw TransportError.system("pipe", errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        output = ends[0]
        defer { close(ends[1]) }
        do {
            shell = try ChildProcess(
                "/usr/bin/env",
                ["unshare", "--net", "--pid", "--mount", "--fork", "--kill-child", "bash", "--noprofile", "--norc"],
                output: "/proc/self/fd/\(ends[1])")
            // The /proc of outside is still there: it knows the shell by its number outside.
            try shell.write("read -r self _ </proc/self/stat; echo $self\n")
            let greeting = try Self.readLine(output, until: .now + .seconds(20))
            guard let number = pid_t(greeting) else { throw Failure("no laboratory: \(greeting)") }
            processID = number
            network = try NetworkNamespace(of: number)
        } catch {
            close(output)
            throw error
        }
        try run("mount -t proc proc /proc && mount -t tmpfs -o mode=755 laboratory /run && ip link set lo up")
    }

    deinit {
        shell.killGroup()
        close(output)
    }

    /// Leaves it to itself, as this process does when it is killed.
    func abandon() { shell.closeInput() }

    /// The path, seen from here, of a file in there.
    func path(_ inside: String) -> String { "/proc/\(processID)/root\(inside)" }

    /// Runs `script` and returns what it printed. It must end with 0.
    @discardableResult
    func run(_ script: String, within patience: Duration = .seconds(60)) throws -> String {
        let result = try finish(script, within: patience)
        guard result.status == 0 else { throw Failure("\(script): status \(result.status): \(result.output)") }
        return result.output
    }

    /// Runs `script` and returns how it ended and what it printed.
    func finish(
        _ script: String, within patience: Duration = .seconds(60)
    ) throws -> (status: Int, output: String) {
        try turn.withLock {
            let mark = "--- end"
            try shell.write("{\n\(script)\n} </dev/null 2>&1\necho; echo \"\(mark) $?\"\n")
            let deadline = ContinuousClock.now + patience
            var lines: [String] = []
            while true {
                let line = try Self.readLine(output, until: deadline)
                guard line.hasPrefix(mark) else {
                    lines.append(line)
                    continue
                }
                let text = lines.joined(separator: "\n").trimmingCharacters(in: .newlines)
                return (Int(line.dropFirst(mark.count + 1)) ?? -1, text)
            }
        }
    }

    private static func readLine(_ descriptor: Int32, until deadline: ContinuousClock.Instant) throws -> String {
        var bytes: [UInt8] = []
        while true {
            var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let left = deadline - .now
            guard left > .zero else { throw Failure("the laboratory's shell does not answer") }
            guard poll(&ready, 1, Int32(clamping: left.milliseconds + 1)) > 0 else { continue }
            var byte: UInt8 = 0
            let count = read(descriptor, &byte, 1)
            guard count > 0 else { throw Failure("the laboratory's shell has ended") }
            if byte == UInt8(ascii: "\n") { return String(decoding: bytes, as: UTF8.self) }
            bytes.append(byte)
        }
    }
}
