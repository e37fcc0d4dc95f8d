/// One line of a configuration file, read from left to right.
struct YAMLLine {
    private let scalars: [Unicode.Scalar]
    private var position = 0
    /// From 1.
    let number: Int

    init(scalars: ArraySlice<Unicode.Scalar>, line: Int) {
        self.scalars = Array(scalars)
        self.number = line
    }

    /// From 1, in Unicode scalars.
    var column: Int { position + 1 }

    private var next: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }
    private var afterNext: Unicode.Scalar? { position + 1 < scalars.count ? scalars[position + 1] : nil }

    /// A comment starts at the line's beginning or after a blank.
    var isAtEndOrComment: Bool {
        guard let next else { return true }
        return next == "#" && (position == 0 || scalars[position - 1] == " " || scalars[position - 1] == "\t")
    }

    func error(_ message: String) -> YAMLReader.SyntaxError {
        YAMLReader.SyntaxError(line: number, column: column, message: message)
    }

    mutating func skip(_ scalar: Unicode.Scalar) {
        while next == scalar { position += 1 }
    }

    private mutating func skipBlanks() {
        while next == " " || next == "\t" { position += 1 }
    }

    mutating func takeDocumentMarker() -> Bool {
        guard position == 0, scalars.starts(with: ["-", "-", "-"]) else { return false }
        return scalars[3...].allSatisfy { $0 == " " }
    }

    /// Takes a key and the colon behind it.
    mutating func takeKey() throws(YAMLReader.SyntaxError) -> String {
        if next == "\t" { throw error("a tab can not indent in YAML; use spaces") }
        var key = String.UnicodeScalarView()
        if next == "\"" || next == "'" {
            key.append(contentsOf: try takeQuoted().unicodeScalars)
        } else {
            try refuseIndicators()
            while let scalar = next, scalar != ":", scalar != " ", scalar != "\t" {
                key.append(scalar)
                position += 1
            }
        }
        skipBlanks()
        guard next == ":" else { throw error("expected \"key: value\", found no colon after the key") }
        guard !key.isEmpty else { throw error("expected a key before the colon") }
        position += 1
        guard next == nil || next == " " || next == "\t" else { throw error("expected a space after the colon") }
        return String(key)
    }

    /// Takes the rest of the line. `isAbsent` when nothing is there (a map may follow), `text` nil for a null.
    mutating func takeValue() throws(YAMLReader.SyntaxError) -> (text: String?, isAbsent: Bool) {
        skipBlanks()
        if isAtEndOrComment { return (nil, true) }
        if next == "\"" || next == "'" {
            let text = try takeQuoted()
            guard next == nil || next == " " || next == "\t" else { throw error("unexpected text after the quote") }
            skipBlanks()
            guard isAtEndOrComment else { throw error("unexpected text after the quoted value") }
            return (text, false)
        }
        try refuseIndicators()
        let text = try takePlain()
        return (["~", "null", "Null", "NULL"].contains(text) ? nil : text, false)
    }

    private mutating func takePlain() throws(YAMLReader.SyntaxError) -> String {
        var text = String.UnicodeScalarView()
        while let scalar = next, !isAtEndOrComment {
            if scalar == ":" && (afterNext == nil || afterNext == " ") {
                throw error("a value with a colon followed by a blank must be quoted")
            }
            text.append(scalar)
            position += 1
        }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return String(text)
    }

    /// Refuses what would start a list, a flow collection, an anchor, an alias, a tag, a block scalar, a directive.
    private func refuseIndicators() throws(YAMLReader.SyntaxError) {
        guard let next else { return }
        let isFollowedByBlank = afterNext == nil || afterNext == " " || afterNext == "\t"
        switch next {
        case "-" where isFollowedByBlank: throw error("lists are not supported; only \"key: value\"")
        case "-" where position == 0 && scalars.starts(with: ["-", "-", "-"]):
            throw error("only one document is supported")
        case "?" where isFollowedByBlank: throw error("\"?\" keys are not supported; only \"key: value\"")
        case "[", "]", "{", "}", ",": throw error("[…] and {…} are not supported; write nested keys, or quote a value")
        case "&", "*": throw error("anchors and aliases are not supported; quote a value that starts with \(next)")
        case "!": throw error("tags are not supported; quote a value that starts with !")
        case "|", ">": throw error("block texts are not supported; write the value on one line, in quotes")
        case "%", "@", "`": throw error("YAML reserves \(next) here; quote it")
        default: return
        }
    }

    private mutating func takeQuoted() throws(YAMLReader.SyntaxError) -> String {
        let start = self
        let quote = scalars[position]
        position += 1
        var text = String.UnicodeScalarView()
        while let scalar = next {
            position += 1
            if scalar == quote {
                guard quote == "'", next == "'" else { return String(text) }
                position += 1
                text.append("'")
            } else if scalar == "\\" && quote == "\"" {
                text.append(try takeEscape())
            } else {
                text.append(scalar)
            }
        }
        throw start.error("the quote is not closed on this line")
    }

    private mutating func takeEscape() throws(YAMLReader.SyntaxError) -> Unicode.Scalar {
        let escapes: [Unicode.Scalar: Unicode.Scalar] = [
            "\"": "\"", "\\": "\\", "/": "/", "n": "\n", "t": "\t", "r": "\r", " ": " ",
        ]
        guard let next, let scalar = escapes[next] else {
            throw error("unknown escape; there are \\\" \\\\ \\/ \\n \\t \\r, or use single quotes")
        }
        position += 1
        return scalar
    }
}
