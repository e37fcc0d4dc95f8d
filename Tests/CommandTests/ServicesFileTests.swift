import Raft
import Server
import Testing

@testable import dmq_metadata

@Suite struct ServicesFileTests {
    private func complaint(_ text: String) -> String {
        do throws(ConfigurationError) {
            _ = try ServicesFile(Array(text.utf8), path: "s.json")
            return ""
        } catch {
            return error.description
        }
    }

    private func nodes(_ nodes: String...) -> String {
        #"{"services":{"metadata-services":[\#(nodes.joined(separator: ","))]}}"#
    }

    @Test func readsMembersInOrderOfTheirIDs() throws {
        let file = try ServicesFile(Array(exampleServices.utf8), path: "s.json")
        #expect(file.members.map(\.id.number) == [1, 2, 3])
        #expect(
            file.members[2]
                == Member(id: NodeID(3), host: "db3.example.org", port: 9093, url: "http://db3.example.org:9093"))
        #expect(file.electionTimeoutMs == 4000)
    }

    @Test func shippedFileIsTheContracts() throws {
        guard case .bytes(let bytes) = readFile(repositoryRoot + "/etc/services.json") else {
            Issue.record("etc/services.json can not be read")
            return
        }
        let file = try ServicesFile(bytes, path: "etc/services.json")
        #expect(
            file.members.map { "\($0.id) \($0.host) \($0.port) \($0.url)" } == [
                "1 localhost 9091 http://localhost:9091", "2 localhost 9092 http://localhost:9092",
                "3 localhost 9093 http://localhost:9093",
            ])
        #expect(file.electionTimeoutMs == 5000)
    }

    @Test func shippedExampleHoldsEveryKeyAndSetsOnlyDefaults() throws {
        guard case .bytes(let bytes) = readFile(repositoryRoot + "/etc/application.yml") else {
            Issue.record("etc/application.yml can not be read")
            return
        }
        let text = String(decoding: bytes, as: UTF8.self)
        let standard = try configure([.nodeID: "1"])
        let configured = try configure([.nodeID: "1", .configurationFile: "a.yml"], files: ["a.yml": text])
        #expect("\(configured)" == "\(standard)")
        for key in ConfigurationKey.allCases where key.isAllowedInFile {
            let name = key.rawValue.split(separator: ".").last ?? ""
            #expect(text.contains("\(name):"), "\(key.rawValue) is missing")
        }
    }

    @Test func byteOrderMarkIsNoMistake() throws {
        let file = try ServicesFile([0xEF, 0xBB, 0xBF] + Array(exampleServices.utf8), path: "s.json")
        #expect(file.members.count == 3)
    }

    @Test(arguments: ["127.0.0.1:21045", "db1.example:9091", "::g", "a%b", "fe80:::1"])
    func hostWithAPortIsNoHost(host: String) {
        let text = complaint(nodes(#"{"id":1,"host":"\#(host)","port":9091}"#))
        #expect(text.contains("s.json: services.metadata-services[0].host is \"\(host)\", which is neither"))
    }

    @Test func writesOutIPv6Addresses() throws {
        let file = try ServicesFile(Array(nodes(#"{"id":1,"host":"::1","port":9091}"#).utf8), path: "s.json")
        #expect(file.members[0].url == "http://[::1]:9091")
    }

    @Test func refusesWrongShapes() {
        #expect(complaint("{}") == "s.json: field `services` is missing")
        #expect(complaint(#"{"services":{}}"#) == "s.json: field `services.metadata-services` is missing")
        #expect(complaint("[]") == "s.json: the text must be a JSON object")
        #expect(complaint(#"{"services":[]}"#) == "s.json: field `services` must be an object, not an array")
        let list = "s.json: field `services.metadata-services"
        #expect(
            complaint(#"{"services":{"metadata-services":{}}}"#) == "\(list)` must be an array, not an object")
        #expect(
            complaint(nodes(#"{"id":"1","host":"h","port":1}"#)) == "\(list)[0].id` must be an integer, not a string")
        #expect(
            complaint(nodes(#"{"id":1.5,"host":"h","port":1}"#)) == "\(list)[0].id` must be an integer, not a fraction")
        #expect(complaint(nodes(#"{"id":1,"port":1}"#)) == "\(list)[0].host` is missing")
        #expect(complaint(nodes(#"{"id":1,"host":7,"port":1}"#)) == "\(list)[0].host` must be a string, not an integer")
        #expect(
            complaint(#"{"services":{"metadata-services":[]},"controller":{"electionTimeoutMs":"5s"}}"#)
                == "s.json: field `controller.electionTimeoutMs` must be an integer, not a string")
        #expect(
            complaint("{ \"a\": nonsense }")
                == "s.json: the text is not valid JSON: expected true, false or null at byte 7")
    }

    @Test func refusesWrongValues() {
        let place = "s.json: services.metadata-services[0]"
        #expect(complaint(nodes()) == "s.json: services.metadata-services lists no node; a cluster has 1 to 7")
        let eight = (1...8).map { #"{"id":\#($0),"host":"h\#($0)","port":1}"# }.joined(separator: ",")
        #expect(complaint(nodes(eight)) == "s.json: services.metadata-services lists 8 nodes; a cluster has 1 to 7")
        #expect(
            complaint(nodes(#"{"id":0,"host":"h","port":1}"#)) == "\(place).id is 0; node ids are positive integers")
        for port in ["0", "65536", "-1"] {
            #expect(
                complaint(nodes(#"{"id":1,"host":"h","port":\#(port)}"#))
                    == "\(place).port is \(port); a port is a number from 1 to 65535")
        }
        #expect(complaint(nodes(#"{"id":1,"host":"","port":1}"#)).hasPrefix("\(place).host is \"\""))
        #expect(complaint(nodes(#"{"id":1,"host":"http://h","port":1}"#)).hasPrefix("\(place).host is \"http://h\""))
        for url in ["h:1", "ftp://h", "http://h\\r\\nX: y"] {
            #expect(complaint(nodes(#"{"id":1,"host":"h","port":1,"url":"\#(url)"}"#)).hasPrefix("\(place).url is "))
        }
    }

    @Test func refusesDuplicates() {
        let place = "s.json: services.metadata-services[1]"
        let first = #"{"id":1,"host":"h","port":1,"url":"http://h"}"#
        #expect(
            complaint(nodes(first, #"{"id":1,"host":"i","port":1}"#))
                == "\(place).id is 1, which another node has; ids are unique")
        #expect(
            complaint(nodes(first, #"{"id":2,"host":"h","port":1}"#))
                == "\(place) has the host and port of node 1 (h:1); each node needs its own")
        #expect(
            complaint(nodes(first, #"{"id":2,"host":"i","port":1,"url":"http://h"}"#))
                == "\(place).url is that of node 1 (http://h); each needs its own")
    }
}

/// Two folders above this file's.
let repositoryRoot = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
