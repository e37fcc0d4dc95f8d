/// Where a value came from.
enum ConfigurationOrigin: Equatable, Sendable, CustomStringConvertible {
    case flag(ConfigurationKey)
    case environment(String)
    case file(path: String, line: Int)
    case servicesFile(String)
    case standard

    var description: String {
        switch self {
        case .flag(let key): "flag --\(key.rawValue)"
        case .environment(let name): "environment variable \(name)"
        case .file(let path, let line): "\(path):\(line)"
        case .servicesFile(let path): path
        case .standard: "default"
        }
    }
}

/// A value as it was given, not yet understood.
struct Setting: Equatable, Sendable {
    var key: ConfigurationKey
    var value: String
    var origin: ConfigurationOrigin
}

/// The configuration is wrong: what, from where, and what would be right. The process exits with 78 (`EX_CONFIG`).
struct ConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }

    /// `problem` says what is wrong, `remedy` what would be right.
    init(_ setting: Setting, _ problem: String, remedy: String) {
        let origin = setting.origin
        description = "\(setting.key.rawValue) = \"\(setting.value)\" (from \(origin)): \(problem); \(remedy)"
    }
}
