import Testing

/// Real processes, real sockets, real disks. One test at a time: they share the machine's few cores, and some count
/// descriptors.
@Suite(.serialized, .noticingIssues) enum EndToEnd {}
