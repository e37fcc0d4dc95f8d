import Metadata
import Raft

/// Commands as log payloads: a type name and self-describing bytes. Administration is JSON text, for people who read
/// the log with the `sqlite3` shell; key-values are the short forms of ``KeyValuePayload`` and ``TransactionPayload``.
public enum CommandCodec {
    public static func encode(_ command: Command) -> (type: String, data: [UInt8]) {
        switch command {
        case .put(let put): return (CommandType.put, KeyValuePayload.encode(put))
        case .delete(let delete): return (CommandType.delete, KeyValuePayload.encode(delete))
        case .transaction(let transaction): return (CommandType.transaction, TransactionPayload.encode(transaction))
        case .noop(nil): return (CommandType.noop, [])
        default: return CommandJSON.encode(command)
        }
    }

    /// The level of metadata.version from which on a command may stand in the log.
    public static func level(ofType type: String, data: [UInt8]) -> Int {
        switch type {
        case CommandType.deleteTopic:
            // Below, the condition would be passed over, and another topic deleted.
            if case .deleteTopic(let deletion)? = try? decode(type: type, data: data), deletion.id != nil {
                MetadataStateMachine.topicIDLevel
            } else {
                1
            }
        case CommandType.transaction, CommandType.compaction, CommandType.grantLease, CommandType.revokeLease,
            CommandType.keepLeasesAlive:
            2
        case CommandType.changeBrokerState: MetadataStateMachine.incarnationLevel
        case CommandType.alterPartitions, CommandType.electLeaders: MetadataStateMachine.topicIDLevel
        case CommandType.createTopic:
            // Below, they would be passed over, and the replicas placed elsewhere.
            if case .createTopic(let creation)? = try? decode(type: type, data: data), creation.assignments != nil {
                MetadataStateMachine.operationsLevel
            } else {
                1
            }
        case CommandType.alterReassignments, CommandType.createPartitions, CommandType.restrictBroker,
            CommandType.findGroup, CommandType.moveGroup, CommandType.deleteGroup, CommandType.allocateProducerIDs:
            MetadataStateMachine.operationsLevel
        default: 1
        }
    }

    /// Never traps: whatever the bytes, the answer is a command whose values are all in range, or an error.
    public static func decode(type: String, data: [UInt8]) throws(WireError) -> Command {
        switch type {
        case CommandType.put: return .put(try KeyValuePayload.decodePut(data))
        case CommandType.delete: return .delete(try KeyValuePayload.decodeDelete(data))
        case CommandType.transaction: return .transaction(try TransactionPayload.decode(data))
        case CommandType.noop where data.isEmpty: return .noop(clusterID: nil)
        default: return try CommandJSON.decode(type: type, data)
        }
    }
}

extension Proposal {
    public init(_ command: Command) {
        let (type, data) = CommandCodec.encode(command)
        self.init(type: type, data: data)
    }
}

/// The names of commands in the log.
enum CommandType {
    static let noop = LogEntry.noop
    static let put = "PUT"
    static let delete = "DEL"
    static let registerBroker = "RegisterBrokerCommand"
    static let unregisterBroker = "UnregisterBrokerCommand"
    static let updateBrokerStatus = "UpdateBrokerStatusCommand"
    static let createTopic = "CreateTopicCommand"
    static let deleteTopic = "DeleteTopicCommand"
    static let updateInSyncReplicas = "UpdateInSyncReplicasCommand"
    static let featureLevel = Command.levelType
    static let compaction = "CompactionCommand"
    static let transaction = "TXN"
    static let grantLease = "GrantLeaseCommand"
    static let revokeLease = "RevokeLeaseCommand"
    static let keepLeasesAlive = "KeepLeasesAliveCommand"
    static let changeBrokerState = "ChangeBrokerStateCommand"
    static let alterPartitions = "AlterPartitionsCommand"
    static let electLeaders = "ElectLeadersCommand"
    static let restrictBroker = "RestrictBrokerCommand"
    static let createPartitions = "CreatePartitionsCommand"
    static let alterReassignments = "AlterReassignmentsCommand"
    static let findGroup = "RegisterConsumerGroupCommand"
    static let moveGroup = "UpdateConsumerGroupLeaderCommand"
    static let deleteGroup = "DeleteConsumerGroupCommand"
    static let allocateProducerIDs = "AllocateProducerIdsCommand"
}
