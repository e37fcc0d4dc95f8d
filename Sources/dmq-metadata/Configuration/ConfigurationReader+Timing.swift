extension ConfigurationReader {
    struct Timing {
        var election: Duration
        var jitter: Duration
        var heartbeat: Duration
    }

    func readTiming(_ services: ServicesFile, _ path: String) throws(ConfigurationError) -> Timing {
        let range: ClosedRange<Int64> = 10...600_000
        if let given = services.electionTimeoutMs, sources[.electionTimeout] == nil, !range.contains(given) {
            throw ConfigurationError(
                "\(path): controller.electionTimeoutMs is \(given); give milliseconds from \(range.lowerBound) to "
                    + "\(range.upperBound)")
        }
        let standard = services.electionTimeoutMs ?? 5000
        let election = try milliseconds(.electionTimeout, in: range, default: standard)
        // Without any randomness two candidates could split the votes again and again (Raft paper §5.2).
        let jitter = try milliseconds(.electionTimeoutJitter, in: 1...600_000, default: 2000)
        let heartbeat = try milliseconds(.heartbeatInterval, in: 1...600_000, default: 1500)
        guard heartbeat < election else {
            throw timingConflict(election: election, heartbeat: heartbeat, services, path)
        }
        return Timing(election: election, jitter: jitter, heartbeat: heartbeat)
    }

    /// A follower that hears from its leader less often than it loses patience would call elections without end.
    private func timingConflict(
        election: Duration, heartbeat: Duration, _ services: ServicesFile, _ path: String
    ) -> ConfigurationError {
        let heartbeatOrigin = sources[.heartbeatInterval]?.origin ?? .standard
        let electionOrigin =
            sources[.electionTimeout]?.origin ?? (services.electionTimeoutMs == nil ? .standard : .servicesFile(path))
        return ConfigurationError(
            "kraft.raft.heartbeat-interval-ms = \(heartbeat.wholeMilliseconds) (from \(heartbeatOrigin)) is not below "
                + "kraft.raft.election-timeout-ms = \(election.wholeMilliseconds) (from \(electionOrigin)): followers "
                + "would give up a healthy leader; make the heartbeat interval a third of the election timeout or less")
    }

    func milliseconds(
        _ key: ConfigurationKey, in range: ClosedRange<Int64>, default standard: Int64
    ) throws(ConfigurationError) -> Duration {
        let remedy = "give milliseconds from \(range.lowerBound) to \(range.upperBound)"
        return .milliseconds(try number(key, in: range, remedy) ?? standard)
    }

    func number(
        _ key: ConfigurationKey, in range: ClosedRange<Int64>, _ remedy: String
    ) throws(ConfigurationError) -> Int64? {
        guard let setting = sources[key] else { return nil }
        guard let number = Self.integer(setting.value) else {
            throw ConfigurationError(setting, "not an integer", remedy: remedy)
        }
        guard range.contains(number) else { throw ConfigurationError(setting, "out of range", remedy: remedy) }
        return number
    }

    /// Decimal digits with at most a minus before them; `nil` for anything else and for what does not fit.
    static func integer(_ text: String) -> Int64? {
        text.hasPrefix("+") ? nil : Int64(text)
    }
}

extension Duration {
    var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1000 + attoseconds / 1_000_000_000_000_000
    }
}
