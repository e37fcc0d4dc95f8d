/// What an answer of the product sets, and somebody else waits for. Confined to the simulation's thread.
final class Flag: @unchecked Sendable { var value = false }
