import Glibc
import Metadata
import Raft

@testable import Wire

/// Inputs to begin with, written by the real encoders: the fuzzer would need long to find a first byte that means
/// something.
enum Seeds {
    static func write(into folder: String) {
        for target in FuzzTarget.allCases {
            mkdir("\(folder)/\(target.rawValue)", 0o755)
            for (number, seed) in seeds(target).enumerated() {
                guard let file = fopen("\(folder)/\(target.rawValue)/seed-\(number)", "w") else {
                    fail("can not write into \(folder)")
                }
                fwrite(seed, 1, seed.count, file)
                fclose(file)
            }
        }
    }

    private static func seeds(_ target: FuzzTarget) -> [[UInt8]] {
        var samples = Samples(seed: 1)
        switch target {
        case .httpRequest: return requests.flatMap { text in [0, 1].map { [$0, 3, 20, 200] + Array(text.utf8) } }
        case .httpResponse: return responses.flatMap { text in [0, 1].map { [0, $0, 3, 20, 200] + Array(text.utf8) } }
        case .json: return texts(&samples).map { Array($0.dropFirst()) }
        case .shapes: return texts(&samples)
        case .messages:
            return (0..<40).flatMap { _ in
                [Samples.encode(samples.question()), Samples.encode(samples.answer())]
            }
        case .payloads: return payloads(&samples)
        case .rows: return chunks(&samples).map { [1] + $0 } + rows(&samples) + [Array("\u{2}[1,-2,30]".utf8)]
        case .commands: return (0..<20).map { _ in draw(&samples, 200) }
        case .snapshot: return (states(&samples) + chunks(&samples)).map { draw(&samples, 48) + $0 }
        case .wal: return logs(&samples)
        case .api: return exchanges.map { [0] + Array($0.utf8) }
        case .yaml: return [Array(yaml.utf8)]
        }
    }

