-- The memory of runs and files, of the schedule, of alerts and of what was used: the tables of
-- ../sqlite/0001 to 0005, where each is explained. Text sorts by its bytes, as SQLite's does.

CREATE TABLE runs (
    run_id     TEXT COLLATE "C" PRIMARY KEY,
    started_at TEXT COLLATE "C" NOT NULL,
    status     TEXT COLLATE "C",
    outcome    TEXT COLLATE "C"
);
CREATE INDEX runs_by_start ON runs (started_at);

CREATE TABLE steps (
    run_id   TEXT COLLATE "C" NOT NULL REFERENCES runs (run_id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    name     TEXT COLLATE "C" NOT NULL,
    seconds  DOUBLE PRECISION NOT NULL,
    detail   TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (run_id, position)
);

CREATE TABLE batches (
    number BIGINT PRIMARY KEY,
    run_id TEXT COLLATE "C" NOT NULL REFERENCES runs (run_id)
);

CREATE TABLE files (
    id                 BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    run_id             TEXT COLLATE "C" NOT NULL REFERENCES runs (run_id),
    dataset            TEXT COLLATE "C" NOT NULL,
    key                TEXT COLLATE "C" NOT NULL,
    path               TEXT COLLATE "C" NOT NULL,
    sha256             TEXT COLLATE "C" NOT NULL,
    size               BIGINT NOT NULL,
    at                 TEXT COLLATE "C" NOT NULL,
    pull               TEXT COLLATE "C",
    page               BIGINT,
    fingerprint        TEXT COLLATE "C" NOT NULL,
    status             TEXT COLLATE "C" NOT NULL,
    batch              BIGINT REFERENCES batches (number),
    position           BIGINT,
    rows_read          BIGINT NOT NULL,
    inserted           BIGINT NOT NULL,
    updated            BIGINT NOT NULL,
    duplicate          BIGINT NOT NULL,
    rejected           BIGINT NOT NULL,
    orphans            BIGINT NOT NULL,
    rejected_malformed BIGINT NOT NULL,
    rejected_missing   BIGINT NOT NULL,
    rejected_range     BIGINT NOT NULL,
    rejected_contract  BIGINT NOT NULL,
    error              TEXT COLLATE "C",
    offenders          TEXT COLLATE "C",
    warnings           TEXT COLLATE "C"
);
CREATE UNIQUE INDEX files_once ON files (run_id, dataset, key, coalesce(pull, ''), coalesce(page, -1));
CREATE INDEX files_by_bytes ON files (dataset, sha256);
CREATE INDEX files_by_load ON files (dataset, batch, position) WHERE batch IS NOT NULL;
CREATE INDEX files_by_page ON files (pull, page) WHERE pull IS NOT NULL;
CREATE INDEX files_by_status ON files (status, id);

CREATE TABLE cursors (
    dataset TEXT COLLATE "C" PRIMARY KEY,
    value   TEXT COLLATE "C" NOT NULL,
    batch   BIGINT NOT NULL REFERENCES batches (number)
);

CREATE TABLE pulls (
    dataset TEXT COLLATE "C" PRIMARY KEY,
    value   TEXT COLLATE "C" NOT NULL
);

ALTER TABLE files ADD COLUMN replayed BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE files ADD COLUMN schema_changes TEXT COLLATE "C";

CREATE TABLE schedule_memory (
    one    BIGINT PRIMARY KEY CHECK (one = 1),
    memory TEXT COLLATE "C" NOT NULL
);

CREATE TABLE schedule_log (
    id     BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    at     TEXT COLLATE "C" NOT NULL,
    due    TEXT COLLATE "C",
    event  TEXT COLLATE "C" NOT NULL,
    count  BIGINT NOT NULL,
    run_id TEXT COLLATE "C",
    note   TEXT COLLATE "C" NOT NULL
);

CREATE TABLE leaders (
    role   TEXT COLLATE "C" PRIMARY KEY,
    holder TEXT COLLATE "C" NOT NULL,
    term   BIGINT NOT NULL,
    beats  BIGINT NOT NULL
);

CREATE TABLE alert_book (
    one     BIGINT PRIMARY KEY CHECK (one = 1),
    version BIGINT NOT NULL,
    book    TEXT COLLATE "C" NOT NULL
);

CREATE TABLE alert_messages (
    id           BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    key          TEXT COLLATE "C" NOT NULL UNIQUE,
    outgoing     TEXT COLLATE "C" NOT NULL,
    attempts     BIGINT NOT NULL DEFAULT 0,
    next_at      TEXT COLLATE "C",
    trouble      TEXT COLLATE "C",
    delivered_at TEXT COLLATE "C"
);
CREATE INDEX alert_messages_due ON alert_messages (next_at) WHERE next_at IS NOT NULL;

CREATE TABLE usage (
    id      BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    at      TEXT COLLATE "C" NOT NULL,
    run_id  TEXT COLLATE "C",
    seconds DOUBLE PRECISION NOT NULL,
    memory  BIGINT NOT NULL,
    scanned BIGINT NOT NULL,
    reads   BIGINT NOT NULL,
    writes  BIGINT NOT NULL,
    stored  BIGINT
);
CREATE INDEX usage_by_time ON usage (at);
