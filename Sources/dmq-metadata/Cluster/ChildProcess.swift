import Glibc
import Synchronization

/// A child process with its output in a pipe.
final class ChildProcess: Sendable {
    enum Termination: Equatable, Sendable, CustomStringConvertible {
        case exited(Int32)
        case killed(signal: Int32)

        var description: String {
            switch self {
            case .exited(let status): "exited with status \(status)"
            case .killed(let signal): "was killed by signal \(signal)"
            }
        }
    }

    let processID: pid_t
    private let output: Int32
    /// Guards the process id: once the child is waited for, another process may get it.
    private let termination = Mutex<Termination?>(nil)

    /// Runs `path` with `input` as its standard input; standard output and error come through ``forEachLine(_:)``.
    ///
    /// The child gets its own process group, so that a terminal's Ctrl-C reaches the parent alone, which then stops its
    /// children in good order; and the default signal actions, which spawning would not restore where we ignore one.
    init(path: String, arguments: [String], environment: [String: String], input: Int32) throws(SystemError) {
        let pipe = try Pipe()
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, pipe.writeEnd, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, pipe.writeEnd, STDERR_FILENO)
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
        let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP
        posix_spawnattr_setflags(&attributes, Int16(flags))

        var arguments: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer {
            for text in arguments + variables { free(text) }
        }
        var processID = pid_t()
        let error = posix_spawn(&processID, path, &actions, &attributes, &arguments, &variables)
        close(pipe.writeEnd)
        guard error == 0 else {
            close(pipe.readEnd)
            throw SystemError(number: error)
        }
        self.processID = processID
        self.output = pipe.readEnd
    }

    deinit { close(output) }

    /// Calls `body` with each line of the child's output, until its end. Blocks.
    func forEachLine(_ body: (String) -> Void) {
        var splitter = LineSplitter()
        var chunk = [UInt8](repeating: 0, count: 16 * 1024)
        while true {
            let count = read(output, &chunk, chunk.count)
            if count > 0 {
                splitter.take(chunk[..<count]).forEach(body)
            } else if count == 0 || errno != EINTR {
                splitter.end().map(body)
                return
            }
        }
    }

    /// Waits for the child's end. Blocks.
    func wait() -> Termination {
        var info = siginfo_t()
        // Leaves the child a zombie, so that its id stays its own until the lock is held.
        while waitid(P_PID, id_t(processID), &info, WEXITED | WNOWAIT) < 0 && errno == EINTR {}
        return termination.withLock { termination in
            var status: Int32 = 0
            while waitpid(processID, &status, 0) < 0 && errno == EINTR {}
            // wait(2): the low seven bits are the signal, the next byte the exit status.
            let signal = status & 0x7F
            let result: Termination = signal == 0 ? .exited((status >> 8) & 0xFF) : .killed(signal: signal)
            termination = result
            return result
        }
    }

    /// Nothing if the child has ended.
    func send(signal: Int32) {
        termination.withLock { termination in
            if termination == nil { kill(processID, signal) }
        }
    }
}

/// The two ends of a pipe, neither of which a child inherits unasked.
struct Pipe {
    let readEnd: Int32
    let writeEnd: Int32

    init() throws(SystemError) {
        var ends: [Int32] = [-1, -1]
        // The Glibc module lacks pipe2; children are started by one thread, so none can slip in between.
        guard pipe(&ends) == 0 else { throw SystemError(number: errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (readEnd, writeEnd) = (ends[0], ends[1])
    }
}

/// Cuts a stream of bytes into lines.
struct LineSplitter {
    /// A line longer than this is cut: a child must not be able to take all memory.
    static let maxLineBytes = 64 * 1024

    private var rest: [UInt8] = []

    /// The lines that `bytes` completes.
    mutating func take(_ bytes: some Collection<UInt8>) -> [String] {
        var lines: [String] = []
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                lines.append(flush())
            } else {
                rest.append(byte)
                if rest.count == Self.maxLineBytes { lines.append(flush()) }
            }
        }
        return lines
    }

    /// What stands behind the last line feed.
    mutating func end() -> String? { rest.isEmpty ? nil : flush() }

    private mutating func flush() -> String {
        defer { rest.removeAll(keepingCapacity: true) }
        return String(decoding: rest, as: UTF8.self)
    }
}
