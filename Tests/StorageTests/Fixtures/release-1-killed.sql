-- node.db of the first release: node 2 of three, their leader, killed; all but the tables was in its write-ahead log
PRAGMA application_id=1145917805;
PRAGMA user_version=1;
BEGIN TRANSACTION;
CREATE TABLE node (
  node_id INTEGER NOT NULL,
  cluster_id TEXT, -- NULL until the first leader named the cluster
  schema_version INTEGER NOT NULL,
  checksum INTEGER NOT NULL
);
INSERT INTO node VALUES(2,'85514afbb5fa4ca210f70e53b3af41ca',1,3780079293);
CREATE TABLE raft_state (
  current_term INTEGER NOT NULL,
  voted_for INTEGER,
  log_reaches INTEGER NOT NULL, -- the log ends here or later; recorded before log pages leave the WAL
  checksum INTEGER NOT NULL
);
INSERT INTO raft_state VALUES(1,2,0,3968616930);
CREATE TABLE raft_log (
  log_index INTEGER PRIMARY KEY,
  term INTEGER NOT NULL,
  command_type TEXT NOT NULL,
  command_data NOT NULL, -- TEXT when readable, else BLOB
  timestamp INTEGER NOT NULL, -- Unix milliseconds
  checksum INTEGER NOT NULL -- CRC32C
);
INSERT INTO raft_log VALUES(1,1,'NOOP','{"clusterId":"85514afbb5fa4ca210f70e53b3af41ca"}',1795736929676,2030758797);
INSERT INTO raft_log VALUES(2,1,'RegisterBrokerCommand','{"commandType":"RegisterBrokerCommand","brokerId":101,"host":"localhost","port":18081,"rack":"r1"}',1795736929839,2541345810);
INSERT INTO raft_log VALUES(3,1,'RegisterBrokerCommand','{"commandType":"RegisterBrokerCommand","brokerId":102,"host":"localhost","port":18082}',1795736929869,3527726591);
INSERT INTO raft_log VALUES(4,1,'CreateTopicCommand','{"commandType":"CreateTopicCommand","topicName":"orders","numPartitions":2,"replicationFactor":2,"config":{"retentionMs":604800000,"retentionBytes":-1,"segmentBytes":1073741824,"compressionType":"none","minInsyncReplicas":1}}',1795736930065,1292117805);
INSERT INTO raft_log VALUES(5,1,'PUT',replace('PUT\n/config/a\none','\n',char(10)),1795736930182,212824957);
INSERT INTO raft_log VALUES(6,1,'PUT',X'5055540a2f636f6e6669672f620aff',1795736930329,400706194);
INSERT INTO raft_log VALUES(7,1,'PUT',X'5055540a2f636f6e6669672f62797465730aff0010',1795736930499,1354212796);
INSERT INTO raft_log VALUES(8,1,'PUT',replace('PUT\n/config/a\ntwo','\n',char(10)),1795736933653,3678899800);
INSERT INTO raft_log VALUES(9,1,'DEL',replace('DEL\n/config/b','\n',char(10)),1795736933721,3308194474);
CREATE TABLE checkpoint ( -- where the tables below stand; log_base is the entry before the log's first
  applied_index INTEGER NOT NULL,
  applied_term INTEGER NOT NULL,
  log_base_index INTEGER NOT NULL,
  log_base_term INTEGER NOT NULL,
  version INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  partitions_created INTEGER NOT NULL,
  digest TEXT NOT NULL,
  checksum INTEGER NOT NULL
);
INSERT INTO checkpoint VALUES(7,1,0,0,3,3,2,'0ff80a916d44b875f4426fabe15d851c',2583910791);
CREATE TABLE broker (
  id INTEGER PRIMARY KEY, host TEXT NOT NULL, port INTEGER NOT NULL, rack TEXT, status TEXT NOT NULL,
  registered_at INTEGER NOT NULL -- Unix milliseconds
);
INSERT INTO broker VALUES(101,'localhost',18081,'r1','ONLINE',1795736929839);
INSERT INTO broker VALUES(102,'localhost',18082,NULL,'ONLINE',1795736929869);
CREATE TABLE topic (
  name TEXT NOT NULL PRIMARY KEY, partition_count INTEGER NOT NULL, replication_factor INTEGER NOT NULL,
  created_at INTEGER NOT NULL, -- Unix milliseconds
  retention_ms INTEGER NOT NULL, retention_bytes INTEGER NOT NULL, segment_bytes INTEGER NOT NULL,
  compression_type TEXT NOT NULL, min_insync_replicas INTEGER NOT NULL
);
INSERT INTO topic VALUES('orders',2,2,1795736930065,604800000,-1,1073741824,'none',1);
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
