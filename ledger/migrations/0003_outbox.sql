-- What is to be told to whom, until it was told.

CREATE TABLE outbox (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    finding_id   INTEGER NOT NULL REFERENCES findings (id) ON DELETE CASCADE,
    channel      TEXT NOT NULL,
    kind         TEXT NOT NULL CHECK (kind IN ('new', 'repeat', 'resolved')),
    customer     TEXT,
    created_at   TEXT NOT NULL,
    next_try     TEXT NOT NULL,
    attempts     INTEGER NOT NULL DEFAULT 0,
    leased_until TEXT,
    last_error   TEXT,
    done_at      TEXT
) STRICT;

CREATE UNIQUE INDEX outbox_waiting ON outbox (finding_id, channel, kind) WHERE done_at IS NULL;
CREATE INDEX outbox_finding ON outbox (finding_id, channel, id);
CREATE INDEX outbox_due ON outbox (channel, next_try) WHERE done_at IS NULL;
