/// Configuration files: no bytes trap the reader, and what it reads from one text it reads from its plainest form.
enum ConfigurationTarget {
    static func run(_ bytes: [UInt8]) {
        guard let entries = try? YAMLReader.read(bytes) else { return }
        let text = entries.map { "\(quoted($0.key)): \($0.value.map(quoted) ?? "~")\n" }.joined()
        guard let again = try? YAMLReader.read(Array(text.utf8)) else { fail("refuses \(text)") }
        let isSame = entries.elementsEqual(again) {
            $0.key.utf8.elementsEqual($1.key.utf8) && $0.value.map { Array($0.utf8) } == $1.value.map { Array($0.utf8) }
        }
        expect(isSame, "\(entries) written again reads as \(again)")
    }

    private static func quoted(_ text: String) -> String {
        var quoted = String.UnicodeScalarView("\"".unicodeScalars)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted.append(contentsOf: "\\\"".unicodeScalars)
            case "\\": quoted.append(contentsOf: "\\\\".unicodeScalars)
            case "\n": quoted.append(contentsOf: "\\n".unicodeScalars)
            default: quoted.append(scalar)
            }
        }
        quoted.append("\"")
        return String(quoted)
    }
}
