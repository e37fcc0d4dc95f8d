import Foundation

/// The repository as text.
struct SourceTree {
    struct File {
        /// Relative to the repository, such as `Sources/Raft/RaftLog.swift`.
        var path: String
        var lines: [Substring]

        /// The folder below `Sources` or `Tests`, which is the target's name.
        var target: String { String(path.split(separator: "/")[1]) }

        /// The modules that the file imports, with the line numbers.
        var imports: [(module: String, line: Int)] {
            Self.importLine.matches(in: lines).map { (module: $0.groups[1], line: $0.line) }
        }

        private static let importLine = Pattern(
            #"^\s*(?:@\w+\s+)*(?:\w+ )?import\s+(?:(?:class|enum|func|let|protocol|struct|typealias|var)\s+)?(\w+)"#)

        /// The lines without what stands behind `//`: a comment may name what the code must not use.
        var code: [Substring] {
            lines.map { line in
                guard let comment = line.range(of: "//") else { return line }
                return line[..<comment.lowerBound]
            }
        }
    }

    static let root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static let sources = swiftFiles(below: "Sources")
    static let tests = swiftFiles(below: "Tests")

    static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    }

    static func files(below folder: String) -> [String] {
        let names = FileManager.default.enumerator(atPath: root.appendingPathComponent(folder).path)
        return (names?.compactMap { $0 as? String } ?? []).map { "\(folder)/\($0)" }.sorted()
    }

    private static func swiftFiles(below folder: String) -> [File] {
        files(below: folder).filter { $0.hasSuffix(".swift") }.compactMap { path in
            guard let text = try? text(path) else { return nil }
            var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            if lines.last == "" { lines.removeLast() }
            return File(path: path, lines: lines)
        }
    }
}

/// A regular expression to look for in lines; Foundation's, which is many times faster than the standard library's.
struct Pattern: @unchecked Sendable {
    struct Match {
        /// From 1.
        var line: Int
        var text: String
        /// The whole match and its groups.
        var groups: [String]
    }

    private let expression: NSRegularExpression

    init(_ pattern: String) {
        do {
            expression = try NSRegularExpression(pattern: pattern)
        } catch {
            preconditionFailure("\(pattern): \(error)")
        }
    }

    /// The first match of each line.
    func matches(in lines: [Substring]) -> [Match] {
        lines.enumerated().compactMap { index, line in
            let text = String(line)
            let whole = NSRange(text.startIndex..., in: text)
            guard let found = expression.firstMatch(in: text, range: whole) else { return nil }
            let groups = (0..<found.numberOfRanges).map { group in
                Range(found.range(at: group), in: text).map { String(text[$0]) } ?? ""
            }
            return Match(line: index + 1, text: text.trimmingCharacters(in: .whitespaces), groups: groups)
        }
    }
}
