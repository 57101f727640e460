-- What runs and queries used, for what they cost.
CREATE TABLE usage (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      TEXT NOT NULL,
    run_id  TEXT,                                -- NULL for a query
    seconds REAL NOT NULL,
    memory  INTEGER NOT NULL,
    scanned INTEGER NOT NULL,
    reads   INTEGER NOT NULL,
    writes  INTEGER NOT NULL,
    stored  INTEGER                              -- NULL where it did not look
) STRICT;
CREATE INDEX usage_by_time ON usage (at);
