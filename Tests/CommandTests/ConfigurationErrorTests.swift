import Testing

@testable import dmq_metadata

/// Every complaint names the key, where it came from, and what would be right.
@Suite struct ConfigurationErrorTests {
    @Test func missingNodeID() {
        #expect(
            complaint()
                == "kraft.node-id is not set: say which of the nodes in etc/services.json (1, 2, 3) this one is, "
                + "with --kraft.node-id 1 or KRAFT_NODE_ID")
    }

    @Test(arguments: ["abc", "0", "-1", "+1", "1.5", "1 ", "99999999999999999999", ""])
    func nodeIDThatIsNoID(text: String) {
        #expect(
            complaint([.nodeID: text])
                == "kraft.node-id = \"\(text)\" (from flag --kraft.node-id): not a positive integer; "
                + "the nodes in etc/services.json are 1, 2, 3")
    }

    @Test func nodeIDOfNoNode() {
        #expect(
            complaint(environment: ["KRAFT_NODE_ID": "9"])
                == "kraft.node-id = \"9\" (from environment variable KRAFT_NODE_ID): no such node in etc/services.json; "
                + "the nodes there are 1, 2, 3")
    }

    @Test func wrongValuesFromAFileNameTheLine() {
        let files = ["c.yml": "# ports\nserver:\n  port: 70000\n"]
        #expect(
            complaint([.nodeID: "1", .configurationFile: "c.yml"], files: files)
                == "server.port = \"70000\" (from c.yml:3): out of range; a port is a number from 1 to 65535")
    }

    @Test(
        arguments: [
            (.serverPort, "x", "not an integer; a port is a number from 1 to 65535"),
            (.serverPort, "0", "out of range; a port is a number from 1 to 65535"),
            (.electionTimeout, "5s", "not an integer; give milliseconds from 10 to 600000"),
            (.electionTimeout, "9", "out of range; give milliseconds from 10 to 600000"),
            (.electionTimeoutJitter, "0", "out of range; give milliseconds from 1 to 600000"),
            (.heartbeatInterval, "-5", "out of range; give milliseconds from 1 to 600000"),
            (.brokerHeartbeatTimeout, "0", "out of range; give milliseconds from 1 to 86400000"),
            (.brokerHeartbeatCheckInterval, "3600001", "out of range; give milliseconds from 1 to 3600000"),
            (.clusterSize, "5", "etc/services.json lists 3 nodes; make the two equal, or leave kraft.cluster-size out"),
            (
                .clusterSize, "three",
                "etc/services.json lists 3 nodes; make the two equal, or leave kraft.cluster-size out"
            ),
            (.dataDirectory, "", "empty; give the directory for this node's database"),
            (.bootstrap, "always", "no such way to start; the ways are auto, never and force"),
            (.bootstrap, "", "no such way to start; the ways are auto, never and force"),
            (.repair, "yes", "no such way to repair; the ways are never and automatic"),
            (
                .rejoin, "12ab",
                "not a directory's id; give the 32 hexadecimal digits that the node's log says, or leave kraft.rejoin out"
            ),
            (
                .serverHost, "db1",
                "not a numeric address; give the address to listen on, such as 127.0.0.1, 0.0.0.0 or ::, or * for all"
            ),
            (.logLevel, "loud", "no such level; the levels are trace, debug, info, notice, warning, error, critical"),
            (.logFormat, "xml", "no such format; the formats are text and json"),
            (.servicesFile, "no.json", "there is no such file; give the path of the file that lists the nodes"),
            (.servicesFile, "/denied", "it can not be read (Permission denied); let the service's user read it"),
            (.configurationFile, "no.yml", "there is no such file; give the path of a file like etc/application.yml"),
            (.configurationFile, "/denied", "it can not be read (Permission denied); let the service's user read it"),
        ] as [(ConfigurationKey, String, String)])
    func wrongValue(key: ConfigurationKey, value: String, text: String) {
        let origin = "\(key.rawValue) = \"\(value)\" (from flag --\(key.rawValue)): "
        #expect(complaint([.nodeID: "1"].merging([key: value]) { $1 }) == origin + text)
    }

    @Test func heartbeatsAreFasterThanElections() {
        #expect(
            complaint([.nodeID: "1", .electionTimeout: "1500"])
                == "kraft.raft.heartbeat-interval-ms = 1500 (from default) is not below kraft.raft.election-timeout-ms = 1500 "
                + "(from flag --kraft.raft.election-timeout-ms): followers would give up a healthy leader; make the "
                + "heartbeat interval a third of the election timeout or less")
        let text = complaint([.nodeID: "1"], environment: ["KRAFT_RAFT_HEARTBEAT_INTERVAL_MS": "4000"])
        #expect(text.contains("(from environment variable KRAFT_RAFT_HEARTBEAT_INTERVAL_MS)"))
        #expect(text.contains("= 4000 (from etc/services.json)"))
    }

    @Test func electionTimeoutOfTheServicesFileIsChecked() {
        let services =
            #"{"services":{"metadata-services":[{"id":1,"host":"h","port":1}]},"controller":{"electionTimeoutMs":0}}"#
        #expect(
            complaint([.nodeID: "1"], files: ["etc/services.json": services])
                == "etc/services.json: controller.electionTimeoutMs is 0; give milliseconds from 10 to 600000")
    }

    @Test func noServicesFile() throws {
        let sources = try ConfigurationSources(flags: [.nodeID: "1"], readFile: reader([:]))
        #expect(
            throws: ConfigurationError(
                "there is neither etc/services.json nor /etc/dmq-metadata/services.json: give the file that lists the nodes "
                    + "with --kraft.services-file or KRAFT_SERVICES_FILE")
        ) { try ConfigurationReader(sources: sources).read() }
    }

    @Test(arguments: [
        ("kraft:\n  nodeid: 1", "c.yml:2:3: unknown key \"kraft.nodeid\"; did you mean \"kraft.node-id\"?"),
        ("spring: x", "c.yml:1:1: unknown key \"spring\"; see etc/application.yml for those there are"),
        ("server: x", "c.yml:1:1: unknown key \"server\"; see etc/application.yml for those there are"),
        ("config: x", "c.yml:1:1: \"config\" has no place in a file; give it as a flag"),
        ("logging:\n  level:\n", "c.yml:2:3: logging.level has no value; give it one or remove the line"),
        ("logging.level: ~", "c.yml:1:1: logging.level has no value; give it one or remove the line"),
        ("logging:\n\tlevel: info", "c.yml:2:1: a tab can not indent in YAML; use spaces"),
    ])
    func wrongFile(text: String, expected: String) {
        #expect(complaint([.nodeID: "1", .configurationFile: "c.yml"], files: ["c.yml": text]) == expected)
    }

    @Test func sectionsWithoutKeysAreNoMistake() {
        let files = ["c.yml": "kraft:\n  # node-id: 1\n  raft:\nserver: # nothing\n"]
        #expect(complaint([.nodeID: "1", .configurationFile: "c.yml"], files: files) == "")
    }
}
