import HTTP

extension Router {
    /// Whether a request is one that must come through when clients have taken all connections: what the nodes say to each
    /// other, and what operators look at to see why nothing else does.
    public static func isEssential(_ request: HTTPParsedRequest) -> Bool {
        request.path.hasPrefix("/api/v1/raft/") || ["/healthz", "/readyz", "/metrics"].contains(request.path)
    }
}
