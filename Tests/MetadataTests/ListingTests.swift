import Metadata
import Testing

@Suite struct ListingTests {
    static let texts = [
        "/a", "/b", "/config", "/config/service", "/config/service-a", "/config/service/a", "/config/service/b/c",
        "/config/service0", "/config/x/y", "/config/z", "/d/e",
    ]

    func machine(_ texts: [String] = Self.texts) -> Machine {
        var machine = Machine()
        for text in texts { machine.put(text, "12345") }
        return machine
    }

    func texts(_ listing: Listing) -> [String] {
        listing.entries.map { entry in
            switch entry {
            case .keyValue(let pair): pair.key.description
            case .directory(let bytes): String(decoding: bytes, as: UTF8.self)
            }
        }
    }

    func list(
        _ machine: Machine, _ directory: String, recursive: Bool, after: String? = nil, limit: Int = 1000,
        bytes: Int = .max
    ) -> Listing {
        machine.state.list(
            below: Key(directory), isRecursive: recursive, after: after.map { Key($0) }, limit: limit, byteLimit: bytes)
    }

    @Test func aWholeSubtree() {
        let listing = list(machine(), "/config", recursive: true)
        #expect(texts(listing) == Array(Self.texts[3...9]))
        #expect(listing.next == nil)
        #expect(texts(list(machine(), "/", recursive: true)) == Self.texts)
        #expect(texts(list(machine(), "/a", recursive: true)) == [])
        #expect(texts(list(machine(), "/unknown", recursive: true)) == [])
    }

    @Test func directChildren() {
        #expect(
            texts(list(machine(), "/config", recursive: false)) == [
                "/config/service", "/config/service-a", "/config/service/", "/config/service0", "/config/x/",
                "/config/z",
            ])
        #expect(texts(list(machine(), "/", recursive: false)) == ["/a", "/b", "/config", "/config/", "/d/"])
        #expect(
            texts(list(machine(), "/config/service", recursive: false)) == ["/config/service/a", "/config/service/b/"])
    }

    @Test(arguments: [true, false], [1, 2, 3, 4, 5, 6, 7, 100])
    func pagesMakeUpTheWhole(recursive: Bool, limit: Int) {
        let machine = machine()
        for directory in ["/", "/config", "/config/service"] {
            let whole = texts(list(machine, directory, recursive: recursive))
            var pages: [String] = []
            var after: Key?
            repeat {
                let page = machine.state.list(
                    below: Key(directory), isRecursive: recursive, after: after, limit: limit, byteLimit: .max)
                #expect(page.entries.count == min(limit, whole.count - pages.count))
                pages += texts(page)
                after = page.next
                #expect(after == nil || after?.description == pages.last)
            } while after != nil && pages.count <= whole.count
            #expect(pages == whole)
        }
    }

    @Test func nextIsNilOnlyOnTheLastPage() {
        #expect(list(machine(), "/d", recursive: true, limit: 1).next == nil)
        #expect(list(machine(), "/", recursive: false, limit: 5).next == nil)
        #expect(list(machine(), "/", recursive: false, limit: 4).next == Key("/config/"))
    }

    @Test func bytesEndAPageToo() {
        #expect(list(machine(), "/", recursive: true, bytes: 25).entries.count == 2)
        #expect(list(machine(), "/", recursive: true, bytes: 26).entries.count == 3)
        #expect(list(machine(), "/", recursive: true, bytes: 0).entries.count == 1)
        #expect(list(machine(), "/", recursive: true, bytes: 0).next == Key("/a"))
        #expect(list(machine(), "/", recursive: true, limit: 0).entries.count == 1)
        #expect(list(machine(), "/", recursive: true, limit: -1).entries.count == 1)
    }

    @Test func afterNeedNotExist() {
        let machine = machine()
        #expect(texts(list(machine, "/", recursive: true, after: "/config/y")) == ["/config/z", "/d/e"])
        #expect(texts(list(machine, "/config", recursive: true, after: "/a")) == Array(Self.texts[3...9]))
        #expect(texts(list(machine, "/config", recursive: true, after: "/d")) == [])
        #expect(texts(list(machine, "/", recursive: false, after: "/")) == ["/a", "/b", "/config", "/config/", "/d/"])
    }

    @Test func aHugeDirectoryIsOneEntry() {
        var machine = machine()
        for number in 0..<5000 { machine.put("/big/\(number)") }
        machine.put("/bigger")
        #expect(
            texts(list(machine, "/", recursive: false)) == [
                "/a", "/b", "/big/", "/bigger", "/config", "/config/", "/d/",
            ])
        #expect(list(machine, "/big", recursive: true, limit: 10_000).entries.count == 5000)
    }

    @Test func keysBeyondASCII() {
        let machine = machine(["/\u{e9}/a", "/e\u{301}", "/\u{10FFFF}"])
        #expect(list(machine, "/", recursive: false).entries.count == 3)
        #expect(texts(list(machine, "/\u{e9}", recursive: true)) == ["/\u{e9}/a"])
    }
}
