// Three builds, one way to ask. With the package trait `Defects` one defect can be on. Without it every question is the
// constant `false`, and the optimiser removes it with what hangs on it; a release does not even have the names.

#if Defects
    import Synchronization

    extension Defect {
        /// The number of the case that is on; none has the last one.
        private static let chosen = Atomic<UInt8>(.max)

        private var number: UInt8 { unsafeBitCast(self, to: UInt8.self) }

        public var isOn: Bool { Self.chosen.load(ordering: .relaxed) == number }

        /// From now on, in the whole process. To be called before any simulation starts.
        public func switchOn() { Self.chosen.store(number, ordering: .relaxed) }
    }
#elseif DEBUG
    extension Defect {
        @inlinable public var isOn: Bool { false }
    }
#else
    /// Stands for every defect's name.
    @dynamicMemberLookup
    public enum Defect {
        public struct Absent {
            @inlinable init() {}
            @inlinable public var isOn: Bool { false }
        }

        @inlinable public static subscript(dynamicMember name: StaticString) -> Absent { Absent() }
    }
#endif
