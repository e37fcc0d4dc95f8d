import CLinux
import Glibc

/// The `Date` field's line, made anew once a second (RFC 9110 §5.6.7).
struct HTTPDate {
    private(set) var line: [UInt8] = []
    private var validUntil: UInt64 = 0

    /// `now` is in nanoseconds of the monotonic clock.
    mutating func refresh(now: UInt64) {
        guard now >= validUntil else { return }
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        validUntil = now + UInt64(1_000_000_000 - time.tv_nsec)
        line = Array("Date: \(Self.format(unixSeconds: time.tv_sec))\r\n".utf8)
    }

    static func format(unixSeconds: Int) -> String {
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        var seconds = unixSeconds
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func twoDigits(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let day = "\(days[Int(parts.tm_wday)]), \(twoDigits(parts.tm_mday)) \(months[Int(parts.tm_mon)])"
        let clock = "\(twoDigits(parts.tm_hour)):\(twoDigits(parts.tm_min)):\(twoDigits(parts.tm_sec))"
        return "\(day) \(parts.tm_year + 1900) \(clock) GMT"
    }
}
