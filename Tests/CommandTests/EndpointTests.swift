import Testing

@testable import dmq_metadata

@Suite struct EndpointTests {
    @Test(arguments: [
        ("http://localhost:9091", "http://localhost:9091"), ("HTTP://h:1/", "http://h:1"), ("h", "http://h:80"),
        ("127.0.0.1:65535", "http://127.0.0.1:65535"), ("http://[::1]:9091", "http://[::1]:9091"),
        ("[::1]", "http://[::1]:80"),
    ])
    func reads(text: String, expected: String) { #expect(Endpoint(text)?.description == expected) }

    @Test(arguments: [
        "", "http://", "https://h:1", "h:", "h:0", "h:65536", "h:+1", "h:1x", "h:1/path", "a b", "::1", "[::1", "[h]:1",
        "u@h:1", "[::1]x",
    ])
    func refuses(text: String) { #expect(Endpoint(text) == nil) }

    @Test func tables() {
        var table = Table("A", "LONG", "C")
        table.add("1", "2", "")
        table.add("wide\n", "x", "z")
        #expect(table.text == "A      LONG  C\n1      2\nwide?  x     z")
    }
}
