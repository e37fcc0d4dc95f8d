import Foundation
import Testing

extension EndToEnd {
    /// Programs that were written for etcd, unchanged, as Debian has them, against three nodes.
    @Suite(.serialized) struct EtcdClientTests {
        private static let scripts = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/Clients/"
        /// Not whatever else is called so.
        private static let python = "/usr/bin/python3"

        private func expectSuccess(_ arguments: [String], in cluster: Cluster) throws {
            let result = try Finished.run(
                Self.python, arguments, environment: ["PATH": "/usr/bin:/bin:/usr/sbin:/sbin"],
                directory: cluster.directory.path, within: .seconds(300))
            #expect(result.status == 0, "\(result)")
            // How many, and how many were passed over.
            for text in [result.output, result.errorOutput] {
                print(text.split(separator: "\n").suffix(3).joined(separator: "\n"))
            }
        }

        @Test func casesOfEtcd3gw() throws {
            try Cluster.with { cluster in
                let follower = try cluster.followers()[0]
                try expectSuccess([Self.scripts + "etcd3gw_suite.py", "\(follower.port)"], in: cluster)
            }
        }

        @Test func casesOfTooz() throws {
            try Cluster.with { cluster in
                let follower = try cluster.followers()[0]
                try expectSuccess([Self.scripts + "tooz_suite.py", "\(follower.port)"], in: cluster)
            }
        }

        @Test(
            "PostgreSQL under Patroni: the controller's leader dies, then the database's, and then it is switched back")
        func patroni() throws {
            try Cluster.with { cluster in
                let leader = try cluster.leader()
                let hosts = cluster.nodes.map { "localhost:\($0.port)" }
                let pid = try #require(leader.processID)
                try expectSuccess([Self.scripts + "patroni_suite.py", "\(pid)"] + hosts, in: cluster)
            }
        }
    }
}
