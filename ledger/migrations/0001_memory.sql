-- Runs, the findings with their life, the evidence behind them, and what happened to them.
-- All times are UTC text, 2026-01-02T03:04:05.678Z, which sorts as it reads. docs/ledger.md explains every column.

CREATE TABLE runs (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    ulid        TEXT NOT NULL UNIQUE,
    started_at  TEXT NOT NULL,
    ended_at    TEXT,
    state       TEXT NOT NULL CHECK (state IN ('running', 'complete', 'stopped', 'cut-off')),
    config_hash TEXT NOT NULL,
    packs       TEXT NOT NULL CHECK (json_valid(packs)),
    prior       REAL NOT NULL,
    seed        TEXT NOT NULL,
    ranges      TEXT NOT NULL CHECK (json_valid(ranges)),
    ports       TEXT NOT NULL,
    version     TEXT NOT NULL,
    addresses   INTEGER
) STRICT;

CREATE TABLE run_counts (
    run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    what   TEXT NOT NULL CHECK (what IN ('host', 'verdict', 'attempt')),
    name   TEXT NOT NULL,
    n      INTEGER NOT NULL,
    PRIMARY KEY (run_id, what, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE findings (
    id               INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice, so that an old note cannot name a new host
    address          TEXT NOT NULL UNIQUE,
    address_key      BLOB NOT NULL CHECK (length(address_key) = 16),
    life             TEXT NOT NULL CHECK (life IN ('new', 'still', 'changed', 'gone', 'came-back')),
    since            TEXT NOT NULL,
    verdict          TEXT NOT NULL CHECK (verdict IN ('match', 'suspect')),
    score            REAL NOT NULL,
    rules            TEXT NOT NULL CHECK (json_valid(rules)),
    rules_differ     INTEGER NOT NULL CHECK (rules_differ IN (0, 1)),
    customer         TEXT,
    customer_name    TEXT,
    abuse_email      TEXT,
    last_customer    TEXT,
    asn              INTEGER,
    country          TEXT,
    first_seen       TEXT NOT NULL,
    last_seen        TEXT NOT NULL,
    seen             INTEGER NOT NULL,
    last_run         INTEGER NOT NULL REFERENCES runs (id),
    evidence_id      INTEGER REFERENCES evidence (id) DEFERRABLE INITIALLY DEFERRED,
    proof            BLOB,
    handling         TEXT CHECK (handling IN ('acknowledged', 'dismissed', 'resolved')),
    handled_at       TEXT,
    handled_by       TEXT,
    handled_reason   TEXT,
    handled_until    TEXT,
    handled_rules    TEXT CHECK (handled_rules IS NULL OR json_valid(handled_rules)),
    handled_verdict  TEXT,
    handled_customer TEXT,
    notified_at      TEXT
) STRICT;

CREATE INDEX findings_last_run ON findings (last_run);

CREATE TABLE evidence (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    finding_id    INTEGER NOT NULL REFERENCES findings (id),
    run_id        INTEGER NOT NULL REFERENCES runs (id),
    observed_at   TEXT NOT NULL,
    verdict       TEXT NOT NULL CHECK (verdict IN ('match', 'suspect', 'clear')),
    score         REAL NOT NULL,
    rules         TEXT NOT NULL CHECK (json_valid(rules)),
    customer      TEXT,
    customer_name TEXT,
    range         TEXT,
    cut           INTEGER NOT NULL,
    size          INTEGER NOT NULL,
    sha256        BLOB NOT NULL CHECK (length(sha256) = 32),
    body          BLOB NOT NULL
) STRICT;

CREATE INDEX evidence_finding ON evidence (finding_id);
CREATE INDEX evidence_run ON evidence (run_id);

CREATE TABLE observations (
    finding_id  INTEGER NOT NULL REFERENCES findings (id),
    run_id      INTEGER NOT NULL REFERENCES runs (id),
    observed_at TEXT NOT NULL,
    evidence_id INTEGER NOT NULL REFERENCES evidence (id),
    PRIMARY KEY (finding_id, run_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX observations_run ON observations (run_id);
CREATE INDEX observations_evidence ON observations (evidence_id);

CREATE TABLE events (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    finding_id   INTEGER NOT NULL REFERENCES findings (id),
    run_id       INTEGER REFERENCES runs (id),
    at           TEXT NOT NULL,
    kind         TEXT NOT NULL CHECK (kind IN ('new', 'changed', 'gone', 'came-back',
                     'acknowledged', 'dismissed', 'resolved', 'reopened', 'notified')),
    verdict      TEXT NOT NULL,
    rules        TEXT NOT NULL CHECK (json_valid(rules)),
    customer     TEXT,
    rules_differ INTEGER NOT NULL CHECK (rules_differ IN (0, 1)),
    news         INTEGER NOT NULL CHECK (news IN (0, 1)),
    who          TEXT,
    reason       TEXT,
    until        TEXT
) STRICT;

CREATE INDEX events_finding ON events (finding_id);
CREATE INDEX events_run ON events (run_id);
