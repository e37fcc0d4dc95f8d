import Glibc
import HTTP
import Metadata
import Raft
import Server
import Storage
import Synchronization
import Testing

@testable import API

@Suite struct BackupRouteTests {
    @Test(arguments: [
        (BackupRefusal.backup(.inProgress), 409, "backup_in_progress"),
        (.backup(.noSpace("full")), 507, "insufficient_storage"),
        (.backup(.abandoned("too long")), 503, "unavailable"),
        (.backup(.failed("broken")), 500, "backup_failed"),
        (.request(.unavailable("ending")), 503, "unavailable"),
    ])
    func refusalsAreProblems(refusal: BackupRefusal, status: Int, code: String) async {
        let client = Client()
        client.node.state.withLock { $0.backup = .failure(refusal) }
        let answer = await client.get("/api/v1/backup")
        #expect(answer.status == status)
        #expect(answer.code == code)
    }

    @Test func whoDoesNotLeadSaysWhoDoes() async {
        let client = Client()
        client.node.state.withLock { $0.backup = .failure(.request(.notLeader(leader: NodeID(3)))) }
        let answer = await client.get("/api/v1/backup")
        #expect(answer.status == 503)
        #expect(answer.header("X-Controller-Leader") == "3")
        #expect(answer.text.isEmpty)
    }

    @Test func headMakesNone() async {
        let answer = await Client().send("HEAD", "/api/v1/backup")
        #expect(answer.status == 200)
        #expect(answer.header("Content-Type") == "application/vnd.sqlite3")
    }
}
