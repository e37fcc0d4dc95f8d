import HTTP

/// How the listener tells requests apart before they are handed on.
public enum RequestWeight {
    /// What only other nodes of the cluster ask for.
    @Sendable public static func isPeerPath(_ path: String) -> Bool {
        peerPaths.contains { path.utf8.starts(with: $0) }
    }

    private static let peerPaths = ["append", "vote", "snapshot", "timeout-now", "introduce"].map {
        Array("/api/v1/raft/\($0)".utf8)
    }

    /// About how many bytes the answer holds while it is sent: of a page of keys or of the log, or of all topics. What they
    /// show was part of the state when they began, and may be replaced in it meanwhile.
    @Sendable public static func ofAnswer(_ request: HTTPParsedRequest) -> Int {
        guard request.method == "GET" else { return 0 }
        let path = request.path.utf8
        if path.starts(with: keys) { return path.last == UInt8(ascii: "/") ? KeyValueReads.maxPageBytes : 0 }
        if path.elementsEqual(log) { return RaftState.maxPageBytes }
        return path.elementsEqual(cluster) ? clusterBytes : 0
    }

    private static let keys = Array("/api/v1/kv/".utf8)
    private static let log = Array("/api/v1/raft/log".utf8)
    private static let cluster = Array("/api/v1/metadata/cluster".utf8)
    /// Rows are shared with the state; so much may have been replaced in it.
    private static let clusterBytes = 2 * 1024 * 1024
}
