#if Defects || DEBUG

    /// Mistakes that people make in such a program, to be made on purpose: the test is tested with them. Each breaks one
    /// rule at one place, where ``isOn`` is asked, and must be caught by the simulation.
    ///
    /// § is Ongaro, *Consensus: Bridging Theory and Practice*, 2014.
    public enum Defect: String, CaseIterable, Sendable {
        // Elections

        /// A vote is told, and not written to disk (§3.8).
        case voteNotPersisted = "vote-not-persisted"
        /// A term learnt from others is not written to disk (§3.8).
        case termNotPersisted = "term-not-persisted"
        /// A vote is told while it is still on its way to the disk (§3.8).
        case voteBeforeFsync = "vote-before-fsync"
        /// A process that starts does not remember whom it voted for, and votes before the others know of it (§3.8).
        case voteForgottenAtRestart = "vote-forgotten-at-restart"
        /// Whoever asks gets a vote, also the second in one term (§3.4).
        case votesTwice = "votes-twice"
        /// Candidates whose log lacks entries get votes (§3.6.1).
        case votesForShortLog = "votes-for-short-log"
        /// The longer log is the more up-to-date one, whatever its last term is (§3.6.1).
        case longerLogWins = "longer-log-wins"
        /// A pre-vote that comes late counts as a vote (§9.6).
        case preVotesCountAsVotes = "pre-votes-count-as-votes"
        /// A candidate leads while its own vote is on its way to the disk (§3.8).
        case leadsBeforeOwnVote = "leads-before-own-vote"
        /// A term that is earlier than the own one is taken over like a later one (§3.3).
        case termGoesBack = "term-goes-back"

        // Replication

        /// An entry of another term at the same index is kept, and acknowledged as if it were the leader's (§3.5).
        case noTruncationOnConflict = "no-truncation-on-conflict"
        /// What conflicts is removed from memory and stays on disk (§3.5).
        case truncationNotPersisted = "truncation-not-persisted"
        /// An old append that agrees with the log removes what is newer (§3.5).
        case truncatesOnOldAppend = "truncates-on-old-append"
        /// The entry before the new ones must exist; its term is not looked at (§3.5).
        case previousTermUnchecked = "previous-term-unchecked"
        /// Entries are acknowledged while they are on their way to the disk (§3.8).
        case ackBeforeFsync = "ack-before-fsync"
        /// The answer to a heartbeat acknowledges entries that are not on disk (§3.8).
        case heartbeatAcksUndurable = "heartbeat-acks-undurable"
        /// A follower commits whatever it has up to the leader's commit, not up to where the logs agree (figure 3.1).
        case commitsBeyondMatch = "commits-beyond-match"
        /// A write that completes late makes entries durable which took the place of its own.
        case lateWriteMakesAllDurable = "late-write-makes-all-durable"
        /// An acknowledgement counts for all that was sent by then, not for what it names (§10.2.1).
        case matchIsWhatWasSent = "match-is-what-was-sent"

        // Commitment

        /// An entry of an earlier term is committed by counting (§3.6.2).
        case commitsOldTerm = "commits-old-term"
        /// A leader counts itself before its own disk has the entry (§10.2.1).
        case leaderCountsEarly = "leader-counts-early"
        /// Half of the voters are a majority.
        case halfIsEnough = "half-is-enough"

        // Reads

        /// Reads are served before an entry of the own term is committed (§6.4).
        case readsBeforeOpening = "reads-before-opening"
        /// Reads are served by whoever believes that it leads, without asking (§6.4).
        case staleReads = "stale-reads"
        /// A follower serves linearizable reads from what it has applied (§6.4).
        case followersServeReads = "followers-serve-reads"
        /// A heartbeat is acknowledged by whoever believes that it leads, without asking.
        case heartbeatUnconfirmed = "heartbeat-unconfirmed"

        // Checkpoints and snapshots

        /// A received snapshot replaces a log that has more (§5.3).
        case snapshotReplacesLog = "snapshot-replaces-log"
        /// The sender of a snapshot goes on when its leadership has ended, and speaks in the next leader's term.
        case snapshotsOutliveLeadership = "snapshots-outlive-leadership"
        /// The log is forgotten further than the state tables reach (§5.1).
        case compactsBeyondCheckpoint = "compacts-beyond-checkpoint"
        /// One of the changed rows is not written with the checkpoint.
        case checkpointForgetsARow = "checkpoint-forgets-a-row"
        /// A process that starts applies the last entry once more.
        case appliesAgainAtRestart = "applies-again-at-restart"
        /// A process that starts gives the last revision again.
        case revisionReused = "revision-reused"

        // Contradictions

        /// Nobody asks whether all nodes come to the same state.
        case digestsNeverCompared = "digests-never-compared"
        /// A node that leaves service goes on answering reads that ask for no confirmation.
        case sickNodeAnswersStaleReads = "sick-node-answers-stale-reads"
        /// A leader whose state a majority contradicts goes on leading.
        case oddLeaderStays = "odd-leader-stays"

        // Disks

        /// The disk says that it has what it only holds in its cache.
        case fsyncLies = "fsync-lies"
        /// A node goes on when a write failed.
        case ignoresFailedWrite = "ignores-failed-write"

        // Clients

        /// The client is answered with the result of the entry that took its entry's place.
        case answersForAnothersEntry = "answers-for-anothers-entry"
        /// A write that is not committed in time is told as not executed.
        case timeoutToldAsNotExecuted = "timeout-told-as-not-executed"

        // Identity

        /// An empty node votes as soon as it hears of a cluster, whatever it has forgotten.
        case emptyNodeVotes = "empty-node-votes"
        /// Whoever says the right id is taken for the member, on whatever directory.
        case directoryIgnored = "directory-ignored"
        /// Every start of a directory is taken for the latest, also by itself.
        case runIgnored = "run-ignored"
        /// A message is taken by whatever node it reaches, an answer from whoever gives it.
        case addresseeIgnored = "addressee-ignored"
        /// A node goes by the list that it is given, whatever its data are of.
        case listBelieved = "list-believed"
        /// Who joins votes for logs that lack what was committed before.
        case floorIgnored = "floor-ignored"
        /// What is written down about others is forgotten at each start.
        case membersForgotten = "members-forgotten"
        /// An empty node begins a new cluster though it heard of data.
        case birthBesideData = "birth-beside-data"

        /// A copied or restored directory is taken for the original.
        case copyUnnoticed = "copy-unnoticed"
        /// Acknowledgements and votes of directories that are not admitted count.
        case strangersCount = "strangers-count"
        /// A node that ends because its directory runs twice may vote at its next start.
        case voteKeptAtFork = "vote-kept-at-fork"

        // Members in the log (§4), in stories in which they change

        /// In a joint configuration only the majority of the new voters counts (§4.3).
        case jointCountsOneHalf = "joint-counts-one-half"
        /// A joint configuration is left before it is committed (§4.3).
        case jointLeftUncommitted = "joint-left-uncommitted"
        /// A leader that finds a joint configuration in its log leaves it as it is (§4.3).
        case newLeaderForgetsJoint = "new-leader-forgets-joint"
        /// Voters are exchanged by one entry, not by a joint configuration (§4.3).
        case singleStepSwap = "single-step-swap"
        /// A configuration counts when it is committed, not when it is in the log (§4.1).
        case configurationCountsWhenCommitted = "configuration-counts-when-committed"
        /// A configuration stays when its entry is truncated (§4.1).
        case configurationKeptAfterTruncation = "configuration-kept-after-truncation"
        /// Who installs a snapshot knows nothing of the members in it (§5.1).
        case snapshotForgetsConfiguration = "snapshot-forgets-configuration"
        /// Learners count in the majority (§4.2.1).
        case learnerCounts = "learner-counts"
        /// A newcomer is a voter before it has the log (§4.2.1).
        case promotesWithoutCatchUp = "promotes-without-catch-up"
        /// A leader that is leaving counts itself (§4.2.2).
        case outsideLeaderCountsItself = "outside-leader-counts-itself"
        /// A leader that was removed goes on leading (§4.2.2).
        case removedLeaderStays = "removed-leader-stays"
        /// A newcomer that ends before it has anything takes its services file for the members.
        case newcomerGoesByItsFile = "newcomer-goes-by-its-file"

        // State machine and brokers

        /// The digest of a partition that changed still has the old row in it.
        case digestKeepsOldRow = "digest-keeps-old-row"
        /// The last in-sync replica of a partition leaves.
        case isrBelowOne = "isr-below-one"
        /// A replica that is not in sync becomes leader.
        case uncleanElection = "unclean-election"
        /// A partition's next leader has the epoch of the one before.
        case epochStays = "epoch-stays"
        /// A new leader does not know which brokers to wait for.
        case heartbeatsNotRebuilt = "heartbeats-not-rebuilt"
        /// A broker is sent the snapshot that is at hand, though it has been told of later changes.
        case lastPushFirst = "last-push-first"

        // What brokers, administrators and clients are told

        /// No broker is told anything (contract §6, as all below).
        case pushesNeverSent = "pushes-never-sent"
        /// Brokers are not told of new topics.
        case createdTopicsNotPushed = "created-topics-not-pushed"
        /// Brokers are not told of deleted topics.
        case deletedTopicsNotPushed = "deleted-topics-not-pushed"
        /// Brokers are not told of others that come, move or go.
        case brokersNotPushed = "brokers-not-pushed"
        /// A process that starts again at once is taken for the one that was told everything.
        case returningProcessNotTold = "returning-process-not-told"
        /// Brokers are not told of new leaders.
        case leadersNotPushed = "leaders-not-pushed"
        /// Brokers are not told of changed in-sync replicas.
        case inSyncReplicasNotPushed = "in-sync-replicas-not-pushed"
        /// Brokers are not told of a new controller.
        case controllerChangeNotPushed = "controller-change-not-pushed"
        /// A broker that comes is not told what there is.
        case fullSnapshotMissing = "full-snapshot-missing"
        /// A broker that comes is told of brokers only.
        case fullSnapshotWithoutPartitions = "full-snapshot-without-partitions"
        /// A broker that comes is not told of those that are OFFLINE.
        case fullSnapshotOfOnlineOnly = "full-snapshot-of-online-only"
        /// What a broker does not take is not sent again.
        case failedPushNotRepeated = "failed-push-not-repeated"
        /// An update names the version before its own.
        case pushNamesOlderVersion = "push-names-older-version"
        /// A broker is OFFLINE after a quarter of the timeout (contract §4, as all below).
        case timeoutQuartered = "timeout-quartered"
        /// A new leader takes everybody for silent who has not spoken to it.
        case newLeaderExpiresAtOnce = "new-leader-expires-at-once"
        /// A heartbeat is acknowledged, and does not count as one.
        case heartbeatNotCounted = "heartbeat-not-counted"
        /// The heartbeat of an OFFLINE broker is acknowledged, and it stays OFFLINE.
        case heartbeatBringsNobodyBack = "heartbeat-brings-nobody-back"
        /// Heartbeats are answered with version 0.
        case heartbeatVersionZero = "heartbeat-version-zero"
        /// Lag reports are acknowledged, and nothing comes of them (contract §5, as all below).
        case lagReportsIgnored = "lag-reports-ignored"
        /// Who is out of sync joins, instead of leaving.
        case lagReportsInverted = "lag-reports-inverted"
        /// A replica stays in sync that is too far behind.
        case lagLimitMoved = "lag-limit-moved"
        /// A replica is in sync again before it has caught up.
        case caughtUpTooEarly = "caught-up-too-early"
        /// A broker that comes back is in sync with no report of it.
        case returningBrokerIsInSync = "returning-broker-is-in-sync"
        /// The last ONLINE in-sync replica becomes leader, not the first.
        case electsTheLast = "elects-the-last"
        /// A new topic is acknowledged, and not created (contract §3, as all below).
        case topicsNotCreated = "topics-not-created"
        /// A topic's end is acknowledged, and it stays.
        case topicsNotDeleted = "topics-not-deleted"
        /// Partitions are placed on brokers that are OFFLINE.
        case placesOnOfflineBrokers = "places-on-offline-brokers"
        /// All topics begin with the same broker.
        case placementDoesNotRotate = "placement-does-not-rotate"
        /// Replicas are placed without regard to racks.
        case racksIgnored = "racks-ignored"
        /// From placement.version 2 on each leader is followed by its next on the ring.
        case followersDoNotShift = "followers-do-not-shift"
        /// From placement.version 2 on replicas are placed without regard to racks.
        case racksIgnoredWhenSpread = "racks-ignored-when-spread"
        /// From placement.version 2 on whoever has led most leads again.
        case fewestLeadersIgnored = "fewest-leaders-ignored"
        /// From placement.version 2 on it does not count who has followed a leader before.
        case pairingsIgnored = "pairings-ignored"
        /// A topic with another replication factor is taken for the same.
        case otherTopicIsTheSame = "other-topic-is-the-same"
        /// A repeated creation is told as a new topic.
        case repeatedTopicIsNew = "repeated-topic-is-new"
        /// A second process takes the id of a broker that is ONLINE.
        case movesWhileOnline = "moves-while-online"
        /// A second process takes the id of a broker that is ACTIVE, and does not show that the first one is gone.
        case replacesActiveBroker = "replaces-active-broker"
        /// What was decided about a process that was replaced happens to the one that took its place.
        case staleEpochChangesState = "stale-epoch-changes-state"
        /// A lag report of a process that was replaced counts.
        case staleEpochReportsLag = "stale-epoch-reports-lag"
        /// A heartbeat of a process that was replaced keeps the registration of the other one alive.
        case staleEpochRenewsSession = "stale-epoch-renews-session"
        /// A broker is ACTIVE before it knows what it leads.
        case activeBeforeCaughtUp = "active-before-caught-up"
        /// A broker that is about to stop keeps what it leads.
        case shutdownKeepsLeading = "shutdown-keeps-leading"
        /// A broker may stop before the others have heard that it leads nothing.
        case shutdownBeforeOthersKnow = "shutdown-before-others-know"
        /// What a process that was replaced says of the partitions it led counts.
        case staleEpochAltersPartitions = "stale-epoch-alters-partitions"
        /// A leader that was deposed and elected again goes on by what it knew.
        case fencedLeaderAltersPartitions = "fenced-leader-alters-partitions"
        /// A leader that does not know the partition as it is changes it.
        case partitionEpochNotChecked = "partition-epoch-not-checked"
        /// A broker that is FENCED joins the in-sync replicas.
        case fencedReplicaJoins = "fenced-replica-joins"
        /// A follower that was started again since its leader looked joins the in-sync replicas.
        case memberEpochNotChecked = "member-epoch-not-checked"
        /// A follower is in sync because it says so, though its leader decides that.
        case followerJoinsByItself = "follower-joins-by-itself"
        /// A partition changes, and its epoch does not tell.
        case partitionEpochStays = "partition-epoch-stays"
        /// A topic is deleted that was created anew under the same name.
        case deletesAnotherTopic = "deletes-another-topic"
        /// Who follows the changes of the cluster is not told what went.
        case removalsNotTold = "removals-not-told"
        /// Who follows the changes of the cluster does not hear of brokers that changed.
        case brokerChangeNotStamped = "broker-change-not-stamped"
        /// Who follows the changes of the cluster does not hear of partitions that changed.
        case partitionChangeNotStamped = "partition-change-not-stamped"
        /// A page of changes begins behind the row that it should begin with.
        case changesPageSkipsRow = "changes-page-skips-row"
        /// A node tells who follows the changes what it does not know to be all.
        case changesBelowFloor = "changes-below-floor"
        /// A node that is behind goes on with pages that another one began.
        case changesPageOfThePast = "changes-page-of-the-past"
        /// A partition is given back to a replica that is not in sync.
        case preferredLeaderOutOfSync = "preferred-leader-out-of-sync"
        /// What failed over is never given back.
        case leadersNotRebalanced = "leaders-not-rebalanced"
        /// A partition arrives at its new replicas before all of them are in sync.
        case arrivesTooEarly = "arrives-too-early"
        /// Who is no replica any more stays in sync.
        case removedStaysInSync = "removed-stays-in-sync"
        /// Replicas go under the same leader epoch (KAFKA-13972).
        case replicasLeaveUnnoticed = "replicas-leave-unnoticed"
        /// A cancelled reassignment leads back to where the last of a chain began.
        case chainForgetsWhereItBegan = "chain-forgets-where-it-began"
        /// Behind a cancellation others than replicas are in sync.
        case cancelKeepsOutsiders = "cancel-keeps-outsiders"
        /// A reassignment is cancelled although nobody would be in sync.
        case cancelsUncleanly = "cancels-uncleanly"
        /// A partition may move to brokers that there are not.
        case anyReplicasAssigned = "any-replicas-assigned"
        /// A topic may be named so that only `.` and `_` differ from another one.
        case similarNamesAdmitted = "similar-names-admitted"
        /// A topic with more partitions says that it has as many as before.
        case partitionCountStays = "partition-count-stays"
        /// Where the next new partitions go begins where the last added ones did.
        case addedPartitionsNotCounted = "added-partitions-not-counted"
        /// Replicas that somebody chose are in sync, whether their brokers are ACTIVE or not.
        case assignedInSync = "assigned-in-sync"
        /// A broker in maintenance leads what others could.
        case maintenanceKeepsLeading = "maintenance-keeps-leading"
        /// A cordoned broker gets new replicas.
        case restrictedHostsReplicas = "restricted-hosts-replicas"
        /// A broker that registers again is not restricted any more.
        case restrictionsEndWithRegistration = "restrictions-end-with-registration"
        /// What a partition that moves takes from its leader is not counted, nor what it gives to another.
        case movedLeadersNotCounted = "moved-leaders-not-counted"
        /// A broker goes away that has partitions.
        case unregistersWithPartitions = "unregisters-with-partitions"
        /// A broker that registers again the same is a new one.
        case registeredAtMoves = "registered-at-moves"
        /// A follower is sent everything at once, however slow it is.
        case windowIgnored = "window-ignored"
        /// What no majority confirms is never answered.
        case requestsNeverTimeOut = "requests-never-time-out"
        /// A changed key keeps its version (contract §7, as all below).
        case keyVersionStays = "key-version-stays"
        /// A changed key is told as created with the change.
        case createRevisionMoves = "create-revision-moves"
        /// A key's change is a change of the metadata's version.
        case keysCountAsMetadata = "keys-count-as-metadata"
        /// Deleting what is below a key deletes the key, and others that begin with its name.
        case sweepTakesTheDirectory = "sweep-takes-the-directory"
        /// A write happens whatever revision it asks for.
        case preconditionIgnored = "precondition-ignored"
        /// Who asks what a key was is told what it is (contract §10, as all below).
        case pastIsThePresent = "past-is-the-present"
        /// A listing of the past leaves out what has been deleted since.
        case pastWithoutTheDeleted = "past-without-the-deleted"
        /// A key's history leaves out when it was deleted.
        case historyWithoutDeletions = "history-without-deletions"
        /// What keys were is not stored.
        case pastNotStored = "past-not-stored"
        /// Who gets a snapshot does not get what keys were.
        case snapshotWithoutPast = "snapshot-without-past"
        /// A compaction is acknowledged, and all stays.
        case compactionIgnored = "compaction-ignored"
        /// A compaction gives up one revision more than it says.
        case compactionTakesOneMore = "compaction-takes-one-more"
        /// Who watches is not woken.
        case watchersNotWoken = "watchers-not-woken"
        /// A watch leaves out what was deleted.
        case watchWithoutDeletions = "watch-without-deletions"
        /// A watch that is resumed begins with the present.
        case watchResumesLate = "watch-resumes-late"
        /// Who watches the cluster is not woken.
        case clusterWatchersNotWoken = "cluster-watchers-not-woken"
        /// A watch of the cluster that is resumed leaves out one version.
        case clusterWatchSkipsVersion = "cluster-watch-skips-version"
        /// What is counted of partitions does not follow their in-sync replicas.
        case countsStay = "counts-stay"
        /// What is counted of partitions keeps those of deleted topics.
        case countsKeepDeletedTopics = "counts-keep-deleted-topics"
        /// A transaction takes its first branch whatever the comparisons come to.
        case comparisonsIgnored = "comparisons-ignored"
        /// A write by somebody whose lock another one holds is carried out.
        case fenceIgnored = "fence-ignored"
        /// The keys of a lease stay when it ends.
        case leaseKeysStay = "lease-keys-stay"
        /// A key that is written anew without its lease still goes with it.
        case overwrittenStaysLeased = "overwritten-stays-leased"
        /// A lease that was kept alive ends when it would have ended.
        case keepAliveForgotten = "keep-alive-forgotten"
        /// A lease never ends by itself.
        case leasesNeverEnd = "leases-never-end"
        /// A new leader counts the time of a lease from when it was granted.
        case newLeaderEndsLeases = "new-leader-ends-leases"

        // Consumer groups

        /// The groups of a broker that is not ACTIVE any more stay with it.
        case lostBrokerKeepsGroups = "lost-broker-keeps-groups"
        /// Groups that waited while no broker was ACTIVE are not given to the first one.
        case waitingGroupsStay = "waiting-groups-stay"
        /// A group is led by the first broker, whatever it leads already.
        case fewestGroupsIgnored = "fewest-groups-ignored"
        /// Which groups a broker leads is not looked after when they move.
        case groupIndexStays = "group-index-stays"
        /// Two pairs of names that give one id share a group.
        case groupCollisionUnnoticed = "group-collision-unnoticed"
        /// A group is deleted whoever asks for it.
        case anyoneDeletesGroup = "anyone-deletes-group"
        /// A group may be given to a broker that is not ACTIVE.
        case fencedBrokerGetsGroup = "fenced-broker-gets-group"
        /// Whoever follows the changes is not told of groups.
        case groupChangeNotStamped = "group-change-not-stamped"
        /// A snapshot is sent without groups.
        case snapshotWithoutGroups = "snapshot-without-groups"

        // Ids for producers

        /// A block begins within the one before.
        case producerBlocksOverlap = "producer-blocks-overlap"
        /// A state that was stored, or came as a snapshot, gives ids again that were given before.
        case producerIDsReused = "producer-ids-reused"
        /// A process that was replaced gets ids.
        case staleEpochGetsProducerIDs = "stale-epoch-gets-producer-ids"

        /// A page begins with the entry that it is to follow.
        case pageBeginsWithTheLast = "page-begins-with-the-last"
        /// A page has one entry more than was asked for.
        case pageBeyondLimit = "page-beyond-limit"
    }

    extension Defect {
        /// Whether members must be in the log, and change, for it to be found. The stories of the others are without that.
        public var isOfMembersInLog: Bool {
            switch self {
            case .jointCountsOneHalf, .jointLeftUncommitted, .newLeaderForgetsJoint,
                .singleStepSwap, .configurationCountsWhenCommitted, .configurationKeptAfterTruncation,
                .snapshotForgetsConfiguration, .learnerCounts, .promotesWithoutCatchUp, .outsideLeaderCountsItself,
                .removedLeaderStays, .newcomerGoesByItsFile:
                true
            default: false
            }
        }

        /// Within how many seeds, from 1 up, it must be caught.
        public var seeds: UInt64 {
            switch self {
            case _ where isOfMembersInLog: 500
            // These need a rare meeting of faults.
            case .longerLogWins, .voteForgottenAtRestart, .snapshotsOutliveLeadership, .runIgnored, .addresseeIgnored:
                3000
            case .preVotesCountAsVotes, .heartbeatAcksUndurable, .staleReads,
                .heartbeatUnconfirmed, .answersForAnothersEntry, .heartbeatsNotRebuilt,
                .floorIgnored, .snapshotReplacesLog, .staleEpochChangesState, .shutdownBeforeOthersKnow,
                .staleEpochAltersPartitions, .partitionEpochNotChecked, .leadersNotRebalanced,
                .fewestLeadersIgnored, .pairingsIgnored, .cancelsUncleanly, .movedLeadersNotCounted, .waitingGroupsStay:
                500
            case .voteKeptAtFork: 1000
            case .previousTermUnchecked, .noTruncationOnConflict, .truncationNotPersisted, .readsBeforeOpening,
                .timeoutToldAsNotExecuted, .isrBelowOne, .uncleanElection, .epochStays,
                .lastPushFirst, .emptyNodeVotes, .listBelieved, .membersForgotten, .birthBesideData,
                .copyUnnoticed, .strangersCount, .windowIgnored, .replacesActiveBroker, .staleEpochReportsLag,
                .staleEpochRenewsSession, .activeBeforeCaughtUp, .shutdownKeepsLeading,
                .fencedLeaderAltersPartitions, .fencedReplicaJoins, .memberEpochNotChecked, .followerJoinsByItself,
                .deletesAnotherTopic, .preferredLeaderOutOfSync, .followersDoNotShift,
                .racksIgnoredWhenSpread, .arrivesTooEarly, .removedStaysInSync, .replicasLeaveUnnoticed,
                .chainForgetsWhereItBegan, .cancelKeepsOutsiders, .anyReplicasAssigned,
                .similarNamesAdmitted, .partitionCountStays, .addedPartitionsNotCounted,
                .assignedInSync, .fencedBrokerGetsGroup, .staleEpochGetsProducerIDs,
                .maintenanceKeepsLeading, .restrictedHostsReplicas, .restrictionsEndWithRegistration:
                100
            default: 25
            }
        }
    }

#endif
