-- The memory of runs and files. All of it can be rebuilt from the lake's publish records, except
-- runs that published nothing and files that failed or are held.
-- Moments are RFC 3339 text in UTC with microseconds, so that they sort and can be read.

CREATE TABLE runs (
    run_id     TEXT PRIMARY KEY,
    started_at TEXT NOT NULL,
    status     TEXT,            -- NULL while it runs, or where it was cut off
    outcome    TEXT             -- the whole outcome as JSON
) STRICT, WITHOUT ROWID;
CREATE INDEX runs_by_start ON runs (started_at);

CREATE TABLE steps (
    run_id   TEXT NOT NULL REFERENCES runs (run_id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    name     TEXT NOT NULL,
    seconds  REAL NOT NULL,
    detail   TEXT NOT NULL,
    PRIMARY KEY (run_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE batches (
    number INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL REFERENCES runs (run_id)
) STRICT;

CREATE TABLE files (
    id                 INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order in which they were judged
    run_id             TEXT NOT NULL REFERENCES runs (run_id),
    dataset            TEXT NOT NULL,
    key                TEXT NOT NULL,
    path               TEXT NOT NULL,
    sha256             TEXT NOT NULL,
    size               INTEGER NOT NULL,
    at                 TEXT NOT NULL,
    pull               TEXT,                               -- of an API page, with `page`
    page               INTEGER,
    fingerprint        TEXT NOT NULL,
    status             TEXT NOT NULL,
    batch              INTEGER REFERENCES batches (number), -- of a loaded file, with `position` in it
    position           INTEGER,
    rows_read          INTEGER NOT NULL,
    inserted           INTEGER NOT NULL,
    updated            INTEGER NOT NULL,
    duplicate          INTEGER NOT NULL,
    rejected           INTEGER NOT NULL,
    orphans            INTEGER NOT NULL,
    rejected_malformed INTEGER NOT NULL,
    rejected_missing   INTEGER NOT NULL,
    rejected_range     INTEGER NOT NULL,
    rejected_contract  INTEGER NOT NULL,
    error              TEXT,
    offenders          TEXT,                               -- JSON, of a failed file
    warnings           TEXT                                -- JSON
) STRICT;
CREATE UNIQUE INDEX files_once ON files (run_id, dataset, key, coalesce(pull, ''), coalesce(page, -1));
CREATE INDEX files_by_bytes ON files (dataset, sha256);
CREATE INDEX files_by_load ON files (dataset, batch, position) WHERE batch IS NOT NULL;
CREATE INDEX files_by_page ON files (pull, page) WHERE pull IS NOT NULL;
CREATE INDEX files_by_status ON files (status, id);

CREATE TABLE cursors (
    dataset TEXT PRIMARY KEY,
    value   TEXT NOT NULL,      -- JSON
    batch   INTEGER NOT NULL REFERENCES batches (number)
) STRICT, WITHOUT ROWID;

CREATE TABLE pulls (
    dataset TEXT PRIMARY KEY,
    value   TEXT NOT NULL       -- JSON
) STRICT, WITHOUT ROWID;
