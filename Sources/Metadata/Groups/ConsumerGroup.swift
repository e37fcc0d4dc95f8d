/// The consumers of one application that read one topic, and the broker that coordinates them. What they have read, and who of
/// them is there, that broker knows.
public struct ConsumerGroup: Equatable, Sendable {
    /// ``id(topic:appID:)``
    public let id: String
    /// Need not exist: a group outlives it.
    public let topic: String
    public let appID: String
    /// ACTIVE, unless no broker is.
    public internal(set) var leader: BrokerID
    /// Unix milliseconds.
    public let createdAt: Int64
    /// When it last got another leader, or came to be.
    public internal(set) var modifiedAt: Int64

    /// How many there may be.
    public static let maximumCount = 100_000
    /// Of the application's name, in bytes.
    public static let maximumAppIDLength = 255

    public init(topic: String, appID: String, leader: BrokerID, createdAt: Int64, modifiedAt: Int64) {
        id = Self.id(topic: topic, appID: appID)
        (self.topic, self.appID, self.leader) = (topic, appID, leader)
        (self.createdAt, self.modifiedAt) = (createdAt, modifiedAt)
    }

    /// As brokers expect it. With `_` in the names two pairs may have one.
    public static func id(topic: String, appID: String) -> String { "G_\(topic)_\(appID)" }

    /// An application has a name of printable ASCII, of which equal texts are equal bytes, and not of spaces alone.
    public static func isValidAppID(_ name: String) -> Bool {
        let bytes = name.utf8
        return bytes.count <= maximumAppIDLength && bytes.allSatisfy { (0x20...0x7e).contains($0) }
            && !bytes.allSatisfy { $0 == 0x20 }
    }
}

/// What may be done to groups. Who leads them is decided when it is applied.
public enum GroupCommand: Equatable, Sendable {
    /// The topic's group of that application; it comes to be if there is none.
    case find(topic: String, appID: String)
    case move(String, to: BrokerID)
    /// If that broker leads it.
    case delete(String, by: BrokerID)
}
