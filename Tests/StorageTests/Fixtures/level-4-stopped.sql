-- node.db at level 4: the only node of its cluster, stopped
PRAGMA application_id=1145917805;
PRAGMA user_version=5;
BEGIN TRANSACTION;
CREATE TABLE node ( -- who this node is, and whom it takes for its cluster; known before its first vote
  node_id INTEGER NOT NULL,
  directory_id TEXT NOT NULL, -- drawn when the data directory was created
  cluster_id TEXT, -- NULL until a cluster was born or joined
  born_at INTEGER, -- when the cluster was, in Unix milliseconds; NULL if that is not known
  run_number INTEGER NOT NULL, -- counts the starts on this directory
  run_nonce TEXT NOT NULL, -- drawn for the latest start
  members TEXT NOT NULL, -- JSON; run and directory are the latest that were heard of
  electors TEXT NOT NULL, -- JSON array of node ids: who decides about the directories of the members
  settled INTEGER NOT NULL, -- 0 while a change of the members is not known to a majority of the electors
  floor_term INTEGER NOT NULL, floor_index INTEGER NOT NULL, -- no vote for a log that ends before this
  clean_stop INTEGER NOT NULL, -- 0 while the node runs and after a crash: node.db needs its node.db-wal then
  schema_version INTEGER NOT NULL,
  checksum INTEGER NOT NULL -- CRC32C
);
INSERT INTO node VALUES(1,'7878ebf4e66e172ed1bb13ef1e6fa5de','7d00d3d7b67e54219da6dc58fa10c12f',1795859190488,1,'f7f4ebe49f84bbc4','[{"id":1,"directory":"7878ebf4e66e172ed1bb13ef1e6fa5de","generation":0,"admitted":true,"run":"1/f7f4ebe49f84bbc4"}]','[1]',1,0,0,1,3,326288451);
CREATE TABLE raft_state (
  current_term INTEGER NOT NULL,
  voted_for INTEGER,
  log_reaches INTEGER NOT NULL, -- the log ends here or later; recorded before log pages leave the WAL
  checksum INTEGER NOT NULL
);
INSERT INTO raft_state VALUES(1,1,10,792188805);
CREATE TABLE raft_log (
  log_index INTEGER PRIMARY KEY,
  term INTEGER NOT NULL,
  command_type TEXT NOT NULL,
  command_data NOT NULL, -- TEXT when readable, else BLOB
  timestamp INTEGER NOT NULL, -- Unix milliseconds
  checksum INTEGER NOT NULL -- CRC32C
);
INSERT INTO raft_log VALUES(1,1,'NOOP','{"clusterId":"7d00d3d7b67e54219da6dc58fa10c12f"}',1795859190571,2077102836);
INSERT INTO raft_log VALUES(2,1,'FeatureLevelCommand','{"commandType":"FeatureLevelCommand","name":"metadata.version","featureLevel":4}',1795859190571,3263651922);
INSERT INTO raft_log VALUES(3,1,'RegisterBrokerCommand','{"commandType":"RegisterBrokerCommand","brokerId":101,"host":"localhost","port":8081,"rack":"b"}',1795859190618,3729491344);
INSERT INTO raft_log VALUES(4,1,'RegisterBrokerCommand','{"commandType":"RegisterBrokerCommand","brokerId":102,"host":"localhost","port":8082,"rack":"a"}',1795859190631,1148429920);
INSERT INTO raft_log VALUES(5,1,'RegisterBrokerCommand','{"commandType":"RegisterBrokerCommand","brokerId":103,"host":"localhost","port":8083,"rack":"a","incarnationId":"5f0c6a1e9d3b4c7f8a2e1d0c9b8a7f6e","isSuccessor":false,"delivery":"fetch"}',1795859190646,3905128704);
INSERT INTO raft_log VALUES(6,1,'ChangeBrokerStateCommand','{"commandType":"ChangeBrokerStateCommand","brokerId":103,"brokerEpoch":3,"state":"ACTIVE","timestamp":1795859190647}',1795859190647,3165236512);
INSERT INTO raft_log VALUES(7,1,'FeatureLevelCommand','{"commandType":"FeatureLevelCommand","name":"placement.version","featureLevel":2}',1795859190648,9745204);
INSERT INTO raft_log VALUES(8,1,'CreateTopicCommand','{"commandType":"CreateTopicCommand","topicName":"orders","numPartitions":3,"replicationFactor":2,"config":{"retentionMs":604800000,"retentionBytes":-1,"segmentBytes":1073741824,"compressionType":"none","minInsyncReplicas":1},"topicId":"3baf175f9ddd6d0c938b6327aab52510"}',1795859190649,4243978549);
INSERT INTO raft_log VALUES(9,1,'AlterPartitionsCommand','{"commandType":"AlterPartitionsCommand","brokerId":103,"brokerEpoch":3,"partitions":[{"topic":"orders","partition":1,"leaderEpoch":0,"partitionEpoch":0,"isr":[103]}]}',1795859190666,319906212);
INSERT INTO raft_log VALUES(10,1,'PUT',replace('PUT\n/a\n1','\n',char(10)),1795859190667,3801079884);
CREATE TABLE checkpoint ( -- where the tables below stand; log_base is the entry before the log's first
  -- While changed_from and changed_to differ, what stands between these places in the tables changed_… is on its
  -- way into the others, which are no state of any moment until it is there.
  applied_index INTEGER NOT NULL,
  applied_term INTEGER NOT NULL,
  log_base_index INTEGER NOT NULL,
  log_base_term INTEGER NOT NULL,
  version INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  partitions_created INTEGER NOT NULL,
  changed_from INTEGER NOT NULL, changed_to INTEGER NOT NULL,
  cluster_id TEXT, -- NULL until an applied entry has named the cluster
  digest TEXT NOT NULL,
  checksum INTEGER NOT NULL
);
INSERT INTO checkpoint VALUES(10,1,0,0,6,2,3,0,0,'7d00d3d7b67e54219da6dc58fa10c12f','850ed2f97cd5eb1aee5f79a2e600687e',918822688);
CREATE TABLE broker (
  id INTEGER PRIMARY KEY, host TEXT NOT NULL, port INTEGER NOT NULL, rack TEXT, status TEXT NOT NULL,
  registered_at INTEGER NOT NULL, -- Unix milliseconds
  incarnation_id TEXT, epoch INTEGER, state TEXT, -- NULL: it registered without
  shutdown_version INTEGER, -- what the others must know before it may stop
  delivery TEXT -- NULL: changes are pushed to it; fetch: it asks for them
);
INSERT INTO broker VALUES(101,'localhost',8081,'b','ONLINE',1795859190618,NULL,NULL,NULL,NULL,NULL);
INSERT INTO broker VALUES(102,'localhost',8082,'a','ONLINE',1795859190631,NULL,NULL,NULL,NULL,NULL);
INSERT INTO broker VALUES(103,'localhost',8083,'a','ONLINE',1795859190646,'5f0c6a1e9d3b4c7f8a2e1d0c9b8a7f6e',3,'ACTIVE',NULL,'fetch');
CREATE TABLE changed_broker (id, host, port, rack, status, registered_at, incarnation_id, epoch, state, shutdown_version, delivery, gone INTEGER NOT NULL, place INTEGER PRIMARY KEY);
CREATE TABLE topic (
  name TEXT NOT NULL PRIMARY KEY, partition_count INTEGER NOT NULL, replication_factor INTEGER NOT NULL,
  created_at INTEGER NOT NULL, -- Unix milliseconds
  retention_ms INTEGER NOT NULL, retention_bytes INTEGER NOT NULL, segment_bytes INTEGER NOT NULL,
  compression_type TEXT NOT NULL, min_insync_replicas INTEGER NOT NULL,
  topic_id TEXT -- NULL: it was created before ids were drawn
);
INSERT INTO topic VALUES('orders',3,2,1795859190649,604800000,-1,1073741824,'none',1,'3baf175f9ddd6d0c938b6327aab52510');
CREATE TABLE changed_topic (name, partition_count, replication_factor, created_at, retention_ms, retention_bytes, segment_bytes, compression_type, min_insync_replicas, topic_id, gone INTEGER NOT NULL, place INTEGER PRIMARY KEY);
CREATE TABLE partition (
  topic TEXT NOT NULL, id INTEGER NOT NULL,
  leader INTEGER, -- NULL while no in-sync replica is ONLINE
  replicas TEXT NOT NULL, isr TEXT NOT NULL, -- JSON arrays of broker ids
  leader_epoch INTEGER NOT NULL,
  partition_epoch INTEGER, -- NULL: 0
  PRIMARY KEY (topic, id)
) WITHOUT ROWID;
INSERT INTO "partition" VALUES('orders',0,101,'[101,102]','[101,102]',0,NULL);
INSERT INTO "partition" VALUES('orders',1,103,'[103,101]','[103]',0,1);
INSERT INTO "partition" VALUES('orders',2,101,'[101,103]','[101,103]',0,NULL);
CREATE TABLE changed_partition (topic, id, leader, replicas, isr, leader_epoch, partition_epoch, gone INTEGER NOT NULL, place INTEGER PRIMARY KEY);
CREATE TABLE kv (
  key TEXT NOT NULL PRIMARY KEY, -- BLOB when no UTF-8
  value NOT NULL, -- TEXT when readable, else BLOB
  create_revision INTEGER NOT NULL, mod_revision INTEGER NOT NULL, version INTEGER NOT NULL,
  lease INTEGER, -- NULL: none
  number INTEGER -- its place among the changes of mod_revision; NULL: 0
) WITHOUT ROWID;
INSERT INTO kv VALUES('/a','1',2,2,1,NULL,NULL);
CREATE TABLE changed_kv (key, value, create_revision, mod_revision, version, lease, number, gone INTEGER NOT NULL, place INTEGER PRIMARY KEY);
CREATE TABLE configuration ( -- no row while the checkpoint stands before the first such entry
  log_index INTEGER NOT NULL,
  data TEXT NOT NULL, -- JSON, as in raft_log
  checksum INTEGER NOT NULL
);
CREATE TABLE level ( -- no row while the checkpoint stands before the first such entry
  metadata_version INTEGER NOT NULL, -- the level of the feature of that name
  horizon INTEGER NOT NULL, -- the oldest revision that can be read
  checksum INTEGER NOT NULL,
  placement_version INTEGER -- the level of the feature of that name; NULL: 1
);
INSERT INTO level VALUES(4,1,107543684,2);
CREATE TABLE lease (id INTEGER PRIMARY KEY, ttl_s INTEGER NOT NULL);
CREATE TABLE changed_lease (id, ttl_s, gone INTEGER NOT NULL, place INTEGER PRIMARY KEY);
CREATE TABLE kv_past ( -- the view kv_history shows it
  ended INTEGER NOT NULL, -- the revision at which this version stopped being the present one
  part INTEGER NOT NULL, -- the number of the change among those of that revision
  key TEXT NOT NULL, value NOT NULL, -- TEXT when readable, else BLOB
  create_revision INTEGER NOT NULL, mod_revision INTEGER NOT NULL, version INTEGER NOT NULL,
  lease INTEGER, number INTEGER, -- as in kv
  deleted INTEGER NOT NULL -- 1 if that revision deleted the key, 0 if it wrote the next version
);
CREATE TABLE changed_kv_past (ended, part, key, value, create_revision, mod_revision, version, lease, number, deleted, gone INTEGER NOT NULL, place INTEGER PRIMARY KEY);
CREATE VIEW kv_history AS -- what keys were and are not any more, down to the horizon
  SELECT mod_revision AS revision, key, value, 0 AS deleted, lease FROM kv_past
    WHERE ended > (SELECT horizon FROM level)
  UNION ALL SELECT ended, key, NULL, 1, NULL FROM kv_past WHERE deleted AND ended > (SELECT horizon FROM level)
;
COMMIT;
