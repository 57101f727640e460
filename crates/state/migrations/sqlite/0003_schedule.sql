-- The schedule: what it knows, what it did, and which instance leads it. Nothing of it can be rebuilt;
-- without it the schedule counts from now.
CREATE TABLE schedule_memory (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    memory TEXT NOT NULL                         -- JSON
) STRICT;

CREATE TABLE schedule_log (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    at     TEXT NOT NULL,
    due    TEXT,                                 -- NULL for a run that no schedule asked for
    event  TEXT NOT NULL,                        -- started, done, failed, cancelled, skipped
    count  INTEGER NOT NULL,                     -- how many due runs it is about
    run_id TEXT,
    note   TEXT NOT NULL
) STRICT;

CREATE TABLE leaders (
    role   TEXT PRIMARY KEY,
    holder TEXT NOT NULL,                        -- empty where nobody leads
    term   INTEGER NOT NULL,                     -- grows with each change of the holder
    beats  INTEGER NOT NULL                      -- grows while the holder lives
) STRICT, WITHOUT ROWID;
