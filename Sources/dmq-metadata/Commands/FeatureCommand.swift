import ArgumentParser

/// Levels of features: what all members of the cluster have agreed to use.
struct FeatureCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "feature", abstract: "Show and raise the levels of features that the cluster uses.",
        subcommands: [List.self, Upgrade.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the features and their levels.")
        @OptionGroup var client: ClientOptions

        func run() throws {
            try client.run(.get("/api/v1/metadata/features"), MembersAnswer.self) { answer in
                answer.features.map { "\($0.name)=\($0.level)" }.joined(separator: "\n")
            }
        }
    }

    struct Upgrade: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Use a higher level of a feature, once all members can.",
            discussion: """
                Refused while any member is not heard, or runs a release without it. There is no way back from \
                kraft.version=1: programs without members in the log refuse the data from then on.
                """)
        @OptionGroup var client: ClientOptions
        @Flag(help: "Only say whether it could be done.") var dryRun = false
        @Argument(help: ArgumentHelp("What to use.", valueName: "feature=level")) var feature: String

        func run() throws {
            let parts = feature.split(separator: "=")
            guard parts.count == 2, let level = Int(parts[1]) else {
                throw ValidationError("'\(feature)' is no feature=level")
            }
            try client.run(
                .json(
                    "POST", "/api/v1/metadata/features\(dryRun ? "?dryRun=true" : "")",
                    "{\"feature\":\(jsonString(String(parts[0]))),\"level\":\(level)}"),
                done: dryRun ? "it can be done" : "the cluster uses \(feature)")
        }
    }
}
