import Synchronization

/// Requests by route, method and status: one atomic number for each combination, no lock.
final class RequestCounters: Sendable {
    /// Atomics can not be elements of an array, references to them can.
    private final class Counter: Sendable {
        let value = Atomic<UInt64>(0)
    }

    /// Every status that the API answers; the last place counts any other.
    private static let statuses = [200, 201, 204, 304, 400, 403, 404, 405, 409, 412, 413, 415, 421, 500, 503, 504]
    private static let statusPlaces = statuses.count + 1

    private let routes: [String]
    private let counters: [Counter]

    init(routes: [String]) {
        self.routes = routes + ["unknown"]
        counters = (0..<(self.routes.count * Method.allCases.count * Self.statusPlaces)).map { _ in Counter() }
    }

    /// - Parameter route: the place in `routes`; `nil` for a path of no route.
    func count(route: Int?, _ method: Method, status: Int) {
        let place = Self.statuses.firstIndex(of: status) ?? Self.statuses.count
        counters[offset(route ?? routes.count - 1, method.place, place)].value.add(1, ordering: .relaxed)
    }

    private func offset(_ route: Int, _ method: Int, _ status: Int) -> Int {
        (route * Method.allCases.count + method) * Self.statusPlaces + status
    }

    /// Prometheus text format; combinations that never occurred are left out.
    func text() -> String {
        var text = "# HELP dmq_http_requests_total Requests answered, by route, method and status.\n"
        text += "# TYPE dmq_http_requests_total counter\n"
        for (route, name) in routes.enumerated() {
            for method in Method.allCases {
                for status in 0..<Self.statusPlaces {
                    let value = counters[offset(route, method.place, status)].value.load(ordering: .relaxed)
                    guard value > 0 else { continue }
                    let code = status < Self.statuses.count ? String(Self.statuses[status]) : "other"
                    text +=
                        "dmq_http_requests_total{route=\"\(name)\",method=\"\(method.rawValue)\",status=\"\(code)\"} "
                    text += "\(value)\n"
                }
            }
        }
        return text
    }
}

extension Method {
    fileprivate var place: Int {
        switch self {
        case .get: 0
        case .head: 1
        case .put: 2
        case .post: 3
        case .delete: 4
        case .options: 5
        case .other: 6
        }
    }
}
