import Glibc

/// Reads a whole file. Meant for small ones: configuration and values from the command line.
func readFile(_ path: String) -> FileContents {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
        return errno == ENOENT || errno == ENOTDIR ? .missing : .unreadable(systemMessage(errno))
    }
    defer { close(descriptor) }
    switch readToEnd(descriptor) {
    case .success(let bytes): return .bytes(bytes)
    case .failure(let error): return .unreadable(systemMessage(error.number))
    }
}

/// An error number of the operating system.
struct SystemError: Error, Equatable {
    var number: Int32
}

/// Reads until the end of the file or the pipe.
func readToEnd(_ descriptor: Int32) -> Result<[UInt8], SystemError> {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 * 1024)
    while true {
        let count = read(descriptor, &chunk, chunk.count)
        if count > 0 {
            bytes.append(contentsOf: chunk[..<count])
        } else if count == 0 {
            return .success(bytes)
        } else if errno != EINTR {
            return .failure(SystemError(number: errno))
        }
    }
}

/// What the operating system says to an error number, for example `No such file or directory`.
func systemMessage(_ number: Int32) -> String {
    // The process runs in the C locale, and glibc's strerror is thread-safe for known numbers.
    String(cString: strerror(number))
}
