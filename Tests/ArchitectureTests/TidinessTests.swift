import Foundation
import Testing

/// What keeps the tree readable.
@Suite struct TidinessTests {
    static let maximumFileLines = 500
    static let maximumFunctionLines = 70

    @Test func filesAreShort() {
        for file in SourceTree.sources + SourceTree.tests where file.lines.count > Self.maximumFileLines {
            Issue.record("\(file.path): \(file.lines.count) lines; at most \(Self.maximumFileLines), cut it by topic")
        }
    }

    @Test func functionsFitOnAScreen() {
        for file in SourceTree.sources + SourceTree.tests {
            for function in Function.all(in: file) where function.length > Self.maximumFunctionLines {
                Issue.record(
                    """
                    \(file.path):\(function.line): \(function.length) lines, at most \(Self.maximumFunctionLines): \
                    \(function.declaration)
                    """)
            }
        }
    }

    @Test func theTopLevelHoldsOnlyWhatBelongsThere() throws {
        let allowed: Set<String> = [
            "Package.swift", "Package.resolved", "Sources", "Tests", "data", "etc", "systemd", "README.md", "LICENSE",
        ]
        for name in try FileManager.default.contentsOfDirectory(atPath: SourceTree.root.path)
        where !name.hasPrefix(".") && !allowed.contains(name) {
            Issue.record(
                "\(name) does not belong at the top level; there are \(allowed.sorted().joined(separator: " "))")
        }
    }

    /// Written in two parts, so that this file does not find itself.
    static let leftoverMarks = [
        "TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK", "not implem" + "ented", "unimplem" + "ented",
        "for n" + "ow",
        "placehol" + "der", "Placehol" + "der",
    ]

    @Test func nothingIsLeftForLater() throws {
        let texts =
            ["Sources", "Tests", "etc", "systemd"].flatMap(SourceTree.files(below:)) + ["README.md", ".ci/run"]
        let marks = Pattern(Self.leftoverMarks.joined(separator: "|"))
        for path in texts {
            guard let text = try? SourceTree.text(path) else { continue }
            for match in marks.matches(in: text.split(separator: "\n", omittingEmptySubsequences: false)) {
                Issue.record("\(path):\(match.line): '\(match.groups[0])' in: \(match.text)")
            }
        }
    }

    /// A test that waits looks for what it waits for, up to a deadline.
    @Test func testsDoNotWaitForAFixedTime() {
        let calls = Pattern("sle" + "ep *\\(")
        for file in SourceTree.tests {
            for match in calls.matches(in: file.code) {
                Issue.record("\(file.path):\(match.line): wait for a condition instead: \(match.text)")
            }
        }
    }
}

/// A function, initializer or computed property as swift-format lays it out.
struct Function {
    var declaration: String
    var line: Int
    var length: Int

    static func all(in file: SourceTree.File) -> [Function] {
        declaration.matches(in: file.lines).compactMap { match in
            let start = match.line - 1
            let indent = file.lines[start].prefix { $0 == " " }
            guard let end = end(of: start, indent: indent, file.lines) else { return nil }
            return Function(declaration: match.text, line: match.line, length: end - start + 1)
        }
    }

    private static let declaration = Pattern(
        #"^ *(@\w+(\([^)]*\))? |[a-z]+(\(\w+\))? )*(func |init[?(<]|deinit\b|subscript[(<])"#)

    /// The line of the closing brace, which stands as far in as the declaration does.
    private static func end(of start: Int, indent: Substring, _ lines: [Substring]) -> Int? {
        if lines[start].hasSuffix("}") { return start }
        for index in (start + 1)..<max(start + 1, lines.count) {
            let line = lines[index]
            if line == indent + "}" { return index }
            let isWithin = line.isEmpty || line.hasPrefix(indent + " ") || line.hasPrefix(indent + ")")
            guard
                isWithin || line.hasPrefix(indent + "#") || line.hasPrefix(indent + "where ")
                    || line.hasPrefix(indent + "{")
            else { return nil }
        }
        return nil
    }
}
