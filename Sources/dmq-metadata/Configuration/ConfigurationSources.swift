/// What reading a file came to.
enum FileContents: Sendable {
    case bytes([UInt8])
    case missing
    /// Why it could not be read, in the operating system's words.
    case unreadable(String)
}

/// The places that settings come from. Flags beat the environment, the environment beats the file.
struct ConfigurationSources {
    let flags: [ConfigurationKey: String]
    let environment: [String: String]
    private let file: [ConfigurationKey: Setting]
    let readFile: (String) -> FileContents

    init(
        flags: [ConfigurationKey: String] = [:], environment: [String: String] = [:],
        readFile: @escaping (String) -> FileContents
    ) throws(ConfigurationError) {
        self.flags = flags
        self.environment = environment
        self.readFile = readFile
        self.file = try Self.readConfigurationFile(flags: flags, environment: environment, readFile: readFile)
    }

    /// The setting that counts for `key`, if it is set anywhere. An empty environment variable counts as not set, as
    /// service managers and container tools can not always leave one out.
    subscript(key: ConfigurationKey) -> Setting? {
        Self.given(key, flags: flags, environment: environment) ?? file[key]
    }

    /// What an operator should look at though it is no error: variables that look like ours but are none.
    var warnings: [String] {
        let known = Set(ConfigurationKey.allCases.map(\.environmentName))
        return environment.keys.filter { $0.hasPrefix("KRAFT_") && !known.contains($0) }.sorted().map {
            "the environment variable \($0) is none that is known here and has no effect" + Self.suggestion($0, known)
        }
    }

    private static func given(
        _ key: ConfigurationKey, flags: [ConfigurationKey: String], environment: [String: String]
    ) -> Setting? {
        if let value = flags[key] { return Setting(key: key, value: value, origin: .flag(key)) }
        let name = key.environmentName
        if let value = environment[name], !value.isEmpty {
            return Setting(key: key, value: value, origin: .environment(name))
        }
        return nil
    }

    /// The file that was named, or, under systemd, application.yml in the unit's ConfigurationDirectory if it is there.
    private static func readConfigurationFile(
        flags: [ConfigurationKey: String], environment: [String: String], readFile: (String) -> FileContents
    ) throws(ConfigurationError) -> [ConfigurationKey: Setting] {
        if let named = given(.configurationFile, flags: flags, environment: environment) {
            switch readFile(named.value) {
            case .bytes(let bytes): return try settings(in: bytes, path: named.value)
            case .missing:
                throw ConfigurationError(
                    named, "there is no such file", remedy: "give the path of a file like etc/application.yml")
            case .unreadable(let reason):
                throw ConfigurationError(
                    named, "it can not be read (\(reason))", remedy: "let the service's user read it")
            }
        }
        guard let directory = environment["CONFIGURATION_DIRECTORY"]?.split(separator: ":").first else { return [:] }
        let path = "\(directory)/application.yml"
        switch readFile(path) {
        case .bytes(let bytes): return try settings(in: bytes, path: path)
        case .missing: return [:]
        case .unreadable(let reason):
            throw ConfigurationError("\(path): it can not be read (\(reason)); let the service's user read it")
        }
    }

    private static func settings(
        in bytes: [UInt8], path: String
    ) throws(ConfigurationError) -> [ConfigurationKey: Setting] {
        let entries: [YAMLReader.Entry]
        do {
            entries = try YAMLReader.read(bytes)
        } catch {
            throw ConfigurationError("\(path):\(error)")
        }
        var settings: [ConfigurationKey: Setting] = [:]
        for entry in entries {
            let place = "\(path):\(entry.line):\(entry.column)"
            guard let key = ConfigurationKey(rawValue: entry.key) else {
                if entry.value == nil && ConfigurationKey.isSection(entry.key) { continue }
                let names = ConfigurationKey.allCases.filter(\.isAllowedInFile).map(\.rawValue)
                throw ConfigurationError("\(place): unknown key \"\(entry.key)\"" + suggestion(entry.key, Set(names)))
            }
            guard key.isAllowedInFile else {
                throw ConfigurationError("\(place): \"\(key.rawValue)\" has no place in a file; give it as a flag")
            }
            guard let value = entry.value else {
                throw ConfigurationError("\(place): \(key.rawValue) has no value; give it one or remove the line")
            }
            settings[key] = Setting(key: key, value: value, origin: .file(path: path, line: entry.line))
        }
        return settings
    }

    /// `; did you mean …?` when a known name is near, else the list to choose from is the documentation's.
    private static func suggestion(_ name: String, _ known: Set<String>) -> String {
        let near = known.map { ($0, editDistance(name, $0)) }.min { ($0.1, $0.0) < ($1.1, $1.0) }
        guard let near, near.1 <= max(2, name.count / 4) else { return "; see etc/application.yml for those there are" }
        return "; did you mean \"\(near.0)\"?"
    }

    /// Levenshtein's distance.
    private static func editDistance(_ a: String, _ b: String) -> Int {
        let b = Array(b)
        var row = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, y) in b.enumerated() {
                let substituted = diagonal + (x == y ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(substituted, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[b.count]
    }
}
