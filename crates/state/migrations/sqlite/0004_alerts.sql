-- Alerts: where each stands, and messages on their way. Without it alerts begin anew: what fires is told again.
CREATE TABLE alert_book (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL,
    book    TEXT NOT NULL                        -- JSON
) STRICT;

CREATE TABLE alert_messages (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    key          TEXT NOT NULL UNIQUE,           -- nobody is told twice of one event
    outgoing     TEXT NOT NULL,                  -- JSON, as it was written
    attempts     INTEGER NOT NULL DEFAULT 0,
    next_at      TEXT,                           -- NULL where it is delivered or given up
    trouble      TEXT,
    delivered_at TEXT
) STRICT;
CREATE INDEX alert_messages_due ON alert_messages (next_at) WHERE next_at IS NOT NULL;
