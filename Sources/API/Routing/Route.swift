import HTTP
import Wire

/// A path, and what may be done there.
struct Route: Sendable {
    typealias Handler = @Sendable (Exchange) throws(Problem) -> Void

    /// What follows the fixed part of the path.
    enum Tail: Sendable {
        case none
        /// One segment that is not empty.
        case segment
        /// Whatever comes.
        case rest
    }

    /// The path as written in the table; the name of the route in metrics.
    let template: String
    let operations: [Operation]
    private let fixed: [UInt8]
    private let tail: Tail
    /// What comes behind the tail.
    private let suffix: [UInt8]

    /// - Parameter template: has `{name}` for one segment, which more of the path may follow, or ends in `{name...}` for the rest.
    init(_ template: String, _ operations: Operation...) {
        self.template = template
        self.operations = operations
        let parts = template.split(whereSeparator: "{}".contains)
        fixed = Array(parts[0].utf8)
        tail = parts.count == 1 ? .none : parts[1].hasSuffix("...") ? .rest : .segment
        suffix = parts.count == 3 ? Array(parts[2].utf8) : []
    }

    /// The part of `path` that stands for the name, still percent-encoded; `nil` when `path` is another route's.
    func match(_ path: [UInt8]) -> ArraySlice<UInt8>? {
        guard path.count >= fixed.count + suffix.count, path[..<fixed.count] == fixed[...],
            path[(path.count - suffix.count)...] == suffix[...]
        else { return nil }
        let rest = path[fixed.count..<(path.count - suffix.count)]
        switch tail {
        case .none: return rest.isEmpty ? rest : nil
        case .segment: return rest.isEmpty || rest.contains(UInt8(ascii: "/")) ? nil : rest
        case .rest: return rest
        }
    }

    /// `HEAD` is answered wherever `GET` is (RFC 9110 §9.3.2); the server leaves the body out.
    func operation(for method: Method) -> Operation? {
        let wanted = method == .head ? .get : method
        return operations.first { $0.method == wanted }
    }

    /// Whether the body is JSON that is going to be parsed: not octets that are kept as they are, nor nodes' dense messages.
    func parsesJSON(of request: HTTPRequest) -> Bool {
        guard request.method == "POST" else { return false }
        return request.headers["Content-Type"].map { !MediaType.isSame($0, MessageCodec.contentType) } ?? true
    }

    /// The value of `Allow`.
    var allow: String {
        let methods = operations.flatMap { $0.method == .get ? ["GET", "HEAD"] : [$0.method.rawValue] }
        return (methods + ["OPTIONS"]).joined(separator: ", ")
    }
}

/// What one method does at a path, and the names of the query parameters that it knows.
struct Operation: Sendable {
    let method: Method
    let handle: Route.Handler
    let parameters: [String]

    static func get(_ handle: @escaping Route.Handler, _ parameters: String...) -> Operation {
        Operation(method: .get, handle: handle, parameters: parameters)
    }

    static func get(_ handle: @escaping Route.Handler, _ parameters: [String]) -> Operation {
        Operation(method: .get, handle: handle, parameters: parameters)
    }

    static func put(_ handle: @escaping Route.Handler, _ parameters: String...) -> Operation {
        Operation(method: .put, handle: handle, parameters: parameters)
    }

    static func post(_ handle: @escaping Route.Handler, _ parameters: String...) -> Operation {
        Operation(method: .post, handle: handle, parameters: parameters)
    }

    static func delete(_ handle: @escaping Route.Handler, _ parameters: String...) -> Operation {
        Operation(method: .delete, handle: handle, parameters: parameters)
    }
}

enum Method: String, Sendable, CaseIterable {
    case get = "GET"
    case head = "HEAD"
    case put = "PUT"
    case post = "POST"
    case delete = "DELETE"
    case options = "OPTIONS"
    /// Any that no route has.
    case other = "OTHER"
}
