import Testing

@testable import Metadata

@Suite struct SortedBlocksTests {
    /// Against a set, while it grows over several blocks and shrinks again, in order and out of order.
    @Test(arguments: [1, 7, 513, 4000]) func isASortedSet(stride: Int) {
        var blocks = SortedBlocks<Int>()
        var present: Set<Int> = []
        let count = 4001
        for step in 0..<count {
            let element = step * stride % count
            blocks.insert(element)
            present.insert(element)
            #expect(blocks.count == present.count)
        }
        #expect(Array(blocks) == present.sorted())
        let held = blocks
        for step in 0..<count {
            let element = step * stride % count
            blocks.remove(element)
            present.remove(element)
            if step % 500 == 0 { #expect(Array(blocks) == present.sorted()) }
        }
        #expect(blocks.isEmpty && Array(blocks).isEmpty)
        #expect(Array(held) == Array(0..<count), "what holds a copy sees none of it")
    }
}
