import HTTP
import Metadata
import Server

/// The conditions of a request on the present version of a key: `If-Match` and `If-None-Match` (RFC 9110 §13.1).
struct Conditions: Sendable {
    enum Verdict { case holds, matchFailed, noneMatchFailed }

    /// The value of one field.
    private enum Wanted: Equatable {
        /// `*`: any present version.
        case any
        case tags([EntityTag])
    }

    private let match: Wanted?
    private let noneMatch: Wanted?

    static let matchField = "If-Match"
    static let noneMatchField = "If-None-Match"

    init(_ headers: HTTPHeaders) throws(Problem) {
        match = try Self.read(Self.matchField, headers)
        noneMatch = try Self.read(Self.noneMatchField, headers)
    }

    var isEmpty: Bool { match == nil && noneMatch == nil }

    /// In the order of RFC 9110 §13.2.2. `present` is the key's mod revision, if it exists.
    func verdict(present: UInt64?) -> Verdict {
        let tag = present.map { EntityTag(opaque: String($0), isWeak: false) }
        switch match {
        case nil: break
        case .any: if tag == nil { return .matchFailed }
        // Strong comparison: a weak tag is never enough to overwrite something.
        case .tags(let tags): if !tags.contains(where: { $0 == tag }) { return .matchFailed }
        }
        switch noneMatch {
        case nil: break
        case .any: if tag != nil { return .noneMatchFailed }
        case .tags(let tags): if tags.contains(where: { $0.opaque == tag?.opaque }) { return .noneMatchFailed }
        }
        return .holds
    }

    /// The same as the state machine can compare when it applies a command; `nil` for what it has no word for.
    var precondition: Precondition? {
        switch (match, noneMatch) {
        case (nil, nil): Precondition.none
        case (nil, .any): .absent
        case (.tags(let tags), nil) where tags.count == 1: tags[0].revision.map(Precondition.modRevision)
        default: nil
        }
    }

    /// Several lines of one field are one list (RFC 9110 §5.3).
    private static func read(_ name: String, _ headers: HTTPHeaders) throws(Problem) -> Wanted? {
        guard headers.contains(name) else { return nil }
        let value = headers.all(name).joined(separator: ",")
        if value == "*" { return .any }
        guard let tags = EntityTag.list(value), !tags.isEmpty else {
            throw Problem(
                .invalidPrecondition,
                "\(name) must be * or a list of entity tags, revisions in quotes such as \"12\"")
        }
        return .tags(tags)
    }
}

/// An entity tag (RFC 9110 §8.8.3).
struct EntityTag: Equatable, Sendable {
    var opaque: String
    var isWeak: Bool

    /// The revision that it stands for, if it can be one of ours.
    var revision: UInt64? {
        guard !isWeak, let revision = UInt64(opaque), String(revision) == opaque else { return nil }
        return revision
    }

    /// Reads a list of tags; `nil` if it is none. The quotes around a revision may be missing: shells eat them.
    static func list(_ text: String) -> [EntityTag]? {
        var tags: [EntityTag] = []
        var rest = text.utf8[...]
        while true {
            rest = rest.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: ",") }
            guard !rest.isEmpty else { return tags }
            guard let tag = next(&rest) else { return nil }
            tags.append(tag)
            rest = rest.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
            guard rest.isEmpty || rest.first == UInt8(ascii: ",") else { return nil }
        }
    }

    private static func next(_ rest: inout Substring.UTF8View) -> EntityTag? {
        let isWeak = rest.starts(with: "W/".utf8)
        var after = isWeak ? rest.dropFirst(2) : rest
        let quote = UInt8(ascii: "\"")
        if after.first == quote {
            after = after.dropFirst()
            guard let end = after.firstIndex(of: quote) else { return nil }
            let opaque = after[..<end]
            guard opaque.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else { return nil }
            rest = after[after.index(after: end)...]
            return EntityTag(opaque: String(Substring(opaque)), isWeak: isWeak)
        }
        let digits = after.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard !isWeak, !digits.isEmpty else { return nil }
        rest = after[digits.endIndex...]
        return EntityTag(opaque: String(Substring(digits)), isWeak: false)
    }
}

extension Exchange {
    /// How often a key may change between a look at it and the command that stands on that look.
    private static let maxLooks = 8

    /// Proposes a write, so that it happens exactly if `conditions` hold for `key` at the moment of the change. `answer` gets
    /// the result, refusals and failures excepted.
    func submit(
        _ write: KeyWrite, to key: Key, if conditions: Conditions, answer: @escaping @Sendable (CommandResult) -> Void
    ) {
        guard let precondition = conditions.precondition else {
            return look(write, to: key, if: conditions, looksLeft: Self.maxLooks, answer)
        }
        service.submit(write.command(if: precondition)) { [self] result in
            switch result.map(write.plainResult) {
            case .success(.refused(let refusal)): self.answer(refusal)
            case .success(let result): answer(result)
            case .failure(let failure): self.answer(failure)
            }
        }
    }

    /// What the state machine can not compare is decided on the present revision, and holds if that is still the present
    /// one when the command is applied.
    private func look(
        _ write: KeyWrite, to key: Key, if conditions: Conditions, looksLeft: Int,
        _ answer: @escaping @Sendable (CommandResult) -> Void
    ) {
        read(.linearizable) { [self] view in
            let present = view.metadata.value(key)?.modRevision
            guard conditions.verdict(present: present) == .holds else {
                return self.answer(Problem(.revisionMismatch(present: present)))
            }
            service.submit(write.command(if: present.map(Precondition.modRevision) ?? .absent)) { [self] result in
                switch result.map(write.plainResult) {
                case .success(.refused(.revisionMismatch)) where looksLeft > 1:
                    look(write, to: key, if: conditions, looksLeft: looksLeft - 1, answer)
                case .success(.refused(.revisionMismatch)):
                    self.answer(.overloaded)
                case .success(.refused(let refusal)): self.answer(refusal)
                case .success(let result): answer(result)
                case .failure(let failure): self.answer(failure)
                }
            }
        }
    }
}
