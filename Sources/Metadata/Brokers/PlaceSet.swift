/// Some of the first places from 0 on, which are found in their order.
struct PlaceSet {
    private var words: [UInt64]

    init(none size: Int) { words = Array(repeating: 0, count: (size + 63) / 64) }

    init(all size: Int) {
        words = Array(repeating: .max, count: (size + 63) / 64)
        if size % 64 > 0 { words[words.count - 1] = 1 << UInt64(size % 64) - 1 }
    }

    var isEmpty: Bool { words.allSatisfy { $0 == 0 } }

    mutating func insert(_ place: Int) { words[place / 64] |= 1 << UInt64(place % 64) }
    mutating func remove(_ place: Int) { words[place / 64] &= ~(1 << UInt64(place % 64)) }

    func intersection(_ other: PlaceSet) -> PlaceSet {
        var common = self
        for index in words.indices { common.words[index] &= other.words[index] }
        return common
    }

    /// All of them: from `start` up, then those before it.
    func places(from start: Int) -> Rotated { Rotated(words, from: start) }

    struct Rotated: Sequence, IteratorProtocol {
        private let words: [UInt64]
        private let start: Int
        private var index: Int
        /// What is left of the word at `index`.
        private var word: UInt64
        private var hasWrapped = false

        fileprivate init(_ words: [UInt64], from start: Int) {
            (self.words, self.start, index) = (words, start, start / 64)
            word = words[index] & (.max << UInt64(start % 64))
        }

        mutating func next() -> Int? {
            while word == 0 {
                if hasWrapped, index == start / 64 { return nil }
                index = index + 1 == words.count ? 0 : index + 1
                hasWrapped = hasWrapped || index == 0
                word = words[index]
                if hasWrapped, index == start / 64 { word &= ~(.max << UInt64(start % 64)) }
            }
            defer { word &= word - 1 }
            return index * 64 + word.trailingZeroBitCount
        }
    }
}
