/// Text in columns.
struct Table {
    private var rows: [[String]]

    init(_ headings: String...) { rows = [headings] }

    mutating func add(_ cells: String...) { add(cells) }
    mutating func add(_ cells: [String]) { rows.append(cells) }

    /// Lines without trailing blanks, joined by line feeds. Control characters in a cell are shown as `?`.
    var text: String {
        let cells = rows.map { $0.map(Self.printable) }
        let widths = (0..<(cells.map(\.count).max() ?? 0)).map { column in
            cells.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        return cells.map { Self.line($0, widths) }.joined(separator: "\n")
    }

    /// One line of a table of which nobody knows what is to come: its columns have at least these widths.
    static func line(_ cells: [String], widths: [Int]) -> String { line(cells.map(printable), widths) }

    private static func line(_ cells: [String], _ widths: [Int]) -> String {
        var line = ""
        for (cell, width) in zip(cells, widths) {
            line += cell + String(repeating: " ", count: max(0, width - cell.count) + 2)
        }
        while line.last == " " { line.removeLast() }
        return line
    }

    private static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) ? "?" : $0 }))
    }
}
