import Foundation
import Glibc

/// A process of its own group, whose output goes to a file. Killed at the latest with this object.
final class ChildProcess {
    enum End: Equatable, CustomStringConvertible {
        case exited(Int32)
        case killed(Int32)

        var description: String {
            switch self {
            case .exited(let status): "exited with \(status)"
            case .killed(let signal): "killed by signal \(signal)"
            }
        }
    }

    let processID: pid_t
    private var knownEnd: End?
    /// The child reads the end of its input when this process has gone, however it went.
    private var lifeline: Int32

    /// `output` is appended to; `errorOutput` goes there too if it is `nil`.
    init(
        _ path: String, _ arguments: [String], environment: [String: String] = [:], directory: String? = nil,
        output: String, errorOutput: String? = nil
    ) throws {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw TransportError.system("pipe", errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        lifeline = ends[1]
        defer { close(ends[0]) }

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[0], 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        if let errorOutput {
            posix_spawn_file_actions_addopen(&actions, 2, errorOutput, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        } else {
            posix_spawn_file_actions_adddup2(&actions, 1, 2)
        }
        // Other tests run in this process; their sockets must not stay open in ours.
        FileActions.closeFrom(&actions, 3)
        if let directory { FileActions.changeDirectory(&actions, directory) }

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var noSignals = sigset_t()
        var allSignals = sigset_t()
        sigemptyset(&noSignals)
        sigfillset(&allSignals)
        posix_spawnattr_setsigmask(&attributes, &noSignals)
        posix_spawnattr_setsigdefault(&attributes, &allSignals)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        var variables = ["PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"]
        variables.merge(environment) { $1 }
        var argumentPointers = ([path] + arguments).map { strdup($0) } + [nil]
        var variablePointers = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in argumentPointers + variablePointers { free(pointer) } }
        var processID = pid_t()
        let error = posix_spawn(&processID, path, &actions, &attributes, &argumentPointers, &variablePointers)
        guard error == 0 else {
            close(ends[1])
            throw TransportError.system("\(path)", error)
        }
        self.processID = processID
    }

    deinit {
        killGroup()
        closeInput()
    }

    /// What the kernel does when this process goes.
    func closeInput() {
        if lifeline >= 0 { close(lifeline) }
        lifeline = -1
    }

    func send(_ signal: Int32) { if end == nil { kill(processID, signal) } }

    /// Writes `text` to the process's standard input.
    func write(_ text: String) throws {
        // What is written to a process that has gone must not end the tests.
        signal(SIGPIPE, SIG_IGN)
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(lifeline, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno != EINTR {
                throw TransportError.system("write", errno)
            }
        }
    }

    /// Ends the process and its group, and waits for it.
    func killGroup() {
        while end == nil {
            kill(-processID, SIGKILL)
            pause(milliseconds: 1)
        }
    }

    func wait(within patience: Duration = .seconds(60)) throws -> End {
        try eventually("the end of process \(processID)", within: patience) { end }
    }

    /// How it ended, if it has.
    var end: End? {
        if let knownEnd { return knownEnd }
        var info = siginfo_t()
        // Not reaped yet, it keeps its id, and so its group's, from being another's.
        guard waitid(P_PID, id_t(processID), &info, WEXITED | WNOHANG | WNOWAIT) == 0, info.si_signo == SIGCHLD else {
            return nil
        }
        kill(-processID, SIGKILL)
        var status: Int32 = 0
        guard waitpid(processID, &status, 0) == processID else { return nil }
        let signal = status & 0x7F
        knownEnd = signal == 0 ? .exited((status >> 8) & 0xFF) : .killed(signal)
        return knownEnd
    }
}

/// Actions of a spawned process that glibc's Swift module does not show.
private enum FileActions {
    typealias CloseFrom = @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, Int32) -> Int32
    typealias ChangeDirectory =
        @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, UnsafePointer<CChar>) -> Int32

    static func closeFrom(_ actions: inout posix_spawn_file_actions_t, _ first: Int32) {
        let call = glibc("posix_spawn_file_actions_addclosefrom_np", as: CloseFrom.self)
        precondition(call(&actions, first) == 0)
    }

    static func changeDirectory(_ actions: inout posix_spawn_file_actions_t, _ path: String) {
        let call = glibc("posix_spawn_file_actions_addchdir_np", as: ChangeDirectory.self)
        precondition(call(&actions, path) == 0)
    }
}

/// A function of glibc that its Swift module does not show.
func glibc<Function>(_ name: String, as type: Function.Type) -> Function {
    guard let symbol = dlsym(nil, name) else { preconditionFailure("glibc has no \(name)") }
    return unsafeBitCast(symbol, to: type)
}

/// A command that ran to its end.
struct Finished {
    var end: ChildProcess.End
    var output: String
    var errorOutput: String

    var status: Int32? { if case .exited(let status) = end { status } else { nil } }

    /// Runs `path` and waits for it.
    static func run(
        _ path: String, _ arguments: [String], environment: [String: String] = [:], directory: String? = nil,
        within patience: Duration = .seconds(60)
    ) throws -> Finished {
        let scratch = try TemporaryDirectory()
        let process = try ChildProcess(
            path, arguments, environment: environment, directory: directory, output: scratch.path + "/out",
            errorOutput: scratch.path + "/err")
        let end = try process.wait(within: patience)
        return Finished(
            end: end, output: try String(contentsOfFile: scratch.path + "/out", encoding: .utf8),
            errorOutput: try String(contentsOfFile: scratch.path + "/err", encoding: .utf8))
    }

    /// Runs the program under test.
    static func dmq(
        _ arguments: String..., environment: [String: String] = [:], directory: String? = nil,
        within patience: Duration = .seconds(60)
    ) throws -> Finished {
        try run(Surroundings.binary, arguments, environment: environment, directory: directory, within: patience)
    }

    /// Runs one of the system's programs, found in PATH.
    static func tool(_ name: String, _ arguments: String...) throws -> Finished {
        try run("/usr/bin/env", [name] + arguments)
    }
}

/// A directory that goes with this object.
final class TemporaryDirectory {
    let path: String

    init() throws {
        let pattern = NSTemporaryDirectory() + "dmq-e2e-" + String(repeating: "X", count: 6)
        var template = Array(pattern.utf8CString)
        guard mkdtemp(&template) != nil else { throw TransportError.system("mkdtemp", errno) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
