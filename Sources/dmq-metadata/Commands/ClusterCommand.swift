import ArgumentParser
import Dispatch
import FoundationEssentials
import Glibc

struct ClusterCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cluster", abstract: "Run all nodes of the services file on this machine.",
        discussion: """
            Each node is a process of its own, its log comes with its name in front. Settings are those of serve, for \
            all nodes alike. Ctrl-C stops all of them; again, at once.
            """)

    @Option(help: ArgumentHelp("Where the nodes' directories node1, node2, … are.", valueName: "directory"))
    var dataDir = "data"

    @OptionGroup(title: "Settings")
    var options: ConfigurationOptions

    func validate() throws {
        for key in ClusterPlan.perNode where options.flags[key] != nil {
            let instead = key == .dataDirectory ? "; use --data-dir for the directory above all nodes'" : ""
            throw ValidationError("--\(key.rawValue) is for one node and can not be given here\(instead)")
        }
        guard options.bootstrap?.lowercased() != "force" else {
            throw ValidationError("--kraft.bootstrap=force is for one node: all of them would begin a cluster each")
        }
        guard !dataDir.isEmpty else { throw ValidationError("--data-dir is empty") }
    }

    func run() throws {
        let environment = ProcessInfo.processInfo.environment
        let plan: ClusterPlan
        do {
            plan = try ClusterPlan(
                flags: options.flags, environment: environment, dataDirectory: dataDir, readFile: readFile)
        } catch {
            throw CommandFailure(error)
        }
        SignalHandling.ignoreHangups()
        let output = LineOutput(descriptor: STDOUT_FILENO)
        let cluster = LocalCluster(output: output) { Glibc.exit($0) }
        let signals = SignalHandling.onTermination(queue: DispatchQueue(label: "dmq.signals")) { name, _ in
            output.showProgress(nil)
            output.writeLine("🛑 stopping all nodes (\(name))")
            cluster.stop()
        }
        try cluster.start(plan, environment: environment)
        DispatchQueue(label: "dmq.greeting").async {
            ClusterGreeting(plan: plan, output: output).run { cluster.isStopping }
        }
        withExtendedLifetime((cluster, signals)) { dispatchMain() }
    }
}
