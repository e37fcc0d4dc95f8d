import HTTP

/// How the listener tells requests apart before they are handed on.
public enum RequestKind {
    private static let raft = "/api/v1/raft/"
    private static let peerPaths = Set(["append", "vote", "snapshot", "timeout-now", "introduce"].map { raft + $0 })
    private static let operatorPaths: Set = ["/healthz", "/readyz", "/metrics"]

    /// What only other nodes of the cluster ask for.
    @Sendable public static func isPeerPath(_ path: String) -> Bool {
        path.hasPrefix(raft) && peerPaths.contains(path)
    }

    /// Whether a request is one that must come through when clients have taken all connections: what the nodes say to each
    /// other, and what operators look at to see why nothing else does.
    @Sendable public static func isEssential(_ request: HTTPParsedRequest) -> Bool {
        request.path.hasPrefix(raft) || operatorPaths.contains(request.path)
    }

    /// About how many bytes the answer holds while it is sent: of a page of keys or of the log, or of all topics. What they
    /// show was part of the state when they began, and may be replaced in it meanwhile.
    @Sendable public static func ofAnswer(_ request: HTTPParsedRequest) -> Int {
        guard request.method == "GET" else { return ofChange(request) }
        switch request.path {
        case "/api/v1/raft/log": return RaftState.maxPageBytes
        case "/api/v1/metadata/cluster": return clusterBytes
        case "/api/v1/metadata/changes", "/api/v1/metadata/snapshot":
            // One that waits holds nothing, and is alone on its connection all the same.
            let isWaiting = request.query.map { $0.contains("wait=") || $0.contains("watch=") } ?? false
            return isWaiting ? waitingBytes : clusterBytes
        case "/api/v1/metadata/partitions", "/api/v1/metadata/stop-check", "/api/v1/metadata/consumer-groups",
            "/api/v1/metadata/reassignments":
            return clusterBytes
        case let path where path.hasPrefix("/api/v1/kv/"):
            // A watch holds what it sends next, and no more.
            if request.query?.contains("watch=") == true { return 0 }
            return path.utf8.last == UInt8(ascii: "/") ? KeyValueReads.maxPageBytes : 0
        default: return 0
        }
    }

    /// What an operator's change came to may be thousands of rows; those that were only tried are nobody else's.
    private static func ofChange(_ request: HTTPParsedRequest) -> Int {
        if request.path == "/api/v1/metadata/rehearsals" { return rehearsalBytes }
        let isTried = request.query?.contains("validateOnly") ?? false
        let isOfPartitions =
            request.path.hasPrefix("/api/v1/metadata/topics/") || request.path == "/api/v1/metadata/reassignments"
        return isTried || isOfPartitions ? clusterBytes : 0
    }

    /// Rows are shared with the state; so much may have been replaced in it.
    private static let waitingBytes = 1024
    private static let clusterBytes = 2 * 1024 * 1024
    private static let rehearsalBytes = 4 * 1024 * 1024
}
