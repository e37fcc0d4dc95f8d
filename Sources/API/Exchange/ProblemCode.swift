/// The stable codes of problem documents: clients may depend on them, so none is ever renamed. The codes of the HTTP
/// layer's own answers (a malformed request, a header too large, …) are listed there.
public enum ProblemCode: String, Sendable, CaseIterable {
    // The request
    case invalidJSON = "invalid_json"
    case missingField = "missing_field"
    case invalidType = "invalid_type"
    case outOfRange = "out_of_range"
    case invalidParameter = "invalid_parameter"
    case unknownParameter = "unknown_parameter"
    case invalidKey = "invalid_key"
    case invalidPrecondition = "invalid_precondition"
    case invalidMessage = "invalid_message"
    case recursiveRequired = "recursive_required"
    case brokerIDMismatch = "broker_id_mismatch"
    case unknownPath = "unknown_path"
    case methodNotAllowed = "method_not_allowed"
    case bodyTooLarge = "body_too_large"
    case unsupportedMediaType = "unsupported_media_type"
    case misdirectedRequest = "misdirected_request"
    case foreignOrigin = "foreign_origin"

    // The state
    case unknownBroker = "unknown_broker"
    case unknownTopic = "unknown_topic"
    case unknownKey = "unknown_key"
    case brokerIDInUse = "broker_id_in_use"
    case duplicateRegistration = "duplicate_broker_registration"
    case staleBrokerEpoch = "stale_broker_epoch"
    case clusterIDMismatch = "cluster_id_mismatch"
    case brokerHasPartitions = "broker_has_partitions"
    case maintenanceInProgress = "maintenance_in_progress"
    case notEnoughBrokers = "not_enough_brokers"
    case topicExists = "topic_exists"
    case topicIDMismatch = "topic_id_mismatch"
    case topicNameCollision = "topic_name_collision"
    case invalidPartitions = "invalid_partitions"
    case invalidReplicaAssignment = "invalid_replica_assignment"
    case unknownPartition = "unknown_partition"
    case noReassignmentInProgress = "no_reassignment_in_progress"
    case uncleanCancel = "unclean_cancel"
    case unknownGroup = "unknown_group"
    case notGroupLeader = "not_group_leader"
    case groupIDCollision = "group_id_collision"
    case tooManyGroups = "too_many_groups"
    case producerIDsExhausted = "producer_ids_exhausted"
    case revisionMismatch = "revision_mismatch"
    case revisionCompacted = "revision_compacted"
    case futureRevision = "future_revision"
    case versionTooOld = "version_too_old"
    case versionAhead = "version_ahead"
    case invalidCommand = "invalid_command"
    case tooManyChanges = "too_many_changes"
    case unknownLease = "unknown_lease"
    case leaseExists = "lease_exists"
    case tooManyLeases = "too_many_leases"
    case leaseFull = "lease_full"
    case keyChangedTwice = "key_changed_twice"
    case lockHeld = "lock_held"
    case staleFence = "stale_fence"

    // The members
    case unknownMember = "unknown_member"
    case idInUse = "id_in_use"
    case changeInProgress = "change_in_progress"
    case wouldLoseQuorum = "would_lose_quorum"
    case notCaughtUp = "not_caught_up"
    case unreachable = "unreachable"
    case foreignCluster = "foreign_cluster"
    case featureNotEnabled = "feature_not_enabled"
    case unknownFeature = "unknown_feature"
    case unsupportedFeatureLevel = "unsupported_feature_level"

    // The node
    case notReady = "not_ready"
    case overloaded = "overloaded"
    case unavailable = "unavailable"
    case outcomeUnknown = "outcome_unknown"
    case backupInProgress = "backup_in_progress"
    case insufficientStorage = "insufficient_storage"
    case backupFailed = "backup_failed"
    case internalError = "internal_error"

    public var status: Int {
        switch self {
        case .invalidJSON, .missingField, .invalidType, .outOfRange, .invalidParameter, .unknownParameter,
            .invalidKey, .invalidPrecondition, .invalidMessage, .recursiveRequired, .brokerIDMismatch,
            .notEnoughBrokers, .futureRevision, .keyChangedTwice, .invalidPartitions, .invalidReplicaAssignment:
            400
        case .unknownPath, .unknownBroker, .unknownTopic, .unknownKey, .unknownLease, .unknownMember, .unknownFeature,
            .unknownPartition, .unknownGroup:
            404
        case .foreignOrigin, .notGroupLeader: 403
        case .methodNotAllowed: 405
        case .brokerIDInUse, .duplicateRegistration, .staleBrokerEpoch, .clusterIDMismatch, .brokerHasPartitions,
            .topicExists, .topicIDMismatch, .topicNameCollision, .maintenanceInProgress, .noReassignmentInProgress,
            .uncleanCancel,
            .versionAhead, .idInUse, .changeInProgress, .wouldLoseQuorum,
            .notCaughtUp, .featureNotEnabled, .unsupportedFeatureLevel,
            .backupInProgress, .leaseExists, .tooManyLeases, .leaseFull, .lockHeld, .groupIDCollision, .tooManyGroups,
            .producerIDsExhausted:
            409
        case .revisionCompacted, .versionTooOld: 410
        case .revisionMismatch, .staleFence: 412
        case .bodyTooLarge, .tooManyChanges: 413
        case .unsupportedMediaType: 415
        case .misdirectedRequest: 421
        case .unreachable, .foreignCluster: 422
        case .invalidCommand, .internalError, .backupFailed: 500
        case .notReady, .overloaded, .unavailable: 503
        case .outcomeUnknown: 504
        case .insufficientStorage: 507
        }
    }
}
