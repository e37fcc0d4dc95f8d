import Glibc

/// What the kernel says of this process.
struct ProcessMeasurements {
    var residentBytes: Int64 = 0
    var cpuSeconds: Double = 0

    static var current: ProcessMeasurements {
        var result = ProcessMeasurements()
        if let file = fopen("/proc/self/statm", "r") {
            defer { fclose(file) }
            var line = [CChar](repeating: 0, count: 128)
            if fgets(&line, 128, file) != nil {
                let fields = line.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }.split(separator: " ")
                if fields.count > 1, let pages = Int64(fields[1]) {
                    result.residentBytes = pages * Int64(sysconf(Int32(_SC_PAGESIZE)))
                }
            }
        }
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        result.cpuSeconds =
            Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
            + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
        return result
    }
}
