import Foundation
import Testing

/// The arrows between the targets point down only.
@Suite struct DependencyTests {
    /// What each target may import. Whatever is not listed here is a decision to be made, not an oversight to be fixed.
    static let allowed: [String: Set<String>] = [
        "Defects": ["Synchronization"],
        // Pure values: not even the C library.
        "Raft": ["Defects"],
        "Metadata": ["Defects", "Synchronization"],
        "Wire": ["Raft", "Metadata", "FoundationEssentials"],
        "Storage": ["Raft", "Metadata", "CSQLite", "CLinux", "Glibc", "Synchronization"],
        "HTTP": ["CLinux", "Glibc", "Dispatch", "Synchronization"],
        "Server": [
            "Defects", "Raft", "Metadata", "Wire", "Storage", "HTTP", "Logging", "Glibc", "Dispatch", "Synchronization",
            "FoundationEssentials",
        ],
        "API": [
            "Raft", "Metadata", "Wire", "Storage", "HTTP", "Server", "Dispatch", "FoundationEssentials",
            "Synchronization",
        ],
        "Simulation": ["Defects", "Raft", "Metadata", "Wire", "Storage", "Server", "Synchronization", "Logging"],
        "dmq-metadata": [
            "API", "Server", "Storage", "HTTP", "Wire", "Metadata", "Raft", "Simulation", "Defects", "CLinux",
            "ArgumentParser",
            "Logging", "Glibc", "Dispatch", "Synchronization", "FoundationEssentials",
        ],
    ]

    @Test func everyTargetImportsOnlyWhatStandsBelowIt() {
        #expect(!SourceTree.sources.isEmpty)
        for file in SourceTree.sources {
            guard let allowed = Self.allowed[file.target] else {
                Issue.record("\(file.path): the target \(file.target) is not in the table of this test")
                continue
            }
            for (module, line) in file.imports where !allowed.contains(module) {
                Issue.record(
                    """
                    \(file.path):\(line): \(file.target) may not import \(module); \
                    it may import \(allowed.isEmpty ? "nothing" : allowed.sorted().joined(separator: ", "))
                    """)
            }
        }
    }

    /// An import that the manifest does not name can still compile, by way of another target's dependency.
    @Test func theManifestHasTheSameArrows() throws {
        let manifest = try SourceTree.text("Package.swift")
        let ownTargets = Set(Self.allowed.keys).union(["CSQLite", "CLinux"])
        for (target, allowed) in Self.allowed {
            let declaration = try #require(
                manifest.range(of: "[tT]arget\\(\\s*name: \"\(target)\"", options: .regularExpression),
                "Package.swift: there is no target \(target)")
            let rest = manifest[declaration.upperBound...]
            let end = rest.range(of: "swiftSettings")?.lowerBound ?? rest.endIndex
            let dependencies = rest[..<end].split(separator: "\"").map(String.init).filter(ownTargets.contains)
            for dependency in dependencies where !allowed.contains(dependency) {
                Issue.record("Package.swift: \(target) may not depend on \(dependency)")
            }
        }
    }

    @Test func onlyStorageUsesSQLite() {
        let use = Pattern(#"\bsqlite3_|import CSQLite"#)
        for file in SourceTree.sources where file.target != "Storage" {
            for match in use.matches(in: file.code) {
                Issue.record("\(file.path):\(match.line): only Storage may use SQLite: \(match.text)")
            }
        }
    }

    @Test func onlyHTTPAndTheExecutableUseSockets() {
        // A call of the C function: neither a method, nor a declaration.
        let call = Pattern(
            #"(?<![.\w]|func )(?:Glibc\.)?(socket|socketpair|connect|bind|listen|accept4?|send|sendto|sendmsg|recv|"#
                + #"recvfrom|recvmsg|getaddrinfo|epoll_\w+)\("#)
        for file in SourceTree.sources where !["HTTP", "dmq-metadata"].contains(file.target) {
            guard file.imports.contains(where: { $0.module == "Glibc" || $0.module == "CLinux" }) else { continue }
            for match in call.matches(in: file.code) {
                Issue.record("\(file.path):\(match.line): only HTTP and the executable use sockets: \(match.text)")
            }
        }
    }

    /// All of Foundation doubles the binary and its memory.
    @Test func nothingThatShipsImportsAllOfFoundation() {
        for file in SourceTree.sources {
            for (module, line) in file.imports
            where module.hasPrefix("Foundation") && module != "FoundationEssentials" {
                Issue.record("\(file.path):\(line): import FoundationEssentials, not \(module)")
            }
        }
    }

    /// The same events must give the same effects, on every node and in every replay.
    @Test func consensusAndStateMachineAreDeterministic() {
        let forbidden: [(pattern: Pattern, instead: String)] = [
            (Pattern(#"\bDate\(\)|\bDate\.now"#), "time is an argument"),
            (Pattern(#"\b(Continuous|Suspending|Dispatch|System)\w*(Clock|Time)\b"#), "time is an argument"),
            (Pattern(#"\.(random\((?!.*using:)|randomElement\(\)|shuffled?\(\))"#), "pass the generator: using:"),
            (Pattern(#"\bSystemRandomNumberGenerator\b"#), "the generator is an argument"),
            (Pattern(#"\bHasher\(\)|\.hashValue\b"#), "hash values differ from process to process"),
            (Pattern(#"\b(Task|Thread|DispatchQueue)\b *[.({]|\bawait\b"#), "no thread and no task in here"),
            (Pattern(#"(?<![.\w])(print|fopen|getenv)\("#), "no input or output in here"),
        ]
        for file in SourceTree.sources where ["Raft", "Metadata"].contains(file.target) {
            let code = file.code
            for (pattern, instead) in forbidden {
                for match in pattern.matches(in: code) {
                    Issue.record("\(file.path):\(match.line): \(instead): \(match.text)")
                }
            }
        }
    }
}
