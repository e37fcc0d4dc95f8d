import ArgumentParser
import HTTP
import Synchronization

/// What would happen, and nothing does.
struct RehearseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rehearse", abstract: "Say what would happen if brokers were lost, came back, and so on.",
        usage: "dmq-metadata rehearse [--lose 101,102] [--lose-rack a] [--return 101] [--elect preferred] …",
        discussion: """
            The steps are tried one after the other, in the order in which they are given, on a copy of the cluster's state. \
            Exit code 1 when one of them is refused.
            """)

    @OptionGroup var client: ClientOptions
    @Option(
        help: ArgumentHelp("These brokers are lost.", valueName: "ids"),
        transform: { try RehearsedStep(listed: $0, "lose") }) var lose: [RehearsedStep] = []
    @Option(
        help: ArgumentHelp("All brokers of this rack are lost.", valueName: "rack"),
        transform: { RehearsedStep("lose", "{\"rack\":\(jsonString($0))}") }) var loseRack: [RehearsedStep] = []
    @Option(
        name: .customLong("return"), help: ArgumentHelp("These brokers come back.", valueName: "ids"),
        transform: { try RehearsedStep(listed: $0, "return") }) var bringBack: [RehearsedStep] = []
    @Option(
        name: .customLong("return-rack"),
        help: ArgumentHelp("All brokers of this rack come back.", valueName: "rack"),
        transform: { RehearsedStep("return", "{\"rack\":\(jsonString($0))}") }) var bringBackRack: [RehearsedStep] = []
    @Option(
        help: ArgumentHelp("Partitions go back to the first of their replicas.", valueName: "preferred"),
        transform: { RehearsedStep("elect", jsonString($0)) }) var elect: [RehearsedStep] = []
    @Option(
        help: ArgumentHelp("This topic is deleted.", valueName: "name"),
        transform: { RehearsedStep("deleteTopic", "{\"topicName\":\(jsonString($0))}") })
    var deleteTopic: [RehearsedStep] = []
    @Option(help: ArgumentHelp("Read {\"steps\":[…]} from a file, with any step the server knows.", valueName: "path"))
    var file: String?

    private var steps: [RehearsedStep] {
        (lose + loseRack + bringBack + bringBackRack + elect + deleteTopic).sorted { $0.place < $1.place }
    }

    func validate() throws {
        guard steps.isEmpty == (file != nil) else { throw ValidationError("give steps, such as --lose 101, or --file") }
    }

    var body: String { "{\"steps\":[\(steps.map(\.json).joined(separator: ","))]}" }

    func run() throws {
        let request = ClientRequest(
            method: "POST", path: "/api/v1/metadata/rehearsals", headers: [("Content-Type", "application/json")],
            body: try file.map { try KVCommand.read($0) } ?? Array(body.utf8))
        let response = try client.makeClient().send(request).successful()
        let rehearsal = try response.decoded(RehearsalAnswer.self)
        try StandardOutput.writeLine(client.json ? response.text : Self.describe(rehearsal))
        if rehearsal.steps.contains(where: { $0.refusal != nil }) { throw ExitCode(ExitStatus.failure.rawValue) }
    }

    private static func describe(_ rehearsal: RehearsalAnswer) -> String {
        var steps = Table("STEP", "", "LEADERLESS", "UNDER MIN ISR", "UNDER-REPLICATED", "MOVES", "REFUSED")
        func add(_ number: Int, _ name: String, _ counts: RehearsalAnswer.Counts, _ refusal: ProblemAnswer?) {
            steps.add(
                "\(number)", name, "\(counts.leaderless)", "\(counts.underMinIsr)", "\(counts.underReplicated)",
                counts.moves.map(String.init) ?? "-", refusal?.detail ?? "")
        }
        add(0, "now", rehearsal.before.counts, nil)
        for (number, step) in zip(1..., rehearsal.steps) { add(number, step.step, step.counts, step.refusal) }
        var brokers = Table("BROKER", "STATE", "LEADERS", "WOULD BE", "LEADERS")
        let last = rehearsal.steps.last?.brokers ?? rehearsal.before.brokers
        for broker in last {
            let now = rehearsal.before.brokers.first { $0.brokerId == broker.brokerId }
            brokers.add(
                "\(broker.brokerId)", now?.state ?? "-", now.map { "\($0.leaders)" } ?? "-", broker.state,
                "\(broker.leaders)")
        }
        return steps.text + "\n\n" + brokers.text
    }
}

/// A step as it is sent, and where it stood among the arguments: they are transformed in their order, whichever option each
/// belongs to.
struct RehearsedStep: Sendable {
    let place: Int
    let json: String
    private static let count = Atomic<Int>(0)

    init(_ name: String, _ value: String) {
        place = Self.count.wrappingAdd(1, ordering: .relaxed).newValue
        json = "{\(jsonString(name)):\(value)}"
    }

    init(listed text: String, _ name: String) throws {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        let ids = parts.compactMap { Int64($0) }
        guard ids.count == parts.count else {
            throw ValidationError("'\(text)' is no list of brokers, such as 101,102")
        }
        self.init(name, "{\"brokers\":[\(ids.map(String.init).joined(separator: ","))]}")
    }
}
