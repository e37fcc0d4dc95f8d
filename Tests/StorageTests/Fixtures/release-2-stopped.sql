-- node.db of the second release: the only node of its cluster, stopped in order
PRAGMA application_id=1145917805;
PRAGMA user_version=2;
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
INSERT INTO node VALUES(1,'39b7ddd0cb83f4b7adab3b762d94b1b3','ee40879c41e80e461a227be61282f142',1795747920629,1,'3f6bf94034e8a14','[{"id":1,"directory":"39b7ddd0cb83f4b7adab3b762d94b1b3","generation":0,"admitted":true,"run":"1/3f6bf94034e8a14"}]','[1]',1,0,0,1,2,2444542850);
CREATE TABLE raft_state (
  current_term INTEGER NOT NULL,
  voted_for INTEGER,
  log_reaches INTEGER NOT NULL, -- the log ends here or later; recorded before log pages leave the WAL
  checksum INTEGER NOT NULL
);
INSERT INTO raft_state VALUES(1,1,9,4101198060);
CREATE TABLE raft_log (
  log_index INTEGER PRIMARY KEY,
  term INTEGER NOT NULL,
  command_type TEXT NOT NULL,
  command_data NOT NULL, -- TEXT when readable, else BLOB
  timestamp INTEGER NOT NULL, -- Unix milliseconds
  checksum INTEGER NOT NULL -- CRC32C
);
INSERT INTO raft_log VALUES(1,1,'NOOP','{"clusterId":"ee40879c41e80e461a227be61282f142"}',1795747920813,3748455287);
INSERT INTO raft_log VALUES(2,1,'RegisterBrokerCommand','{"commandType":"RegisterBrokerCommand","brokerId":101,"host":"localhost","port":18081,"rack":"r1"}',1795747921077,3737796329);
INSERT INTO raft_log VALUES(3,1,'RegisterBrokerCommand','{"commandType":"RegisterBrokerCommand","brokerId":102,"host":"localhost","port":18082}',1795747921229,3290533855);
INSERT INTO raft_log VALUES(4,1,'CreateTopicCommand','{"commandType":"CreateTopicCommand","topicName":"orders","numPartitions":2,"replicationFactor":2,"config":{"retentionMs":604800000,"retentionBytes":-1,"segmentBytes":1073741824,"compressionType":"none","minInsyncReplicas":1}}',1795747921433,3352832365);
INSERT INTO raft_log VALUES(5,1,'PUT',replace('PUT\n/config/a\none','\n',char(10)),1795747921489,2473021513);
INSERT INTO raft_log VALUES(6,1,'PUT',X'5055540a2f636f6e6669672f620aff',1795747921549,3835640660);
INSERT INTO raft_log VALUES(7,1,'PUT',X'5055540a2f636f6e6669672f62797465730aff0010',1795747921661,3652098485);
INSERT INTO raft_log VALUES(8,1,'PUT',replace('PUT\n/config/a\ntwo','\n',char(10)),1795747924445,2716330713);
INSERT INTO raft_log VALUES(9,1,'DEL',replace('DEL\n/config/b','\n',char(10)),1795747924593,2268736753);
CREATE TABLE checkpoint ( -- where the tables below stand; log_base is the entry before the log's first
  applied_index INTEGER NOT NULL,
  applied_term INTEGER NOT NULL,
  log_base_index INTEGER NOT NULL,
  log_base_term INTEGER NOT NULL,
  version INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  partitions_created INTEGER NOT NULL,
  cluster_id TEXT, -- NULL until an applied entry has named the cluster
  digest TEXT NOT NULL,
  checksum INTEGER NOT NULL
);
INSERT INTO checkpoint VALUES(7,1,0,0,3,3,2,'ee40879c41e80e461a227be61282f142','750b32b81d92cadf3b28ab5fc0de01e5',2546850222);
CREATE TABLE broker (
  id INTEGER PRIMARY KEY, host TEXT NOT NULL, port INTEGER NOT NULL, rack TEXT, status TEXT NOT NULL,
  registered_at INTEGER NOT NULL -- Unix milliseconds
);
INSERT INTO broker VALUES(101,'localhost',18081,'r1','ONLINE',1795747921077);
INSERT INTO broker VALUES(102,'localhost',18082,NULL,'ONLINE',1795747921229);
CREATE TABLE topic (
  name TEXT NOT NULL PRIMARY KEY, partition_count INTEGER NOT NULL, replication_factor INTEGER NOT NULL,
  created_at INTEGER NOT NULL, -- Unix milliseconds
  retention_ms INTEGER NOT NULL, retention_bytes INTEGER NOT NULL, segment_bytes INTEGER NOT NULL,
  compression_type TEXT NOT NULL, min_insync_replicas INTEGER NOT NULL
);
INSERT INTO topic VALUES('orders',2,2,1795747921433,604800000,-1,1073741824,'none',1);
CREATE TABLE partition (
  topic TEXT NOT NULL, id INTEGER NOT NULL,
  leader INTEGER, -- NULL while no in-sync replica is ONLINE
  replicas TEXT NOT NULL, isr TEXT NOT NULL, -- JSON arrays of broker ids
  leader_epoch INTEGER NOT NULL,
  PRIMARY KEY (topic, id)
) WITHOUT ROWID;
INSERT INTO "partition" VALUES('orders',0,101,'[101,102]','[101,102]',0);
INSERT INTO "partition" VALUES('orders',1,102,'[102,101]','[102,101]',0);
CREATE TABLE kv (
  key TEXT NOT NULL PRIMARY KEY,
  value NOT NULL, -- TEXT when readable, else BLOB
  create_revision INTEGER NOT NULL, mod_revision INTEGER NOT NULL, version INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO kv VALUES('/config/a','one',1,1,1);
INSERT INTO kv VALUES('/config/b',X'ff',2,2,1);
INSERT INTO kv VALUES('/config/bytes',X'ff0010',3,3,1);
COMMIT;
