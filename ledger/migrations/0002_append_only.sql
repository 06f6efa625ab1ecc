-- What was seen is only added to. Pruning says first what it will take, and may take nothing younger; the row in
-- pruning lives no longer than its transaction.

CREATE TABLE pruning (
    before TEXT NOT NULL
) STRICT;

CREATE TRIGGER evidence_is_kept BEFORE UPDATE ON evidence
BEGIN SELECT raise(ABORT, 'evidence is append-only'); END;

CREATE TRIGGER evidence_is_not_replaced BEFORE INSERT ON evidence
WHEN EXISTS (SELECT 1 FROM evidence WHERE id = new.id)
BEGIN SELECT raise(ABORT, 'evidence is append-only'); END;

CREATE TRIGGER evidence_is_not_deleted BEFORE DELETE ON evidence
WHEN NOT EXISTS (SELECT 1 FROM pruning WHERE old.observed_at < before)
BEGIN SELECT raise(ABORT, 'evidence is append-only: old runs are removed by netschouw runs prune'); END;

CREATE TRIGGER observations_are_kept BEFORE UPDATE ON observations
BEGIN SELECT raise(ABORT, 'observations are append-only'); END;

CREATE TRIGGER observations_are_not_replaced BEFORE INSERT ON observations
WHEN EXISTS (SELECT 1 FROM observations WHERE finding_id = new.finding_id AND run_id = new.run_id)
BEGIN SELECT raise(ABORT, 'observations are append-only'); END;

CREATE TRIGGER observations_are_not_deleted BEFORE DELETE ON observations
WHEN NOT EXISTS (SELECT 1 FROM pruning WHERE old.observed_at < before)
BEGIN SELECT raise(ABORT, 'observations are append-only: old runs are removed by netschouw runs prune'); END;

CREATE TRIGGER events_are_kept BEFORE UPDATE ON events
BEGIN SELECT raise(ABORT, 'events are append-only'); END;

CREATE TRIGGER events_are_not_replaced BEFORE INSERT ON events
WHEN EXISTS (SELECT 1 FROM events WHERE id = new.id)
BEGIN SELECT raise(ABORT, 'events are append-only'); END;

CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events
WHEN NOT EXISTS (SELECT 1 FROM pruning WHERE old.at < before)
BEGIN SELECT raise(ABORT, 'events are append-only: old runs are removed by netschouw runs prune'); END;
