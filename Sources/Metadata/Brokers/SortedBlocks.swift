/// Different elements in ascending order, in blocks: one that comes or goes moves those of one block, and the first change behind
/// a copy copies one.
struct SortedBlocks<Element: Comparable & Sendable>: Sendable {
    static var maximumBlock: Int { 512 }
    /// None is empty.
    private var blocks: [[Element]] = []
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    /// One that is there already must not come again.
    mutating func insert(_ element: Element) {
        count += 1
        // What comes in order fills its blocks.
        guard let last = blocks.last?.last, element < last else { return append(element) }
        let block = blocks.partitioningIndex { !($0[$0.count - 1] < element) }
        let place = blocks[block].partitioningIndex { !($0 < element) }
        precondition(blocks[block][place] != element, "\(element) came twice")
        blocks[block].insert(element, at: place)
        guard blocks[block].count > Self.maximumBlock else { return }
        let half = blocks[block].count / 2
        blocks.insert(Array(blocks[block][half...]), at: block + 1)
        blocks[block].removeSubrange(half...)
    }

    private mutating func append(_ element: Element) {
        let last = blocks.count - 1
        guard last >= 0, blocks[last].count < Self.maximumBlock else { return blocks.append([element]) }
        precondition(blocks[last].last != element, "\(element) came twice")
        blocks[last].append(element)
    }

    /// It must be there.
    mutating func remove(_ element: Element) {
        let block = blocks.partitioningIndex { !($0[$0.count - 1] < element) }
        precondition(block < blocks.count, "\(element) is not there")
        let place = blocks[block].partitioningIndex { !($0 < element) }
        precondition(blocks[block][place] == element, "\(element) is not there")
        blocks[block].remove(at: place)
        count -= 1
        let next = block + 1
        if next < blocks.count, blocks[block].count + blocks[next].count <= Self.maximumBlock / 2 {
            blocks[block] += blocks.remove(at: next)
        } else if blocks[block].isEmpty {
            blocks.remove(at: block)
        }
    }
}

extension SortedBlocks: Sequence {
    func makeIterator() -> FlattenSequence<[[Element]]>.Iterator { blocks.joined().makeIterator() }
}
