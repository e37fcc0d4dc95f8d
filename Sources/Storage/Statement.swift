import CSQLite

/// A prepared statement. It lives as long as its connection, which finalizes it.
struct Statement {
    let handle: OpaquePointer

    /// SQLite copies the bytes before the call returns.
    private static let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    /// The bytes stay in place until the statement has been reset.
    static let inPlace: sqlite3_destructor_type? = nil

    // Binding fails only for a parameter that the SQL does not have, or for want of memory.

    func bind(_ parameter: Int32, _ value: Int64) {
        check(sqlite3_bind_int64(handle, parameter, value))
    }

    func bind(_ parameter: Int32, _ value: Int) { bind(parameter, Int64(value)) }
    func bind(_ parameter: Int32, _ value: Bool) { bind(parameter, value ? 1 : 0) }
    /// Numbers from 2⁶³ on are kept as the negative numbers of the same bits.
    func bind(_ parameter: Int32, _ value: UInt64) { bind(parameter, Int64(bitPattern: value)) }

    func bindNull(_ parameter: Int32) { check(sqlite3_bind_null(handle, parameter)) }

    func bind(_ parameter: Int32, _ value: Int64?) {
        if let value { bind(parameter, value) } else { bindNull(parameter) }
    }

    func bind(_ parameter: Int32, _ text: String?) {
        guard var text else { return bindNull(parameter) }
        text.withUTF8 { utf8 in
            // An explicit length: the text may contain NUL.
            check(bindText(parameter, UnsafeRawBufferPointer(utf8), Self.copied))
        }
    }

    /// As TEXT if it is UTF-8, else as BLOB: one key has one form.
    func bindKey(_ parameter: Int32, copying bytes: [UInt8]) {
        let isText = ReadableText.isUTF8(bytes)
        bytes.withUnsafeBytes { check(bind(parameter, $0, asText: isText, Self.copied)) }
    }

    /// As TEXT if people can read it, else as BLOB.
    func bindReadable(_ parameter: Int32, copying bytes: [UInt8]) {
        let isReadable = ReadableText.isReadable(bytes)
        bytes.withUnsafeBytes { check(bind(parameter, $0, asText: isReadable, Self.copied)) }
    }

    func bind(
        _ parameter: Int32, _ bytes: UnsafeRawBufferPointer, asText: Bool, _ life: sqlite3_destructor_type?
    ) -> Int32 {
        if asText { return bindText(parameter, bytes, life) }
        return sqlite3_bind_blob64(handle, parameter, bytes.baseAddress, UInt64(bytes.count), life)
    }

    private func bindText(
        _ parameter: Int32, _ bytes: UnsafeRawBufferPointer, _ life: sqlite3_destructor_type?
    ) -> Int32 {
        // SQLite takes a null address for NULL, but an empty buffer may have one.
        guard let base = bytes.baseAddress, !bytes.isEmpty else {
            return sqlite3_bind_text(handle, parameter, "", 0, Self.copied)
        }
        return sqlite3_bind_text64(
            handle, parameter, base.assumingMemoryBound(to: CChar.self), UInt64(bytes.count), life,
            UInt8(SQLITE_UTF8))
    }

    func check(_ code: Int32) {
        precondition(code == SQLITE_OK, "binding a value failed: \(ResultCode.name(code))")
    }

    // Columns of the present row

    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }
    func unsigned(_ column: Int32) -> UInt64 { UInt64(bitPattern: integer(column)) }
    /// `nil` for anything but 0 and 1.
    func bool(_ column: Int32) -> Bool? { (0...1).contains(integer(column)) ? integer(column) == 1 : nil }
    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }
    func optionalInteger(_ column: Int32) -> Int64? { isNull(column) ? nil : integer(column) }

    /// The bytes of a TEXT or BLOB, valid until the next step.
    func rawBytes(_ column: Int32) -> UnsafeRawBufferPointer {
        // The address first: it may convert the value, and so change its length.
        let base = sqlite3_column_blob(handle, column)
        return UnsafeRawBufferPointer(start: base, count: Int(sqlite3_column_bytes(handle, column)))
    }

    func bytes(_ column: Int32) -> [UInt8] { [UInt8](rawBytes(column)) }
    func text(_ column: Int32) -> String { String(decoding: rawBytes(column), as: UTF8.self) }
    func optionalText(_ column: Int32) -> String? { isNull(column) ? nil : text(column) }
}
