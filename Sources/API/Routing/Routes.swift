/// Every path of the contract. The busiest come first: the table is searched from its beginning.
enum Routes {
    /// The place of etcd's gateway in the table.
    static let etcd = 1
    static let table: [Route] = [
        Route(
            "/api/v1/kv/{key...}",
            .get(KeyValueReads.get, KeyValueReads.parameters + KeyValueWatches.parameters),
            .put(KeyValueWrites.put, "lease"), .delete(KeyValueWrites.delete, "recursive")),

        // Its own rules for methods and parameters.
        Route("/v3{call...}", .post { _ in }),

        Route("/api/v1/raft/append", .post(PeerRequests.append)),
        Route("/api/v1/raft/vote", .post(PeerRequests.vote)),
        Route("/api/v1/raft/snapshot", .post(PeerRequests.snapshot)),
        Route("/api/v1/raft/timeout-now", .post(PeerRequests.timeoutNow)),
        Route("/api/v1/raft/introduce", .post(PeerRequests.introduce)),
        Route("/api/v1/raft/status", .get(RaftState.status)),
        Route("/api/v1/raft/log", .get(RaftState.log, "from", "limit")),

        Route(
            "/api/v1/raft/members", .get(Members.list), .post(Members.add, "force", "dryRun", "wait"),
            .put(Members.setVoters, "force", "dryRun", "wait")),
        Route(
            "/api/v1/raft/members/{id...}", .post(Members.act, "force", "dryRun", "wait"),
            .delete(Members.remove, "force", "dryRun", "wait")),
        Route("/api/v1/metadata/features", .get(Features.list), .post(Features.set, "dryRun").orValidated),

        Route("/api/v1/metadata/heartbeat/{brokerId}", .post(BrokerReports.heartbeat)),
        Route("/api/v1/metadata/isr/lag", .post(BrokerReports.lag)),
        Route("/api/v1/metadata/isr", .post(InSyncReplicas.alter)),
        Route("/api/v1/metadata/elections", .post(Elections.elect).orValidated),
        Route(
            "/api/v1/metadata/reassignments", .get(Reassignments.list, Reassignments.parameters),
            .post(Reassignments.alter).orValidated, .delete(Reassignments.cancelAll).orValidated),
        Route("/api/v1/metadata/reassignments/{partition...}", .delete(Reassignments.cancel).orValidated),
        Route("/api/v1/metadata/controller", .get(ClusterState.controller, "consistency")),
        Route("/api/v1/metadata/cluster", .get(ClusterState.cluster, "consistency", "watch", "after")),
        Route("/api/v1/metadata/brokers", .get(Brokers.list, "consistency", "view"), .post(Brokers.register)),
        Route(
            "/api/v1/metadata/brokers/{brokerId}", .get(Brokers.get, "consistency"),
            .delete(Brokers.unregister).orValidated),
        Route(
            "/api/v1/metadata/brokers/{brokerId}/cordon", .put(Restrictions.cordon).orValidated,
            .delete(Restrictions.uncordon).orValidated),
        Route(
            "/api/v1/metadata/brokers/{brokerId}/maintenance", .get(Restrictions.maintenance, "consistency"),
            .put(Restrictions.beginMaintenance, "force").orValidated,
            .delete(Restrictions.endMaintenance).orValidated),
        Route(
            "/api/v1/metadata/topics", .get(Topics.list, "consistency", "view", "prefix", "limit", "after"),
            .post(Topics.create).orValidated),
        Route(
            "/api/v1/metadata/topics/{topicName}", .get(Topics.get, "consistency", "view", "from", "limit"),
            .delete(Topics.delete, "topicId").orValidated),
        Route("/api/v1/metadata/topics/{topicName}/partitions", .post(Topics.addPartitions).orValidated),
        Route("/api/v1/metadata/changes", .get(Changes.follow, "since", "wait", "watch", "limit", "after")),
        Route("/api/v1/metadata/snapshot", .get(Changes.snapshot, "limit", "after")),
        Route("/api/v1/metadata/partitions", .get(Partitions.list, Partitions.parameters)),
        Route("/api/v1/metadata/stop-check", .get(StopChecks.get, "brokers", "rack", "consistency")),
        Route("/api/v1/metadata/rehearsals", .post(Rehearsals.run, "consistency")),
        Route("/api/v1/metadata/health/cluster", .get(ClusterHealth.get, "consistency")),

        Route("/api/v1/metadata/producer-ids", .post(ProducerIDs.allocate)),
        Route("/api/v1/metadata/consumer-groups/find-or-create", .post(ConsumerGroups.findOrCreate)),
        Route("/api/v1/metadata/consumer-groups", .get(ConsumerGroups.list, "consistency")),
        Route(
            "/api/v1/metadata/consumer-groups/{groupId}", .get(ConsumerGroups.get, "consistency"),
            .delete(ConsumerGroups.delete, "brokerId")),
        Route(
            "/api/v1/metadata/consumer-groups/{groupId}/reassign-leader",
            .post(ConsumerGroups.reassignLeader, "newLeaderBrokerId")),

        Route("/api/v1/txn", .post(Transactions.commit)),
        Route("/api/v1/leases", .get(Leases.list, "consistency", "limit", "after"), .post(Leases.grant)),
        Route(
            "/api/v1/leases/{id...}", .get(Leases.get, "consistency"), .post(Leases.keepAlive),
            .delete(Leases.revoke)),
        Route(
            "/api/v1/locks/{name}", .get(Locks.get, "watch", "consistency"), .post(Locks.acquire),
            .delete(Locks.release, "token")),
        Route("/api/v1/kv-compaction", .post(KeyValueHistory.compact)),

        Route("/api/v1/backup", .get(Backups.get, "consistency")),

        Route("/version", .get(EtcdMaintenance.version)),
        Route("/health", .get(EtcdMaintenance.health)),
        Route("/healthz", .get(Health.live)),
        Route("/readyz", .get(Health.ready)),
        Route("/metrics", .get(Health.metrics)),
    ]
}
