/// Reads the part of YAML that configuration files need: nested maps of scalars, comments, quotes, dotted keys.
///
/// Anything else of YAML (lists, flow collections, anchors, tags, block scalars, several documents) is refused with its
/// place, never read as something else than YAML would.
struct YAMLReader {
    /// One key with its value; `key` holds the keys above it too, joined by dots.
    struct Entry: Equatable, Sendable {
        var key: String
        /// `nil` for a null (`key:` with nothing below it, `~`, `null`).
        var value: String?
        /// Both from 1; of the key.
        var line: Int
        var column: Int
    }

    /// What is wrong and where; prints as `line:column: message`.
    struct SyntaxError: Error, Equatable, Sendable, CustomStringConvertible {
        var line: Int
        var column: Int
        var message: String
        var description: String { "\(line):\(column): \(message)" }
    }

    /// A map that is being read.
    private struct Level {
        var indentation: Int
        /// The keys above it, each followed by a dot.
        var prefix: String
    }

    private var entries: [Entry] = []
    private var levels = [Level(indentation: 0, prefix: "")]
    /// The key of the last line when it had no value: what follows deeper belongs to it.
    private var open: Entry?
    /// Where each key, with those above it, was first seen.
    private var lines: [String: Int] = [:]

    static func read(_ bytes: [UInt8]) throws(SyntaxError) -> [Entry] {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw SyntaxError(line: 1, column: 1, message: "the file is not UTF-8 text")
        }
        var scalars = Array(text.unicodeScalars)
        if scalars.first == "\u{FEFF}" { scalars.removeFirst() }
        var reader = YAMLReader()
        var mayBeMarker = true
        for (number, line) in scalars.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            var scanner = YAMLLine(scalars: line.last == "\r" ? line.dropLast() : line, line: number + 1)
            scanner.skip(" ")
            if scanner.isAtEndOrComment { continue }
            // One document may be announced; a second one can not be told from the first here.
            if mayBeMarker && scanner.takeDocumentMarker() {
                mayBeMarker = false
                continue
            }
            mayBeMarker = false
            try reader.take(&scanner)
        }
        reader.closeOpenKey()
        return reader.entries
    }

    private mutating func take(_ line: inout YAMLLine) throws(SyntaxError) {
        let indentation = line.column - 1
        try enterLevel(indentation, of: line)
        let column = line.column
        let key = levels[levels.count - 1].prefix + (try line.takeKey())
        if let earlier = lines.updateValue(line.number, forKey: key) {
            throw SyntaxError(
                line: line.number, column: column, message: "\"\(key)\" stands in line \(earlier) already")
        }
        let value = try line.takeValue()
        let entry = Entry(key: key, value: value.text, line: line.number, column: column)
        if value.isAbsent { open = entry } else { entries.append(entry) }
    }

    /// Finds the map that a line of this indentation belongs to.
    private mutating func enterLevel(_ indentation: Int, of line: YAMLLine) throws(SyntaxError) {
        let current = levels[levels.count - 1].indentation
        if indentation > current {
            guard let parent = open else {
                throw line.error("indented deeper than the line above, which is no map; align it or quote the value")
            }
            levels.append(Level(indentation: indentation, prefix: parent.key + "."))
            open = nil
            return
        }
        closeOpenKey()
        while levels.count > 1 && indentation < levels[levels.count - 1].indentation { levels.removeLast() }
        guard indentation == levels[levels.count - 1].indentation else {
            throw line.error("the indentation fits no map above")
        }
    }

    private mutating func closeOpenKey() {
        if let open { entries.append(open) }
        open = nil
    }
}
