import ArgumentParser
import Glibc
import Storage

/// Which of the backups in a directory are kept: by classes of age, in each of which one for each interval.
struct Retention: Equatable, ExpressibleByArgument {
    struct Class: Equatable {
        /// In milliseconds.
        var age: Int64
        var interval: Int64
    }

    /// In ascending age.
    var classes: [Class]

    /// `7d:24h,30d:7d`: up to an age of 7 days one for each 24 hours, up to 30 days one for each 7 days.
    init?(argument: String) {
        classes = []
        for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
            let times = part.split(separator: ":", omittingEmptySubsequences: false).compactMap(Self.milliseconds)
            guard times.count == 2, part.filter({ $0 == ":" }).count == 1 else { return nil }
            classes.append(Class(age: times[0], interval: times[1]))
        }
        classes.sort { $0.age < $1.age }
    }

    private static func milliseconds(_ text: Substring) -> Int64? {
        let units: [Character: Int64] = ["m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000]
        guard let unit = text.last.flatMap({ units[$0] }), let count = Int64(text.dropLast()),
            (1...10_000).contains(count)
        else { return nil }
        return count * unit
    }

    /// Which of backups made at these moments are not kept. The latest always is.
    ///
    /// Intervals are counted from a fixed moment and the first backup of each stays, so what is kept today was not removed
    /// yesterday.
    func superfluous(_ moments: [Int64], at now: Int64) -> [Int64] {
        var taken: Set<[Int64]> = []
        let latest = moments.max()
        return moments.sorted().filter { moment in
            guard moment != latest, let place = classes.firstIndex(where: { now - moment <= $0.age }) else {
                return moment != latest
            }
            return !taken.insert([Int64(place), moment / classes[place].interval]).inserted
        }
    }

    // Files

    private static let (beginning, ending) = ("dmq-metadata-", ".db")

    /// A name in `directory` that says when.
    static func newFile(in directory: String) -> String {
        "\(directory)/\(beginning)\(NodeDirectory.stamp)\(ending)"
    }

    /// Removes what is superfluous in `directory`: of the files that have such names and are backups by their own word.
    /// `newest` has just been made and verified: it is there whatever becomes of the others.
    func prune(_ directory: String, sparing newest: String) throws(CommandFailure) -> [String] {
        var files: [Int64: [String]] = [:]
        for name in try Self.names(in: directory)
        where name.hasPrefix(Self.beginning) && name.hasSuffix(Self.ending) {
            guard let backup = try? BackupFile(path: "\(directory)/\(name)") else { continue }
            files[backup.record.createdAt, default: []].append("\(directory)/\(name)")
        }
        let now = files.keys.max() ?? 0
        var removed: [String] = []
        for file in superfluous(Array(files.keys), at: now).flatMap({ files[$0] ?? [] }).sorted() where file != newest {
            guard unlink(file) == 0 else {
                throw CommandFailure(.ioError, "\(file): \(systemMessage(errno)) while removing it")
            }
            removed.append(file)
        }
        return removed
    }

    private static func names(in directory: String) throws(CommandFailure) -> [String] {
        guard let names = DataSetAside.names(in: directory) else {
            throw CommandFailure(.ioError, "\(directory): \(systemMessage(errno)) while reading it")
        }
        return names
    }
}
