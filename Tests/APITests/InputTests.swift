import Synchronization
import Testing

@testable import API

/// Every endpoint that requires a JSON body, with every fault a body can have.
@Suite struct InputTests {
    private static let brokers = "/api/v1/metadata/brokers"
    private static let topics = "/api/v1/metadata/topics"
    private static let lag = "/api/v1/metadata/isr/lag"
    private static let vote = "/api/v1/raft/vote"
    private static let append = "/api/v1/raft/append"
    private static let snapshot = "/api/v1/raft/snapshot"
    private static let timeoutNow = "/api/v1/raft/timeout-now"
    private static let all = [brokers, topics, lag, vote, append, snapshot, timeoutNow]

    @Test(arguments: all) func `malformed JSON`(path: String) async {
        for body in ["", "{", "{}x", "{\"a\":1,}", "nonsense", "{\"a\":\"\\x\"}"] {
            let answer = await Client().post(path, body)
            #expect(answer.status == 400)
            #expect(answer.code == "invalid_json")
        }
    }

    @Test(arguments: all) func `a body that is no object`(path: String) async {
        let answer = await Client().post(path, "[]")
        #expect(answer.status == 400)
        #expect(answer.code == "invalid_type")
    }

    @Test(arguments: all) func `a missing field`(path: String) async {
        let answer = await Client().post(path, "{}")
        #expect(answer.status == 400)
        #expect(answer.code == "missing_field")
    }

