import ArgumentParser
import Testing

@testable import dmq_metadata

@Suite struct ArgumentTests {
    private func parse<Command: ParsableCommand>(_ arguments: String..., as type: Command.Type) throws -> Command {
        try #require(try Entry.parseAsRoot(arguments) as? Command)
    }

    @Test func serveIsTheDefault() throws {
        #expect(try parse("--kraft.node-id", "1", as: ServeCommand.self).options.flags == [.nodeID: "1"])
        #expect(try parse("--kraft.node-id=1", as: ServeCommand.self).options.flags == [.nodeID: "1"])
        #expect(try parse(as: ServeCommand.self).options.flags == [:])
        #expect(
            try parse("serve", "--kraft.data-dir=a=b", as: ServeCommand.self).options.flags == [.dataDirectory: "a=b"])
    }

    @Test func bootstrapHasANameOfItsOwn() throws {
        #expect(try parse("serve", "--bootstrap", as: ServeCommand.self).flags == [.bootstrap: "force"])
        #expect(try parse("--bootstrap", "--kraft.node-id=1", as: ServeCommand.self).flags[.bootstrap] == "force")
        #expect(try parse("serve", "--kraft.bootstrap", "never", as: ServeCommand.self).flags == [.bootstrap: "never"])
    }

    @Test(arguments: ConfigurationKey.allCases, [true, false])
    func everyKeyIsAFlag(key: ConfigurationKey, isJoined: Bool) throws {
        let arguments = isJoined ? ["--\(key.rawValue)=7"] : ["--\(key.rawValue)", "7"]
        let command = try #require(try Entry.parseAsRoot(arguments) as? ServeCommand)
        #expect(command.options.flags == [key: "7"])
    }

    @Test func rehearsedStepsStayInTheirOrder() throws {
        let command = try parse(
            "rehearse", "--lose-rack", "a\"", "--lose", "2,1", "--return-rack=a", "--delete-topic", "t", "--lose=3",
            "--elect", "preferred", "--return", "1", as: RehearseCommand.self)
        #expect(
            command.body == #"{"steps":[{"lose":{"rack":"a\""}},{"lose":{"brokers":[2,1]}},{"return":{"rack":"a"}},"#
                + #"{"deleteTopic":{"topicName":"t"}},{"lose":{"brokers":[3]}},{"elect":"preferred"},"#
                + #"{"return":{"brokers":[1]}}]}"#)
    }

    @Test(arguments: [
        ["--bogus"], ["--kraft.node-id"], ["nonsense"], ["kv", "put", "a"], ["kv", "put", "a", "b", "--file", "c"],
        ["kv", "get", ""], ["kv", "get", "a/"], ["kv", "delete", "--recursive", ""], ["kv", "delete", "/"],
        ["status", "--endpoint", "https://h"],
        ["status", "--endpoint", "http://h", "--endpoint", "x y"], ["status", "--timeout", "0"],
        ["broker", "register", "1", "host"], ["broker", "show", "x"], ["cluster", "--kraft.node-id", "1"],
        ["cluster", "--server.port=1"], ["cluster", "--kraft.data-dir=x"], ["cluster", "--kraft.rejoin=x"],
        ["cluster", "--kraft.bootstrap=force"], ["serve", "--bootstrap", "--kraft.bootstrap=never"], ["verify"],
        ["backup"], ["backup", "a", "b", "c"], ["backup", "", "file"], ["backup", "--keep", "1d:1h", "file"],
        ["backup", "--into", "d", "file"], ["backup", "--into", "d", "--keep", "1d"], ["backup", "verify"],
        ["restore", "file"],
        ["restore", "file", "--node", "0"], ["repair"], ["recover", "dir"], ["recover", "--force"], ["members", "set"],
        ["members", "set", "file"],
        ["members", "show"], ["members", "set", "", "dir"], ["partition", "list", "--offline", "--at-min-isr"],
        ["broker", "may-stop"], ["broker", "may-stop", "1", "--rack", "a"], ["rehearse"], ["rehearse", "--lose", "1,"],
        ["rehearse", "--lose", "1", "--file", "f"],
    ])
    func wrongUsageIs64(arguments: [String]) {
        #expect {
            _ = try Entry.parseAsRoot(arguments)
        } throws: { error in
            Entry.exitCode(for: error).rawValue == 64
        }
    }

    @Test(arguments: [
        [], ["serve"], ["cluster"], ["status"], ["verify"], ["backup"], ["members"], ["members", "set"], ["broker"],
        ["broker", "list"], ["partition", "list"], ["health"], ["topic", "create"],
        ["kv", "put"],
    ])
    func helpAndVersionAreEverywhere(command: [String]) {
        for flag in ["--help", "--version"] {
            #expect {
                var parsed = try Entry.parseAsRoot(command + [flag])
                try parsed.run()
            } throws: { error in
                Entry.exitCode(for: error) == .success
            }
        }
    }

    @Test func topicBody() throws {
        let plain = try parse("topic", "create", "a\"b", as: TopicCommand.Create.self)
        #expect(plain.body == #"{"topicName":"a\"b","numPartitions":1,"replicationFactor":1}"#)
        let full = try parse(
            "topic", "create", "t", "--partitions", "3", "--replication-factor=2", "--retention-ms=-1",
            "--min-insync-replicas", "2", as: TopicCommand.Create.self)
        #expect(
            full.body
                == #"{"topicName":"t","numPartitions":3,"replicationFactor":2,"config":{"retentionMs":-1,"minInsyncReplicas":2}}"#
        )
    }

    @Test func partitionConditions() throws {
        let list = try parse(
            "partition", "list", "--under-min-isr", "--broker", "3", "--topic", "a.b", as: PartitionCommand.List.self)
        #expect(
            list.path(after: "a.b/7")
                == "/api/v1/metadata/partitions?state=underMinIsr&broker=3&topic=a.b&after=a.b%2F7")
    }

    @Test func keyPaths() {
        #expect(KVCommand.path(of: "/config/service/a") == "/api/v1/kv/config/service/a")
        #expect(KVCommand.path(of: "a b/ü?") == "/api/v1/kv/a%20b/%C3%BC%3F")
        #expect(KVCommand.path(of: "/") == "/api/v1/kv/")
    }
}
