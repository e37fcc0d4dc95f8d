import Metadata

/// The name of a lock, and where its queue stands: keys of its own, one for each who holds it or waits, which go with their
/// leases. Who came first has it, and the revision at which he came is his token.
struct LockName: Equatable, Sendable {
    let text: String

    /// 1 to 255 of `A-Za-z0-9._-`.
    init?(_ text: some StringProtocol) {
        let isAllowed = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard (1...255).contains(text.utf8.count), isAllowed else { return nil }
        self.text = String(text)
    }

    /// No path begins like this.
    private var prefix: [UInt8] { [0] + Array("lock/\(text)".utf8) + [0] }

    var queue: KeySpan { .prefix(prefix) }

    func place(of lease: LeaseID) -> Key { Key(validated: prefix + Array(String(lease).utf8)) }
}
