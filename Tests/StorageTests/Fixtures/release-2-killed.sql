-- node.db of the second release: the only node of its cluster, killed; all but the tables was in its write-ahead log
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
INSERT INTO node VALUES(1,'c90d60ae9737c02cc1a8289268124748','1e67ca44775ad79bd4263fc86a9bdda1',1795747924810,1,'7e6c32a4e86929cd','[{"id":1,"directory":"c90d60ae9737c02cc1a8289268124748","generation":0,"admitted":true,"run":"1/7e6c32a4e86929cd"}]','[1]',1,0,0,0,2,3621356947);
CREATE TABLE raft_state (
  current_term INTEGER NOT NULL,
  voted_for INTEGER,
  log_reaches INTEGER NOT NULL, -- the log ends here or later; recorded before log pages leave the WAL
  checksum INTEGER NOT NULL
);
INSERT INTO raft_state VALUES(1,1,0,4285802769);
CREATE TABLE raft_log (
  log_index INTEGER PRIMARY KEY,
  term INTEGER NOT NULL,
  command_type TEXT NOT NULL,
  command_data NOT NULL, -- TEXT when readable, else BLOB
  timestamp INTEGER NOT NULL, -- Unix milliseconds
  checksum INTEGER NOT NULL -- CRC32C
);
INSERT INTO raft_log VALUES(1,1,'NOOP','{"clusterId":"1e67ca44775ad79bd4263fc86a9bdda1"}',1795747924896,2401055657);
INSERT INTO raft_log VALUES(2,1,'RegisterBrokerCommand','{"commandType":"RegisterBrokerCommand","brokerId":101,"host":"localhost","port":18081,"rack":"r1"}',1795747925217,3804388162);
INSERT INTO raft_log VALUES(3,1,'RegisterBrokerCommand','{"commandType":"RegisterBrokerCommand","brokerId":102,"host":"localhost","port":18082}',1795747925358,2149962794);
INSERT INTO raft_log VALUES(4,1,'CreateTopicCommand','{"commandType":"CreateTopicCommand","topicName":"orders","numPartitions":2,"replicationFactor":2,"config":{"retentionMs":604800000,"retentionBytes":-1,"segmentBytes":1073741824,"compressionType":"none","minInsyncReplicas":1}}',1795747925519,3517350618);
INSERT INTO raft_log VALUES(5,1,'PUT',replace('PUT\n/config/a\none','\n',char(10)),1795747925689,1391322853);
INSERT INTO raft_log VALUES(6,1,'PUT',X'5055540a2f636f6e6669672f620aff',1795747925825,3635972861);
INSERT INTO raft_log VALUES(7,1,'PUT',X'5055540a2f636f6e6669672f62797465730aff0010',1795747925937,3832452387);
INSERT INTO raft_log VALUES(8,1,'PUT',replace('PUT\n/config/a\ntwo','\n',char(10)),1795747928654,547504912);
INSERT INTO raft_log VALUES(9,1,'DEL',replace('DEL\n/config/b','\n',char(10)),1795747928864,3670247052);
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
INSERT INTO checkpoint VALUES(9,1,0,0,3,5,2,'1e67ca44775ad79bd4263fc86a9bdda1','7614d9b17f3358ec8034c9f4cc8f85b8',4149744499);
CREATE TABLE broker (
  id INTEGER PRIMARY KEY, host TEXT NOT NULL, port INTEGER NOT NULL, rack TEXT, status TEXT NOT NULL,
  registered_at INTEGER NOT NULL -- Unix milliseconds
);
INSERT INTO broker VALUES(101,'localhost',18081,'r1','ONLINE',1795747925217);
INSERT INTO broker VALUES(102,'localhost',18082,NULL,'ONLINE',1795747925358);
CREATE TABLE topic (
  name TEXT NOT NULL PRIMARY KEY, partition_count INTEGER NOT NULL, replication_factor INTEGER NOT NULL,
  created_at INTEGER NOT NULL, -- Unix milliseconds
  retention_ms INTEGER NOT NULL, retention_bytes INTEGER NOT NULL, segment_bytes INTEGER NOT NULL,
  compression_type TEXT NOT NULL, min_insync_replicas INTEGER NOT NULL
);
INSERT INTO topic VALUES('orders',2,2,1795747925519,604800000,-1,1073741824,'none',1);
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
INSERT INTO kv VALUES('/config/a','two',1,4,2);
INSERT INTO kv VALUES('/config/bytes',X'ff0010',3,3,1);
COMMIT;
