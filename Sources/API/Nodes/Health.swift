import Server

/// `/healthz`, `/readyz` and `/metrics`.
enum Health {
    /// The process works: an event loop took the request. Says nothing about the cluster.
    @Sendable static func live(_ exchange: Exchange) throws(Problem) { exchange.answerText("ok\n") }

    @Sendable static func ready(_ exchange: Exchange) throws(Problem) {
        if let full = exchange.fullMemory { return exchange.answer(Problem(.notReady, full)) }
        exchange.service.read(.stale) { result in
            switch result {
            case .success(let view):
                guard let reason = view.status.notReady else { return exchange.answerText("ready\n") }
                exchange.answer(Problem(.notReady, reason))
            case .failure(.unavailable(let reason)): exchange.answer(Problem(.notReady, reason))
            case .failure(let failure): exchange.answer(failure)
            }
        }
    }

    @Sendable static func metrics(_ exchange: Exchange) throws(Problem) {
        exchange.service.metrics { text in
            exchange.answerText(text + exchange.requestMetrics, type: "text/plain; version=0.0.4; charset=utf-8")
        }
    }
}
