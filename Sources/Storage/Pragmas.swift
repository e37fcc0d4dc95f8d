extension Connection {
    /// 4 KiB pages cost the least bytes for each commit; FULL is one fdatasync of the WAL for each commit; the WAL is
    /// moved into the database by ``NodeStore/checkpointWAL(minimumFrames:)`` only, at a moment that the node chooses.
    func configureWriter() throws(StorageError) {
        try configureReader()
        try set("page_size", to: "4096", expecting: "4096")
        try set("journal_mode", to: "WAL", expecting: "wal")
        try set("synchronous", to: "FULL", expecting: "2")
        try set("wal_autocheckpoint", to: "0", expecting: "0")
        try set("journal_size_limit", to: "\(16 << 20)", expecting: "\(16 << 20)")
        try set("secure_delete", to: "OFF", expecting: "0")
        try set("locking_mode", to: "NORMAL", expecting: "normal")
    }

    /// What every connection has: bounded memory, no files beside the database, no mapping (an I/O error in a mapping
    /// is a signal), and SQLite's own look at each page it reads.
    func configureReader() throws(StorageError) {
        try set("busy_timeout", to: "2000", expecting: "2000")
        try set("cache_size", to: "-2048", expecting: "-2048")
        try set("mmap_size", to: "0", expecting: "0")
        try set("temp_store", to: "MEMORY", expecting: "2")
        try set("cell_size_check", to: "ON", expecting: "1")
    }
}

extension NodeStore {
    /// How SQLite is really set up, by pragma.
    package func settings() throws(StorageError) -> [String: String] {
        var settings: [String: String] = [:]
        for pragma in [
            "page_size", "journal_mode", "synchronous", "wal_autocheckpoint", "journal_size_limit", "secure_delete",
            "mmap_size", "cache_size", "locking_mode",
        ] {
            settings[pragma] = try connection.execute("PRAGMA \(pragma)").first
        }
        return settings
    }
}
