import FoundationEssentials
import Metadata
import Raft
import Storage

/// A backup on this machine's disk, as commands tell of it.
struct SavedBackup {
    var file: String
    var bytes: Int64
    var record: BackupRecord
    /// `nil` if they were not counted, for the file was not read.
    var rows: Int?

    /// Reads all of it and checks it.
    static func verified(_ file: String, called name: String? = nil) throws(CommandFailure) -> SavedBackup {
        let began = ContinuousClock.now
        let output = LineOutput.standardError
        defer { output.showProgress(nil) }
        return try asFailure { () throws(StorageError) in
            let backup = try BackupFile(path: file)
            let rows = try backup.verify { rows in
                if ContinuousClock.now - began > .seconds(1) { output.showProgress("🔍 \(rows) rows checked") }
            }
            return SavedBackup(file: name ?? file, bytes: backup.bytes, record: backup.record, rows: rows)
        }
    }

    var text: String {
        let cluster = record.counters.clusterID ?? "without a name"
        return """
            \(file): \(rows == nil ? "not verified" : "sound")
            cluster   \(cluster), by node \(record.node), \(created)
            state     \(rows.map { "\($0) rows " } ?? "")as of entry \(record.applied.index), digest \(record.digest)
            revision  \(record.counters.revision), metadata version \(record.counters.version), term \(record.term)
            file      \(bytes) bytes, by version \(record.product)
            """
    }

    var json: String {
        """
        {"file":\(jsonString(file)),"bytes":\(bytes),"createdAt":\(record.createdAt),"verified":\(rows != nil),\
        "clusterId":\(record.counters.clusterID.map(jsonString) ?? "null"),"nodeId":\(record.node),\
        "appliedIndex":\(record.applied.index),"revision":\(record.counters.revision),\
        "version":\(record.counters.version),"digest":\(jsonString(record.digest))}
        """
    }

    private var created: String { Timestamp.format(.milliseconds(max(0, record.createdAt))) }
}
