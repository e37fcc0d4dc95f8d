import HTTP

/// The figures of what is around the node, its listener and its log, in Prometheus text format.
enum ConnectionMetrics {
    static func text(lostLogLines: Int) -> String {
        metric("dmq_log_lines_dropped_total", "counter", "Lines of the log lost since nobody read it.", lostLogLines)
    }

    private static func metric(_ name: String, _ type: String, _ help: String, _ value: Int) -> String {
        "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n\(name) \(value)\n"
    }

    static func text(_ statistics: HTTPServer.Statistics) -> String {
        var text = ""
        func add(_ name: String, _ type: String, _ help: String, _ value: Int) {
            text += metric(name, type, help, value)
        }
        add("dmq_http_open_connections", "gauge", "Connections that are open.", statistics.openConnections)
        add(
            "dmq_http_accepted_connections_total", "counter", "Connections accepted.",
            statistics.acceptedConnections)
        add("dmq_http_received_bytes_total", "counter", "Bytes read from connections.", statistics.bytesReceived)
        add("dmq_http_sent_bytes_total", "counter", "Bytes written to connections.", statistics.bytesSent)
        add(
            "dmq_http_slow_readers_dropped_total", "counter", "Connections ended because they did not read.",
            statistics.slowReadersDropped)
        add(
            "dmq_http_max_connections", "gauge", "Connections beyond which new ones are refused.",
            statistics.maxConnections)
        add(
            "dmq_http_accepts_without_descriptor_total", "counter",
            "Connections dropped since the process had no file descriptor left.", statistics.acceptsWithoutDescriptor)
        add(
            "dmq_memory_waits_total", "counter", "Times that a connection waited for memory.", statistics.memoryWaits)
        text += "# HELP dmq_memory_account_bytes Memory held for requests and answers, and its limit.\n"
        text += "# TYPE dmq_memory_account_bytes gauge\n"
        for (holder, used, limit) in statistics.memory {
            text += "dmq_memory_account_bytes{holder=\"\(holder)\",kind=\"used\"} \(used)\n"
            text += "dmq_memory_account_bytes{holder=\"\(holder)\",kind=\"limit\"} \(limit)\n"
        }
        text += "# HELP dmq_http_rejections_total Requests that the listener refused, by reason.\n"
        text += "# TYPE dmq_http_rejections_total counter\n"
        for (reason, count) in statistics.rejections {
            text += "dmq_http_rejections_total{reason=\"\(reason)\"} \(count)\n"
        }
        return text
    }
}