    @Test(arguments: all) func `another media type`(path: String) async {
        for type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "", nil] {
            let answer = await Client().post(path, "{}", type: type)
            #expect(answer.status == 415)
            #expect(answer.code == "unsupported_media_type")
        }
        for type in ["application/json", "Application/JSON; charset=utf-8", "application/problem+json"] {
            #expect(await Client().post(path, "{}", type: type).code == "missing_field")
        }
    }

    @Test(arguments: [
        (brokers, #"{"host":"h","port":1}"#, "missing_field", "brokerId"),
        (brokers, #"{"brokerId":1,"port":1}"#, "missing_field", "host"),
        (brokers, #"{"brokerId":1,"host":"h"}"#, "missing_field", "port"),
        (brokers, #"{"brokerId":"1","host":"h","port":1}"#, "invalid_type", "brokerId"),
        (brokers, #"{"brokerId":true,"host":"h","port":1}"#, "invalid_type", "brokerId"),
        (brokers, #"{"brokerId":1.5,"host":"h","port":1}"#, "invalid_type", "brokerId"),
        (brokers, #"{"brokerId":null,"host":"h","port":1}"#, "invalid_type", "brokerId"),
        (brokers, #"{"brokerId":1,"host":7,"port":1}"#, "invalid_type", "host"),
        (brokers, #"{"brokerId":1,"host":"h","port":"1"}"#, "invalid_type", "port"),
        (brokers, #"{"brokerId":1,"host":"h","port":1,"rack":1}"#, "invalid_type", "rack"),
        (brokers, #"{"brokerId":0,"host":"h","port":1}"#, "out_of_range", "brokerId"),
        (brokers, #"{"brokerId":-1,"host":"h","port":1}"#, "out_of_range", "brokerId"),
        (brokers, #"{"brokerId":9007199254740992,"host":"h","port":1}"#, "out_of_range", "brokerId"),
        (brokers, #"{"brokerId":1,"host":"","port":1}"#, "out_of_range", "host"),
        (brokers, #"{"brokerId":1,"host":"a/b","port":1}"#, "out_of_range", "host"),
        (brokers, #"{"brokerId":1,"host":"broker1.example:8081","port":1}"#, "out_of_range", "host"),
        (brokers, #"{"brokerId":1,"host":"127.0.0.1:8081","port":1}"#, "out_of_range", "host"),
        (brokers, #"{"brokerId":1,"host":"%","port":1}"#, "out_of_range", "host"),
        (brokers, #"{"brokerId":1,"host":"[","port":1}"#, "out_of_range", "host"),
        (brokers, #"{"brokerId":1,"host":"[::1","port":1}"#, "out_of_range", "host"),
        (brokers, #"{"brokerId":1,"host":"::g","port":1}"#, "out_of_range", "host"),
        (brokers, #"{"brokerId":1,"host":"h","port":0}"#, "out_of_range", "port"),
        (brokers, #"{"brokerId":1,"host":"h","port":65536}"#, "out_of_range", "port"),
        (topics, #"{"numPartitions":1,"replicationFactor":1}"#, "missing_field", "topicName"),
        (topics, #"{"topicName":"t","replicationFactor":1}"#, "missing_field", "numPartitions"),
        (topics, #"{"topicName":"t","numPartitions":1}"#, "missing_field", "replicationFactor"),
        (topics, #"{"topicName":1,"numPartitions":1,"replicationFactor":1}"#, "invalid_type", "topicName"),
        (topics, #"{"topicName":"t","numPartitions":[],"replicationFactor":1}"#, "invalid_type", "numPartitions"),
        (topics, #"{"topicName":"t","numPartitions":1,"replicationFactor":1,"config":1}"#, "invalid_type", "config"),
        (
            topics, #"{"topicName":"t","numPartitions":1,"replicationFactor":1,"config":{"retentionMs":"x"}}"#,
            "invalid_type", "config.retentionMs"
        ),
        (topics, #"{"topicName":"..","numPartitions":1,"replicationFactor":1}"#, "out_of_range", "topicName"),
        (topics, #"{"topicName":"","numPartitions":1,"replicationFactor":1}"#, "out_of_range", "topicName"),
        (topics, #"{"topicName":"t","numPartitions":0,"replicationFactor":1}"#, "out_of_range", "numPartitions"),
        (topics, #"{"topicName":"t","numPartitions":10001,"replicationFactor":1}"#, "out_of_range", "numPartitions"),
        (topics, #"{"topicName":"t","numPartitions":1,"replicationFactor":0}"#, "out_of_range", "replicationFactor"),
        (lag, #"{"partitions":[]}"#, "missing_field", "brokerId"),
        (lag, #"{"brokerId":1}"#, "missing_field", "partitions"),
        (lag, #"{"brokerId":1,"partitions":{}}"#, "invalid_type", "partitions"),
        (lag, #"{"brokerId":1,"partitions":[1]}"#, "invalid_type", "partitions[0]"),
        (
            lag, #"{"brokerId":1,"partitions":[{"topic":"t","partition":0,"timeSinceCaughtUp":0}]}"#, "missing_field",
            "partitions[0].offsetLag"
        ),
        (
            lag,
            #"{"brokerId":1,"partitions":[{"topic":"t","partition":0,"offsetLag":0,"timeSinceCaughtUp":0,"followerLEO":"1"}]}"#,
            "invalid_type", "partitions[0].followerLEO"
        ),
        (lag, #"{"brokerId":0,"partitions":[]}"#, "out_of_range", "brokerId"),
        (vote, #"{"term":1e30,"candidateId":3,"lastLogIndex":1,"lastLogTerm":1}"#, "out_of_range", "term"),
        (vote, #"{"term":1,"candidateId":"3","lastLogIndex":1,"lastLogTerm":1}"#, "invalid_type", "candidateId"),
        (
            append,
            #"{"term":1,"leaderId":2,"prevLogIndex":0,"prevLogTerm":0,"entries":[{"index":2,"term":1,"commandType":"PUT","commandData":""}],"leaderCommit":0}"#,
            "out_of_range", "entries[0].index"
        ),
        (timeoutNow, #"{"term":1,"leaderId":0}"#, "out_of_range", "leaderId"),
        (
            snapshot,
            #"{"term":1,"leaderId":2,"lastIncludedIndex":1,"lastIncludedTerm":1,"sequence":0,"dataBase64":"!","done":true}"#,
            "out_of_range", "dataBase64"
        ),
    ])
    func `a faulty field is named`(path: String, body: String, code: String, field: String) async {
        let client = Client()
        let answer = await client.post(path, body)
        #expect(answer.status == 400)
        #expect(answer.code == code)
        #expect(answer.text.contains("`\(field)`"), "\(answer.text)")
        #expect(client.node.state.withLock { $0.submitted.isEmpty && $0.reports.isEmpty && $0.received.isEmpty })
    }

    /// The field alone is within its range; the product is not.
    @Test(arguments: [(10_000, 10, true), (10_000, 11, false), (101, 1000, false), (100, 1000, true)])
    func `a topic has so many replicas and no more`(partitions: Int, replicas: Int, isAdmitted: Bool) async {
        let client = Client()
        let answer = await client.post(
            "/api/v1/metadata/topics",
            #"{"topicName":"t","numPartitions":\#(partitions),"replicationFactor":\#(replicas)}"#)
        #expect(client.node.state.withLock { $0.submitted.count } == (isAdmitted ? 1 : 0))
        guard !isAdmitted else { return }
        #expect(answer.status == 400)
        #expect(answer.code == "out_of_range")
        #expect(answer.text.contains("100000"), "\(answer.text)")
    }

    @Test func `percent-encoding is decoded, or refused`() {
        func decode(_ text: String) -> [UInt8]? { PercentDecoding.decode(text.utf8) }
        #expect(decode("a%2Fb%c3%BC+") == Array("a/bü+".utf8))
        #expect(PercentDecoding.decode("a+b%2B".utf8, plusIsSpace: true) == Array("a b+".utf8))
        for text in ["%", "%a", "a%g0", "%0g", "%%41"] { #expect(decode(text) == nil) }
    }

    @Test func `query parameters are found by their decoded name`() throws {
        let query = QueryParameters("x=1&&%6Cimit=7&flag&after=%2Fa%26b&x=2&bad=%zz&text=%FF")
        #expect(try query.integer("limit", in: 1...10) == 7)
        #expect(try query.text("x") == "1")
        #expect(try query.text("flag") == "")
        #expect(try query.text("after") == "/a&b")
        #expect(try query.text("none") == nil)
        #expect(throws: Problem.self) { try query.text("bad") }
        #expect(throws: Problem.self) { try query.text("text") }
        #expect(throws: Problem.self) { try query.integer("limit", in: 1...6) }
        #expect(throws: Problem.self) { try query.integer("flag", in: 1...6) }
        #expect(throws: Problem.self) { try query.bool("x") }
        #expect(try QueryParameters(nil).text("x") == nil)
    }

    @Test func `Accept is read by media type and quality`() {
        for accept in ["application/json", "text/html, Application/JSON;q=0.5", "application/json , */*"] {
            #expect(MediaType.acceptsJSON(accept))
        }
        for accept in ["*/*", "", "application/jsonp", "text/plain", "application/json;q=0", "application/json; q=0.0"]
        {
            #expect(!MediaType.acceptsJSON(accept))
        }
    }
}
