BEGIN TRANSACTION;
CREATE TABLE draws (
	epoch INTEGER NOT NULL, 
	task_ids JSON NOT NULL, 
	PRIMARY KEY (epoch)
);
INSERT INTO "draws" VALUES(0,'["math-98591fc3a2061712", "math-e4d931533da1c372", "math-663b5f347d50ac0a"]');
CREATE TABLE evaluations (
	number INTEGER NOT NULL, 
	split VARCHAR(32) NOT NULL, 
	step INTEGER NOT NULL, 
	task_id VARCHAR(255) NOT NULL, 
	kind VARCHAR(255) NOT NULL, 
	session INTEGER NOT NULL, 
	acc FLOAT NOT NULL, 
	reward FLOAT NOT NULL, 
	failure VARCHAR(32) NOT NULL, 
	trajectory TEXT NOT NULL, 
	PRIMARY KEY (number), 
	UNIQUE (split, step, task_id, session)
);
CREATE TABLE failures (
	number INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	kind VARCHAR(64) NOT NULL, 
	message TEXT NOT NULL, 
	task_id VARCHAR(255) NOT NULL, 
	PRIMARY KEY (number)
);
CREATE TABLE info (
	"key" VARCHAR(255) NOT NULL, 
	value JSON NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "info" VALUES('schema_version',1);
INSERT INTO "info" VALUES('seed',3);
CREATE TABLE metrics (
	step INTEGER NOT NULL, 
	"values" JSON NOT NULL, 
	PRIMARY KEY (step)
);
CREATE TABLE outcomes (
	number INTEGER NOT NULL, 
	epoch INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	task_id VARCHAR(255) NOT NULL, 
	uid VARCHAR(255) NOT NULL, 
	session INTEGER NOT NULL, 
	reward FLOAT NOT NULL, 
	acc FLOAT NOT NULL, 
	failure VARCHAR(32) NOT NULL, 
	turns INTEGER NOT NULL, 
	trajectory TEXT NOT NULL, 
	PRIMARY KEY (number), 
	UNIQUE (step, task_id, uid, session)
);
INSERT INTO "outcomes" VALUES(1,0,1,'math-98591fc3a2061712','u',0,0.0,1.0,'none',1,'{}');
INSERT INTO "outcomes" VALUES(2,0,1,'math-98591fc3a2061712','u',1,0.0,1.0,'none',1,'{}');
INSERT INTO "outcomes" VALUES(3,0,1,'math-98591fc3a2061712','u',2,0.0,0.0,'none',1,'{}');
INSERT INTO "outcomes" VALUES(4,0,1,'math-98591fc3a2061712','u',3,0.0,0.0,'none',1,'{}');
INSERT INTO "outcomes" VALUES(5,0,1,'math-e4d931533da1c372','u',0,0.0,1.0,'none',1,'{}');
INSERT INTO "outcomes" VALUES(6,0,1,'math-e4d931533da1c372','u',1,0.0,1.0,'none',1,'{}');
INSERT INTO "outcomes" VALUES(7,0,1,'math-e4d931533da1c372','u',2,0.0,1.0,'none',1,'{}');
INSERT INTO "outcomes" VALUES(8,0,1,'math-e4d931533da1c372','u',3,0.0,1.0,'none',1,'{}');
INSERT INTO "outcomes" VALUES(9,0,2,'math-98591fc3a2061712','u',0,0.0,1.0,'none',1,'{}');
INSERT INTO "outcomes" VALUES(10,0,2,'math-98591fc3a2061712','u',1,0.0,1.0,'none',1,'{}');
INSERT INTO "outcomes" VALUES(11,0,2,'math-98591fc3a2061712','u',2,0.0,1.0,'none',1,'{}');
INSERT INTO "outcomes" VALUES(12,0,2,'math-98591fc3a2061712','u',3,0.0,0.0,'none',1,'{}');
CREATE TABLE rounds (
	epoch INTEGER NOT NULL, 
	status VARCHAR(32) NOT NULL, 
	counts JSON NOT NULL, 
	created FLOAT NOT NULL, 
	PRIMARY KEY (epoch)
);
INSERT INTO "rounds" VALUES(1,'committed','{"added": 1}',1.79547784741114282609e+09);
CREATE TABLE status_changes (
	number INTEGER NOT NULL, 
	epoch INTEGER NOT NULL, 
	task_id VARCHAR(255) NOT NULL, 
	old_status VARCHAR(32) NOT NULL, 
	old_reason TEXT NOT NULL, 
	status VARCHAR(32) NOT NULL, 
	reason TEXT NOT NULL, 
	PRIMARY KEY (number)
);
INSERT INTO "status_changes" VALUES(1,1,'math-e4d931533da1c372','active','','mastered','solved');
INSERT INTO "status_changes" VALUES(2,1,'math-663b5f347d50ac0a','active','','quarantined','no such table');
CREATE TABLE tasks (
	id VARCHAR(255) NOT NULL, 
	split VARCHAR(32) NOT NULL, 
	kind VARCHAR(255) NOT NULL, 
	structure TEXT NOT NULL, 
	depth INTEGER NOT NULL, 
	json TEXT NOT NULL, 
	parent VARCHAR(255), 
	operator VARCHAR(255), 
	round INTEGER NOT NULL, 
	status VARCHAR(32) NOT NULL, 
	reason TEXT NOT NULL, 
	created FLOAT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "tasks" VALUES('math-663b5f347d50ac0a','train','math','s',1,'{"kind": "math", "messages": [{"role": "user", "content": "2?"}], "tools": [], "env": "replay", "env_args": {}, "reward": "math", "ground_truth": 2, "user": null, "structure": "s", "depth": 1, "seed": 2, "parent": null, "operator": null, "meta": {}, "id": "math-663b5f347d50ac0a"}',NULL,NULL,0,'quarantined','no such table',1.79547784740562820435e+09);
INSERT INTO "tasks" VALUES('math-98591fc3a2061712','train','math','s',1,'{"kind": "math", "messages": [{"role": "user", "content": "0?"}], "tools": [], "env": "replay", "env_args": {}, "reward": "math", "ground_truth": 0, "user": null, "structure": "s", "depth": 1, "seed": 0, "parent": null, "operator": null, "meta": {}, "id": "math-98591fc3a2061712"}',NULL,NULL,0,'active','',1.79547784740562820435e+09);
INSERT INTO "tasks" VALUES('math-e4d931533da1c372','train','math','s',1,'{"kind": "math", "messages": [{"role": "user", "content": "1?"}], "tools": [], "env": "replay", "env_args": {}, "reward": "math", "ground_truth": 1, "user": null, "structure": "s", "depth": 1, "seed": 1, "parent": null, "operator": null, "meta": {}, "id": "math-e4d931533da1c372"}',NULL,NULL,0,'mastered','solved',1.79547784740562820435e+09);
INSERT INTO "tasks" VALUES('math-65ec9145ac7d8340','held_out','math','s',1,'{"kind": "math", "messages": [{"role": "user", "content": "9?"}], "tools": [], "env": "replay", "env_args": {}, "reward": "math", "ground_truth": 9, "user": null, "structure": "s", "depth": 1, "seed": 9, "parent": null, "operator": null, "meta": {}, "id": "math-65ec9145ac7d8340"}',NULL,NULL,0,'active','',1.79547784740687060359e+09);
INSERT INTO "tasks" VALUES('math-a3c0f3417b14937b','train','math','s',1,'{"kind": "math", "messages": [{"role": "user", "content": "5?"}], "tools": [], "env": "replay", "env_args": {}, "reward": "math", "ground_truth": 5, "user": null, "structure": "s", "depth": 1, "seed": 5, "parent": "math-98591fc3a2061712", "operator": "grow", "meta": {}, "id": "math-a3c0f3417b14937b"}','math-98591fc3a2061712','grow',1,'active','',1.79547784740982174873e+09);
CREATE INDEX tasks_by_status ON tasks (split, status);
CREATE INDEX ix_status_changes_epoch ON status_changes (epoch);
CREATE INDEX ix_outcomes_epoch ON outcomes (epoch);
COMMIT;
