-- node.db of the fifth schema: the only node of its cluster, stopped
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
INSERT INTO node VALUES(1,'fb6b2747da69cc889501653c36118d26','47dcaa0f5f5e58bc13f7c49c6e3fd027',1795819616879,1,'bcc62849796e1319','[{"id":1,"directory":"fb6b2747da69cc889501653c36118d26","generation":0,"admitted":true,"run":"1/bcc62849796e1319"}]','[1]',1,0,0,1,3,1727381381);
CREATE TABLE raft_state (
  current_term INTEGER NOT NULL,
  voted_for INTEGER,
  log_reaches INTEGER NOT NULL, -- the log ends here or later; recorded before log pages leave the WAL
  checksum INTEGER NOT NULL
);
INSERT INTO raft_state VALUES(1,1,12,2622664614);
CREATE TABLE raft_log (
  log_index INTEGER PRIMARY KEY,
  term INTEGER NOT NULL,
  command_type TEXT NOT NULL,
  command_data NOT NULL, -- TEXT when readable, else BLOB
  timestamp INTEGER NOT NULL, -- Unix milliseconds
  checksum INTEGER NOT NULL -- CRC32C
);
INSERT INTO raft_log VALUES(1,1,'NOOP','{"clusterId":"47dcaa0f5f5e58bc13f7c49c6e3fd027"}',1795819616996,3939941635);
INSERT INTO raft_log VALUES(2,1,'FeatureLevelCommand','{"commandType":"FeatureLevelCommand","name":"metadata.version","featureLevel":2}',1795819617005,3748375473);
INSERT INTO raft_log VALUES(3,1,'RegisterBrokerCommand','{"commandType":"RegisterBrokerCommand","brokerId":101,"host":"localhost","port":18081,"rack":"r1"}',1795819617158,2674466224);
INSERT INTO raft_log VALUES(4,1,'CreateTopicCommand','{"commandType":"CreateTopicCommand","topicName":"orders","numPartitions":2,"replicationFactor":1,"config":{"retentionMs":604800000,"retentionBytes":-1,"segmentBytes":1073741824,"compressionType":"none","minInsyncReplicas":1}}',1795819617201,1609323377);
INSERT INTO raft_log VALUES(5,1,'PUT',replace('PUT\n/config/a\none','\n',char(10)),1795819617243,3838979738);
INSERT INTO raft_log VALUES(6,1,'PUT',replace('PUT\n/config/a\ntwo','\n',char(10)),1795819617292,1625380852);
INSERT INTO raft_log VALUES(7,1,'PUT',replace('PUT\n/config/b\ngone','\n',char(10)),1795819617338,1405198272);
INSERT INTO raft_log VALUES(8,1,'DEL',replace('DEL\n/config/b','\n',char(10)),1795819617381,568332965);
INSERT INTO raft_log VALUES(9,1,'GrantLeaseCommand','{"commandType":"GrantLeaseCommand","leaseId":7,"ttlSeconds":3600}',1795819617421,3532612097);
INSERT INTO raft_log VALUES(10,1,'TXN',X'01000001010a2f73657373696f6e2f78010468656c6402070103000a2f73657373696f6e2f7800',1795819617459,3998629096);
INSERT INTO raft_log VALUES(11,1,'TXN',X'01000100092f636f6e6669672f6100040374776f0301042f742f310101310001042f742f32010132000200092f636f6e6669672f6100',1795819617507,4255337406);
INSERT INTO raft_log VALUES(12,1,'TXN',X'010000010103ff007801030001ff0000',1795819617550,3022370651);
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
INSERT INTO checkpoint VALUES(12,1,0,0,2,8,2,0,0,'47dcaa0f5f5e58bc13f7c49c6e3fd027','20dd622ddde477e88b9f98a18805595c',3042566841);
CREATE TABLE broker (
  id INTEGER PRIMARY KEY, host TEXT NOT NULL, port INTEGER NOT NULL, rack TEXT, status TEXT NOT NULL,
  registered_at INTEGER NOT NULL -- Unix milliseconds
);
INSERT INTO broker VALUES(101,'localhost',18081,'r1','ONLINE',1795819617158);
CREATE TABLE changed_broker (id, host, port, rack, status, registered_at, gone INTEGER NOT NULL, place INTEGER PRIMARY KEY);
CREATE TABLE topic (
  name TEXT NOT NULL PRIMARY KEY, partition_count INTEGER NOT NULL, replication_factor INTEGER NOT NULL,
  created_at INTEGER NOT NULL, -- Unix milliseconds
  retention_ms INTEGER NOT NULL, retention_bytes INTEGER NOT NULL, segment_bytes INTEGER NOT NULL,
  compression_type TEXT NOT NULL, min_insync_replicas INTEGER NOT NULL
);
INSERT INTO topic VALUES('orders',2,1,1795819617201,604800000,-1,1073741824,'none',1);
CREATE TABLE changed_topic (name, partition_count, replication_factor, created_at, retention_ms, retention_bytes, segment_bytes, compression_type, min_insync_replicas, gone INTEGER NOT NULL, place INTEGER PRIMARY KEY);
CREATE TABLE partition (
  topic TEXT NOT NULL, id INTEGER NOT NULL,
  leader INTEGER, -- NULL while no in-sync replica is ONLINE
  replicas TEXT NOT NULL, isr TEXT NOT NULL, -- JSON arrays of broker ids
  leader_epoch INTEGER NOT NULL,
  PRIMARY KEY (topic, id)
) WITHOUT ROWID;
INSERT INTO "partition" VALUES('orders',0,101,'[101]','[101]',0);
INSERT INTO "partition" VALUES('orders',1,101,'[101]','[101]',0);
CREATE TABLE changed_partition (topic, id, leader, replicas, isr, leader_epoch, gone INTEGER NOT NULL, place INTEGER PRIMARY KEY);
CREATE TABLE kv (
  key TEXT NOT NULL PRIMARY KEY, -- BLOB when no UTF-8
  value NOT NULL, -- TEXT when readable, else BLOB
  create_revision INTEGER NOT NULL, mod_revision INTEGER NOT NULL, version INTEGER NOT NULL,
  lease INTEGER, -- NULL: none
  number INTEGER -- its place among the changes of mod_revision; NULL: 0
) WITHOUT ROWID;
INSERT INTO kv VALUES('/session/x','held',6,6,1,7,NULL);
INSERT INTO kv VALUES('/t/1','1',7,7,1,NULL,NULL);
INSERT INTO kv VALUES('/t/2','2',7,7,1,NULL,1);
INSERT INTO kv VALUES(X'ff0078',X'0001ff',8,8,1,NULL,NULL);
CREATE TABLE changed_kv (key, value, create_revision, mod_revision, version, lease, number, gone INTEGER NOT NULL, place INTEGER PRIMARY KEY);
CREATE TABLE configuration ( -- no row while the checkpoint stands before the first such entry
  log_index INTEGER NOT NULL,
  data TEXT NOT NULL, -- JSON, as in raft_log
  checksum INTEGER NOT NULL
);
CREATE TABLE level ( -- no row while the checkpoint stands before the first such entry
  metadata_version INTEGER NOT NULL, -- the level of the feature of that name
  horizon INTEGER NOT NULL, -- the oldest revision that can be read
  checksum INTEGER NOT NULL
);
INSERT INTO level VALUES(2,1,3937962688);
CREATE TABLE lease (id INTEGER PRIMARY KEY, ttl_s INTEGER NOT NULL);
INSERT INTO lease VALUES(7,3600);
CREATE TABLE changed_lease (id, ttl_s, gone INTEGER NOT NULL, place INTEGER PRIMARY KEY);
CREATE TABLE kv_past ( -- the view kv_history shows it
  ended INTEGER NOT NULL, -- the revision at which this version stopped being the present one
  part INTEGER NOT NULL, -- the number of the change among those of that revision
  key TEXT NOT NULL, value NOT NULL, -- TEXT when readable, else BLOB
  create_revision INTEGER NOT NULL, mod_revision INTEGER NOT NULL, version INTEGER NOT NULL,
  lease INTEGER, number INTEGER, -- as in kv
  deleted INTEGER NOT NULL -- 1 if that revision deleted the key, 0 if it wrote the next version
);
INSERT INTO kv_past VALUES(3,0,'/config/a','one',2,2,1,NULL,NULL,0);
INSERT INTO kv_past VALUES(5,0,'/config/b','gone',4,4,1,NULL,NULL,1);
INSERT INTO kv_past VALUES(7,2,'/config/a','two',2,3,2,NULL,NULL,1);
CREATE TABLE changed_kv_past (ended, part, key, value, create_revision, mod_revision, version, lease, number, deleted, gone INTEGER NOT NULL, place INTEGER PRIMARY KEY);
CREATE VIEW kv_history AS -- what keys were and are not any more, down to the horizon
  SELECT mod_revision AS revision, key, value, 0 AS deleted, lease FROM kv_past
    WHERE ended > (SELECT horizon FROM level)
  UNION ALL SELECT ended, key, NULL, 1, NULL FROM kv_past WHERE deleted AND ended > (SELECT horizon FROM level)
;
COMMIT;
