/// Bytes that are not what they should be: a peer's message, a log payload or a snapshot chunk.
public struct WireError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What was found and where, in one line.
    public var description: String

    public init(_ description: String) { self.description = description }
}
