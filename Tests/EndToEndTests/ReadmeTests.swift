import Foundation
import Testing

extension EndToEnd {
    /// The README shows commands with their output. They are run here, in order, in one shell, against three nodes.
    @Suite(.serialized) struct ReadmeTests {
        private struct Example {
            let command: String
            let output: String
        }

        @Test func everyExampleAnswersAsShown() throws {
            let examples = try Self.examples()
            #expect(examples.count >= 20, "examples found in README.md")
            try Cluster.with(settings: [:]) { cluster in
                try cluster.leader()
                let result = try Finished.run(
                    "/bin/bash", ["-c", Self.script(examples, in: cluster)],
                    environment: ["PATH": try Self.path(in: cluster)], directory: cluster.directory.path)
                let answers = result.output.components(separatedBy: Self.separator + "\n")
                try #require(answers.count == examples.count + 1, "\(result)")
                for (example, answer) in zip(examples, answers) {
                    #expect(
                        Self.withoutChance(answer) == Self.withoutChance(example.output), "\(example.command)")
                }
            }
        }

        private static let separator = "-- next --"

        private static func examples() throws -> [Example] {
            let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent()
            let text = try String(contentsOf: root.appendingPathComponent("README.md"), encoding: .utf8)
            var examples: [Example] = []
            for block in text.components(separatedBy: "```console\n").dropFirst() {
                let lines = block.components(separatedBy: "```")[0].split(separator: "\n").map(String.init)
                for line in lines {
                    if line.hasPrefix("$ ") {
                        examples.append(Example(command: String(line.dropFirst(2)), output: ""))
                    } else if let last = examples.popLast() {
                        examples.append(Example(command: last.command, output: last.output + line + "\n"))
                    }
                }
            }
            return examples
        }

        /// Where the program is found by its name.
        private static func path(in cluster: Cluster) throws -> String {
            let directory = cluster.directory.path + "/bin"
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
            try FileManager.default.createSymbolicLink(
                atPath: directory + "/dmq-metadata", withDestinationPath: Surroundings.binary)
            return directory + ":" + (Surroundings.variable("PATH") ?? "/usr/bin:/bin")
        }

        /// The commands with this cluster's ports and directories, each followed by a mark. The database is read when
        /// its state tables have followed the log.
        private static func script(_ examples: [Example], in cluster: Cluster) throws -> String {
            var script = ""
            for example in examples {
                var command = example.command
                for (number, node) in zip(1..., cluster.nodes) {
                    command = command.replacingOccurrences(of: "localhost:909\(number)", with: "localhost:\(node.port)")
                    command = command.replacingOccurrences(of: "data/node\(number)", with: node.dataDirectory)
                }
                if command.hasPrefix("sqlite3") { script += try waitForCheckpoint(of: #require(cluster.nodes.first)) }
                script += "\(command)\n"
                // An answer of curl ends without a line break.
                script += "printf '\\n\(separator)\\n'\n"
            }
            return script
        }

        private static func waitForCheckpoint(of node: Node) -> String {
            """
            for i in {1..200}; do
                applied=$(curl -s localhost:\(node.port)/api/v1/raft/status | sed 's/.*"lastApplied":\\([0-9]*\\).*/\\1/')
                [ "$(sqlite3 -readonly \(node.dataDirectory)/node.db 'select applied_index from checkpoint')" = "$applied" ] && break
                read -t 0.05 <> <(:)
            done

            """
        }

        /// What differs from run to run: times, ports, who leads, in which term.
        private static func withoutChance(_ text: String) -> String {
            var text = text.trimmingCharacters(in: .newlines)
            for (pattern, mark) in [
                (#"[0-9]{13}"#, "TIME"), (#"http://localhost:[0-9]+"#, "URL"),
                (#""(controllerId|term|controllerTerm)":[0-9]+"#, #""$1":N"#),
                (#"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z"#, "TIME"), (#"\b[0-9a-f]{32}\b"#, "ID"),
                (#"(by node|as of entry|, term) [0-9]+"#, "$1 N"), (#"file +[0-9]+ bytes"#, "file N bytes"),
            ] {
                text = text.replacingOccurrences(of: pattern, with: mark, options: .regularExpression)
            }
            return text
        }
    }
}
