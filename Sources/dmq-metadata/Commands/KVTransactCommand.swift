import ArgumentParser

extension KVCommand {
    struct Transact: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "txn", abstract: "Compare keys, and do one thing or another, in one step.",
            discussion: """
                Reads JSON such as {"if":[{"key":"/a","modRevision":3}],"then":[{"put":"/a","value":"x"}],"else":[{"get":"/a"}]} \
                and prints the answer's. The exit code is 1 when the comparisons did not hold.
                """)
        @OptionGroup var client: ClientOptions
        @Argument(help: "The transaction; - reads it from standard input.") var transaction = "-"
        @Option(help: ArgumentHelp("Read it from a file.", valueName: "path")) var file: String?

        private struct Outcome: Decodable { var succeeded: Bool }

        func run() throws {
            var body = Array(transaction.utf8)
            if let file {
                body = try KVCommand.read(file)
            } else if transaction == "-" {
                body = try KVCommand.readStandardInput()
            }
            let request = ClientRequest(
                method: "POST", path: "/api/v1/txn", headers: [("Content-Type", "application/json")], body: body)
            let response = try client.makeClient().send(request).successful()
            try StandardOutput.writeLine(response.text)
            guard try response.decoded(Outcome.self).succeeded else { throw ExitCode(ExitStatus.failure.rawValue) }
        }
    }
}