    private static func draw(_ samples: inout Samples, _ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: 0...255, using: &samples.random) }
    }

    // MARK: HTTP

    private static let requests = [
        "GET /a?b=c HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.0\r\n\r\n",
        "\r\nPUT /p HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc",
        "POST http://h:1/p HTTP/1.1\r\nHost: h:1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
            + "3;a=\"b\\\"\";c=d\r\nabc\r\n0\r\nX: y\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, x\r\n\r\n",
        "HEAD http://h HTTP/1.1\r\nHOST:h\t\r\nIf-Match: \"1\"\r\n\r\n",
        "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n",
    ]

    private static let responses = [
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 204\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        "HTTP/1.0 404 Not Found\r\nConnection: keep-alive\r\n\r\nuntil the end",
    ]

    private static let exchanges: [String] = {
        let json = "Host: h\r\nContent-Type: application/json\r\nContent-Length: "
        let reads = [
            "kv/a", "kv/?recursive=true&limit=2&after=%2Fa&consistency=stale", "kv/a/?keysOnly=true", "raft/status",
            "raft/log?from=1&limit=2", "metadata/controller", "metadata/cluster", "metadata/brokers",
            "metadata/brokers/101", "metadata/topics", "metadata/topics/orders", "metadata/stop-check?brokers=101,102",
        ].map { "GET /api/v1/\($0) HTTP/1.1\r\nHost: h\r\n\r\n" }
        let writes = [
            ("POST", "metadata/brokers", #"{"brokerId":7,"host":"h","port":1,"rack":"r"}"#),
            ("POST", "metadata/topics", #"{"topicName":"t","numPartitions":2,"replicationFactor":1,"config":{}}"#),
            (
                "POST", "metadata/topics?validateOnly=true",
                #"{"topicName":"t","numPartitions":2,"replicationFactor":1}"#
            ),
            (
                "POST", "metadata/rehearsals",
                #"{"steps":[{"lose":{"brokers":[101]}},{"return":{"rack":"r"}},{"elect":"preferred"},{"deleteTopic":{"topicName":"orders"}},{"createTopic":{"topicName":"t","numPartitions":2,"replicationFactor":1}}]}"#
            ),
            ("DELETE", "metadata/topics/orders?validateOnly=true", ""),
            ("POST", "metadata/heartbeat/101", #"{"brokerId":101,"timestamp":1,"metadataVersion":1}"#),
            (
                "POST", "metadata/isr/lag",
                #"{"brokerId":101,"partitions":[{"topic":"orders","partition":0,"offsetLag":1,"timeSinceCaughtUp":2}]}"#
            ),
            ("POST", "raft/vote", #"{"term":4,"candidateId":3,"lastLogIndex":42,"lastLogTerm":3,"preVote":true}"#),
            (
                "POST", "raft/append",
                #"{"term":3,"leaderId":2,"prevLogIndex":4,"prevLogTerm":3,"entries":[],"leaderCommit":4}"#
            ),
            (
                "POST", "raft/snapshot",
                #"{"term":3,"leaderId":2,"lastIncludedIndex":4,"lastIncludedTerm":3,"sequence":0,"dataBase64":"AA==","done":false}"#
            ),
            ("POST", "raft/timeout-now", #"{"term":3,"leaderId":2}"#),
            (
                "POST", "txn",
                #"{"if":[{"key":"/a","version":{"greater":0}}],"then":[{"put":"/b","value":"v"},{"get":"/"}],"else":[{"delete":"/a"}]}"#
            ),
            ("POST", "leases", #"{"ttlSeconds":5,"id":"7"}"#), ("POST", "leases/7/keepalive", ""),
            ("POST", "locks/l", #"{"lease":"7","holder":"h"}"#), ("DELETE", "locks/l?token=2", ""),
            ("PUT", "kv/x/y", "value"), ("DELETE", "kv/a", ""), ("DELETE", "kv/a/?recursive=true", ""),
            ("DELETE", "metadata/topics/orders", ""), ("DELETE", "metadata/brokers/101", ""),
        ].map { "\($0) /api/v1/\($1) HTTP/1.1\r\n\(json)\($2.utf8.count)\r\n\r\n\($2)" }
        let others = ["healthz", "readyz", "metrics"].map { "GET /\($0) HTTP/1.1\r\nHost: h\r\n\r\n" }
        let etcd = [
            ("kv/range", #"{"key":"AA==","range_end":"AA==","sort_order":2,"sort_target":"MOD","limit":"3"}"#),
            ("kv/put", #"{"key":"L2E=","value":"eA==","lease":"7","prev_kv":true}"#),
            ("kv/deleterange", #"{"key":"L2E=","range_end":"L2I=","prev_kv":true}"#),
            (
                "kv/txn",
                #"{"compare":[{"key":"L2E=","target":"MOD","mod_revision":"3"}],"success":[{"request_put":{"key":"L2E="}}],"failure":[{"request_txn":{"success":[{"request_range":{"key":"L2E="}}]}}]}"#
            ),
            (
                "watch",
                #"{"create_request":{"key":"L2E=","start_revision":2,"filters":["NOPUT"]}}{"progress_request":{}}"#
            ),
            ("lease/grant", #"{"TTL":5,"ID":7}"#), ("lease/keepalive", #"{"ID":"7"}"#), ("maintenance/status", "{}"),
        ].map { "POST /v3/\($0) HTTP/1.1\r\nHost: h\r\nContent-Length: \($1.utf8.count)\r\n\r\n\($1)" }
        let conditional = ["If-Match: \"1\"", "If-None-Match: *"].map {
            "PUT /api/v1/kv/a HTTP/1.1\r\nHost: h\r\n\($0)\r\nContent-Length: 1\r\n\r\nv"
        }
        return reads + writes + others + conditional + etcd
    }()

    // MARK: JSON

    /// Each behind the byte that names its shape; see ``JSONTargets/shapes(_:)``.
    private static func texts(_ samples: inout Samples) -> [[UInt8]] {
        var texts: [[UInt8]] = [
            Array("\u{0}".utf8) + Array(#"{"id":7,"host":"h","port":1.0e0,"rack":null}"#.utf8),
            [1]
                + Array(#"{"topicName":"t","partitionCount":1,"replicationFactor":1,"config":{"retentionMs":-1}}"#.utf8),
            [2] + Array(#"{"term":4,"candidateId":3,"lastLogIndex":42,"lastLogTerm":3,"preVote":true}"#.utf8),
            [5]
                + Array(
                    #" { "term" : 3 , "leaderId" : 2 , "x" : [ true , false , -0.5E+3 , "\ud83d\ude00\n" ] } "#.utf8),
            [4]
                + Array(
                    #"{"term":3,"leaderId":2,"lastIncludedIndex":4,"lastIncludedTerm":3,"sequence":0,"dataBase64":"AA==","done":true}"#
                        .utf8),
        ]
        for _ in 0..<10 {
            var append = samples.appendEntries()
            for offset in append.entries.indices { append.entries[offset].timestamp &= 0xFFFF_FFFF }
            texts.append([3] + Samples.json(append))
        }
        texts += payloads(&samples).filter { (3...23).contains($0[0]) }.map { [$0[0] + 3] + $0.dropFirst() }
        return texts
    }

    // MARK: Dense forms

    /// Each behind the byte that names its type; see ``WireTargets/payload(_:)``.
    private static func payloads(_ samples: inout Samples) -> [[UInt8]] {
        (0..<60).map { _ in
            let (type, data) = CommandCodec.encode(samples.command())
            return [UInt8(WireTargets.types.firstIndex(of: type)!)] + data
        }
    }

    private static func rows(_ samples: inout Samples) -> [[UInt8]] {
        (0..<20).map { _ in
            var bytes: [UInt8] = [0]
            RowCodec.encode(samples.row(), into: &bytes)
            return bytes
        }
    }

    private static func chunks(_ samples: inout Samples) -> [[UInt8]] {
        (0..<20).map { _ in
            let parts = samples.chunk()
            let header = SnapshotChunk.Header(counters: parts.counters, digest: parts.digest)
            return SnapshotChunk(header: header, rows: parts.rows).encode()
        }
    }

    /// Whole states, which can be restored.
    private static func states(_ samples: inout Samples) -> [[UInt8]] {
        (1...10).map { size in
            var input = FuzzInput(draw(&samples, 40 * size))
            var state = MetadataStateMachine()
            while !input.isAtEnd { _ = state.apply(StateTargets.command(&input), timestamp: 1) }
            var rows: [Row] = []
            state.forEachRow { rows.append($0) }
            // Some as if they had been counted to the end.
            if size % 3 == 0 { state = MetadataStateMachine(counters: Counters(version: .max, revision: .max)) }
            return SnapshotChunk(header: .init(counters: state.counters, digest: state.digest), rows: rows).encode()
        }
    }

    /// Drawn logs, and some as they stand in a file.
    private static func logs(_ samples: inout Samples) -> [[UInt8]] {
        let drawings = (0..<20).map { draw(&samples, $0) }
        let files = drawings.prefix(8).map { drawing in
            var input = FuzzInput(drawing)
            return LogDrawing.log(&input, pageSize: WriteAheadLogTarget.pageSize)
        }
        return drawings.map { [0] + $0 } + files.map { [1] + $0 }
    }

    // MARK: Configuration

    private static let yaml = """
        ---
        # comment
        server:
          port: 9091 # behind
          "host": 'it''s'
        kraft.node.id: "1\\n\\"\\\\"
        empty:
        none: ~
        """
}
