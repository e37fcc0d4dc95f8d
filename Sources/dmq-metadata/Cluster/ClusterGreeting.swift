import FoundationEssentials
import HTTP

/// Waits for the first leader and says what to try then.
struct ClusterGreeting {
    var plan: ClusterPlan
    var output: LineOutput

    /// Blocks until a leader is known, or `isCancelled`.
    func run(isCancelled: () -> Bool) {
        let http = BlockingHTTP()
        let began = ContinuousClock.now
        while !isCancelled() {
            for node in plan.nodes {
                let answer = http.send(.get("/api/v1/metadata/controller"), to: node.endpoint, timeout: .seconds(1))
                guard case .success(let response) = answer, response.status == 200,
                    let controller = try? response.decoded(ControllerAnswer.self)
                else { continue }
                output.showProgress(nil)
                output.writeLine(Self.text(controller, fallback: node.endpoint))
                return
            }
            if ContinuousClock.now - began > .seconds(1) { output.showProgress("waiting for a leader …") }
            ClusterClient.sleep(.milliseconds(100))
        }
        output.showProgress(nil)
    }

    static func text(_ controller: ControllerAnswer, fallback: Endpoint) -> String {
        let url = controller.url ?? fallback.description
        let term = controller.term.map { " in term \($0)" } ?? ""
        return """

            🎉 Node \(controller.controllerId) leads the cluster\(term). Try:

              curl \(url)/api/v1/metadata/controller
              curl -X PUT --data v1 \(url)/api/v1/kv/config/service/a
              curl \(url)/api/v1/kv/config/service/a
              curl \(url)/api/v1/kv/config/
              curl -H 'Content-Type: application/json' -d '{"brokerId":101,"host":"localhost","port":8081}' \\
                   \(url)/api/v1/metadata/brokers
              curl -H 'Content-Type: application/json' -d '{"topicName":"orders","numPartitions":3,"replicationFactor":1}' \\
                   \(url)/api/v1/metadata/topics
              curl \(url)/api/v1/metadata/cluster

            Only the leader takes writes; the other nodes answer 503 and name it in X-Controller-Url. Ctrl-C stops all.

            """
    }
}
