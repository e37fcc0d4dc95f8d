import Metadata

/// The payloads of key-value commands, binary-safe:
///
///     PUT[ option]…\n<key>\n<value>
///     DEL[ option]…\n<key>
///
/// Options are `if-mod-revision=<n>` or `if-absent`, `recursive` (DEL only), and `key-bytes=<n>`, present exactly when
/// the key contains a newline.
enum KeyValuePayload {
    private static let newline = UInt8(ascii: "\n")

    // MARK: Encoding

    static func encode(_ put: Put) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(put.key.bytes.count + put.value.count + 64)
        bytes.append(contentsOf: "PUT".utf8)
        appendOptions(put.precondition, put.key, to: &bytes)
        bytes.append(contentsOf: put.key.bytes)
        bytes.append(newline)
        bytes.append(contentsOf: put.value)
        return bytes
    }

    static func encode(_ delete: Delete) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(delete.key.bytes.count + 64)
        bytes.append(contentsOf: "DEL".utf8)
        if delete.isRecursive { bytes.append(contentsOf: " recursive".utf8) }
        appendOptions(delete.precondition, delete.key, to: &bytes)
        bytes.append(contentsOf: delete.key.bytes)
        return bytes
    }

    /// The rest of the first line, with its end.
    private static func appendOptions(_ precondition: Precondition, _ key: Key, to bytes: inout [UInt8]) {
        switch precondition {
        case .none: break
        case .absent: bytes.append(contentsOf: " if-absent".utf8)
        case .modRevision(let revision):
            bytes.append(contentsOf: " if-mod-revision=".utf8)
            bytes.appendDecimal(revision)
        }
        if key.bytes.contains(newline) {
            bytes.append(contentsOf: " key-bytes=".utf8)
            bytes.appendDecimal(key.bytes.count)
        }
        bytes.append(newline)
    }

    // MARK: Decoding

    static func decodePut(_ data: [UInt8]) throws(WireError) -> Put {
        let (options, start) = try decodeFirstLine(data, verb: "PUT")
        guard !options.isRecursive else { throw WireError("PUT: there is no option recursive") }
        guard let end = options.keyByteCount.map({ start + $0 }) ?? data[start...].firstIndex(of: newline),
            end < data.count, data[end] == newline
        else { throw WireError("PUT: the newline behind the key is missing") }
        let key = try decodeKey(data[start..<end], options, verb: "PUT")
        guard data.count - end - 1 <= Limits.maxValueBytes else {
            throw WireError("PUT: the value is longer than \(Limits.maxValueBytes) bytes")
        }
        return Put(key: key, value: Array(data[(end + 1)...]), precondition: options.precondition)
    }

    static func decodeDelete(_ data: [UInt8]) throws(WireError) -> Delete {
        let (options, start) = try decodeFirstLine(data, verb: "DEL")
        guard start + (options.keyByteCount ?? data.count - start) == data.count else {
            throw WireError("DEL: key-bytes is not the length of the key")
        }
        let key = try decodeKey(data[start...], options, verb: "DEL")
        return Delete(key: key, isRecursive: options.isRecursive, precondition: options.precondition)
    }

    private static func decodeKey(
        _ bytes: ArraySlice<UInt8>, _ options: Options, verb: StaticString
    ) throws(WireError) -> Key {
        // One key has one form: `verify` and people compare payloads as they stand.
        guard bytes.contains(newline) == (options.keyByteCount != nil) else {
            throw WireError("\(verb): key-bytes belongs to keys with a newline, and to no others")
        }
        let bytes = Array(bytes)
        if options.isRecursive, bytes == [UInt8(ascii: "/")] { return Key(validated: bytes) }
        do throws(KeyError) {
            return try Key.validate(bytes)
        } catch {
            throw WireError("\(verb): \(error)")
        }
    }

    private struct Options {
        var precondition = Precondition.none
        var isRecursive = false
        var keyByteCount: Int?
    }

    /// The options, and where the key starts.
    private static func decodeFirstLine(
        _ data: [UInt8], verb: StaticString
    ) throws(WireError) -> (Options, keyStart: Int) {
        guard data.count > 3, verb.withUTF8Buffer({ data[..<3].elementsEqual($0) }) else {
            throw WireError("\(verb): the payload does not start with its name")
        }
        // The usual case, without any option.
        if data[3] == newline { return (Options(), 4) }
        guard let end = data.firstIndex(of: newline) else { throw WireError("\(verb): the first line has no end") }
        let space = UInt8(ascii: " ")
        guard end < 128, data[3] == space else { throw WireError("\(verb): the first line is not a list of options") }
        var options = Options()
        var start = 4
        while start <= end {
            let stop = data[start..<end].firstIndex(of: space) ?? end
            guard take(data[start..<stop], &options, limit: data.count - end - 1) else {
                let option = String(decoding: data[start..<stop], as: UTF8.self)
                throw WireError("\(verb): unknown, repeated or wrong option \(option)")
            }
            start = stop + 1
        }
        return (options, end + 1)
    }

    private static func take(_ option: ArraySlice<UInt8>, _ options: inout Options, limit: Int) -> Bool {
        if options.precondition == .none {
            if let revision = number(option, named: "if-mod-revision=") {
                options.precondition = .modRevision(revision)
                return true
            }
            if matches(option, "if-absent") {
                options.precondition = .absent
                return true
            }
        }
        if options.keyByteCount == nil, let count = number(option, named: "key-bytes="), count <= limit {
            options.keyByteCount = Int(count)
        } else if !options.isRecursive, matches(option, "recursive") {
            options.isRecursive = true
        } else {
            return false
        }
        return true
    }

    private static func matches(_ option: ArraySlice<UInt8>, _ name: StaticString) -> Bool {
        name.withUTF8Buffer { option.elementsEqual($0) }
    }

    /// Decimal digits only, without sign or leading zero.
    private static func number(_ option: ArraySlice<UInt8>, named name: StaticString) -> UInt64? {
        guard name.withUTF8Buffer({ option.starts(with: $0) }) else { return nil }
        let digits = option.dropFirst(name.utf8CodeUnitCount)
        guard let first = digits.first, first != UInt8(ascii: "0") || digits.count == 1 else { return nil }
        var number: UInt64 = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            let (tens, isTooLarge) = number.multipliedReportingOverflow(by: 10)
            let (sum, isOverflow) = tens.addingReportingOverflow(UInt64(digit - UInt8(ascii: "0")))
            guard !isTooLarge, !isOverflow else { return nil }
            number = sum
        }
        return number
    }
}
