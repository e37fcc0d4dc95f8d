/// What is done to a cluster.
enum Fault: String, CaseIterable {
    // To processes and disks
    case kill = "kill -9"
    case pause = "SIGSTOP, SIGCONT"
    case allDown = "all killed, all up"
    case rollingRestart = "rolling restart"
    case fullDisk = "full disk"
    // To the roads between nodes
    case isolation = "leader isolated"
    case split = "minority split off"
    case bridge = "bridge"
    case deaf = "one way, hears nobody"
    case mute = "one way, unheard"
    case torn = "connections reset"
    case loss = "packet loss"
    case delay = "delay"
    // To the roads of clients
    case clientsCut = "leader without clients"
    case answersLost = "leader's answers lost"

    /// Those of processes that can be done together with one of the roads between nodes.
    static let ofProcesses: [Fault] = [.kill, .pause, .allDown, .rollingRestart]
    static let ofRoads: [Fault] = [.isolation, .split, .bridge, .deaf, .mute, .torn, .loss, .delay]

    /// Whether a majority stays connected to itself and to clients, so that writes must go on before the fault ends.
    var leavesService: Bool { ![.allDown, .clientsCut, .answersLost].contains(self) }
}
