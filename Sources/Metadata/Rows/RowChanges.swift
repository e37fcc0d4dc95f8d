import Defects

/// The rows that changed up to one moment, in ascending order within portions: handed out one by one, so that no turn of
/// anybody's grows with their number. A key that went and came again may come twice, with the same value.
///
/// Either a list, or the keys of the rows and the state that they are looked up in. That is a copy: it costs nothing, and
/// later changes leave it as it is.
public struct RowChanges: Sequence, IteratorProtocol, Sendable {
    private var listed: ArraySlice<RowChange>
    private var portions: ChangedRows.Portions?
    private var keys: ArraySlice<RowKey> = []
    private let image: MetadataStateMachine?
    private var past: PastVersions?

    public init(_ changes: [RowChange] = []) {
        listed = changes[...]
        image = nil
    }

    init(_ changed: ChangedRows, in image: MetadataStateMachine) {
        listed = []
        portions = ChangedRows.Portions(changed)
        let isForgotten = Defect.pastNotStored.isOn
        past = isForgotten ? nil : PastVersions(image.history, after: changed.takenRevision)
        self.image = image
    }

    public mutating func next() -> RowChange? {
        if let change = listed.popFirst() { return change }
        while keys.isEmpty {
            guard let portion = portions?.next() else { return past?.next().map { RowChange(.pastVersion($0)) } }
            keys = portion[...]
        }
        return keys.popFirst().map { RowChange(key: $0, row: image?.row($0)) }
    }
}

extension MetadataStateMachine {
    /// As ``takeChangedRows()``, but nothing is sorted and looked up before it is asked for.
    public mutating func takeRowChanges() -> RowChanges {
        let taken = changedRows
        changedRows = ChangedRows(takenRevision: counters.revision)
        return RowChanges(taken, in: self)
    }
}
