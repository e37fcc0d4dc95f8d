import Glibc

/// What libFuzzer calls with each input; see `run` beside this file. `DMQ_FUZZ_TARGET` chooses what is fuzzed, and
/// `DMQ_FUZZ_SEEDS` names a folder to fill with inputs made by the real encoders instead of fuzzing.
enum FuzzTarget: String, CaseIterable {
    case httpRequest = "http-request"
    case httpResponse = "http-response"
    case json
    case shapes
    case messages
    case payloads
    case rows
    case commands
    case snapshot
    case wal
    case api
    case yaml

    static let chosen: FuzzTarget = {
        let name = getenv("DMQ_FUZZ_TARGET").map { String(cString: $0) } ?? ""
        guard let target = FuzzTarget(rawValue: name) else {
            fail("DMQ_FUZZ_TARGET is one of \(allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return target
    }()

    /// Feeds one input; returns if everything held.
    func run(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        switch self {
        case .httpRequest: HTTPTargets.request(&input)
        case .httpResponse: HTTPTargets.response(&input)
        case .json: JSONTargets.text(bytes)
        case .shapes: JSONTargets.shapes(&input)
        case .messages: WireTargets.message(bytes)
        case .payloads: WireTargets.payload(&input)
        case .rows: WireTargets.rows(&input)
        case .commands: StateTargets.commands(&input)
        case .snapshot: StateTargets.snapshot(&input)
        case .wal: WriteAheadLogTarget.run(&input)
        case .api: RouterTarget.run(&input)
        case .yaml: ConfigurationTarget.run(bytes)
        }
    }
}

/// Ends the process as a crash, so that libFuzzer keeps the input.
func fail(_ finding: String) -> Never {
    let text = "fuzzing: \(finding)\n"
    write(STDERR_FILENO, text, text.utf8.count)
    abort()
}

func expect(_ condition: Bool, _ finding: @autoclosure () -> String) {
    if !condition { fail(finding()) }
}

/// An input read from its front: choices first, then the bytes that are fed. Never runs dry, it gives zeros then.
struct FuzzInput {
    private let bytes: [UInt8]
    private var offset = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { offset >= bytes.count }

    mutating func byte() -> UInt8 {
        guard offset < bytes.count else { return 0 }
        defer { offset += 1 }
        return bytes[offset]
    }

    mutating func flag() -> Bool { byte() & 1 == 1 }

    /// One of `0..<count`.
    mutating func choice(_ count: Int) -> Int { Int(byte()) % count }

    mutating func take(_ count: Int) -> [UInt8] {
        let end = min(offset + count, bytes.count)
        defer { offset = end }
        return Array(bytes[offset..<end])
    }

    mutating func rest() -> [UInt8] { take(bytes.count) }
}

@_cdecl("LLVMFuzzerInitialize")
public func initialize(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>
) -> CInt {
    guard let folder = getenv("DMQ_FUZZ_SEEDS") else { return 0 }
    Seeds.write(into: String(cString: folder))
    exit(0)
}

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    FuzzTarget.chosen.run(Array(UnsafeBufferPointer(start: start, count: count)))
    return 0
}
