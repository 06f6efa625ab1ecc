package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Pruned is what Prune took away.
type Pruned struct {
	Before       time.Time `json:"before"`
	Runs         int64     `json:"runs"`
	Findings     int64     `json:"findings"`
	Observations int64     `json:"observations"`
	Evidence     int64     `json:"evidence"`
	Events       int64     `json:"events"`
}

// Prune forgets what is older than keep: observations, evidence and events of before that time, findings of which nothing
// younger is left, and runs that nothing refers to. A finding that is still seen stays, with its latest evidence, and one
// of which somebody is yet to be told. What is deleted is overwritten in the file, and the file shrinks. Backups beside
// the ledger are not touched.
func (l *Ledger) Prune(ctx context.Context, keep time.Duration) (p Pruned, err error) {
	if keep < 0 {
		return Pruned{}, fmt.Errorf("cannot keep the last %s", keep)
	}
	k, err := acquire(ctx, l.path, l.opts.Wait) // a run relies on the evidence that it knows of
	if err != nil {
		return Pruned{}, err
	}
	defer k.release()
	p.Before = l.opts.Clock().Add(-keep).UTC().Truncate(time.Millisecond)
	if err := l.write(ctx, "prune", func(tx *sql.Tx) error { return p.all(ctx, tx) }); err != nil {
		return Pruned{}, err
	}
	return p, l.shrink(ctx)
}

// all deletes in the order in which rows refer to each other.
func (p *Pruned) all(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, "INSERT INTO pruning (before) VALUES (?)", stamp(p.Before)); err != nil {
		return err
	}
	for _, step := range []struct {
		count *int64
		text  string
	}{
		{nil, `CREATE TEMP TABLE stale AS SELECT f.id FROM findings AS f, pruning AS p WHERE
			NOT EXISTS (SELECT 1 FROM observations WHERE finding_id = f.id AND observed_at >= p.before)
			AND NOT EXISTS (SELECT 1 FROM events WHERE finding_id = f.id AND at >= p.before)
			AND NOT EXISTS (SELECT 1 FROM outbox WHERE finding_id = f.id AND done_at IS NULL)`},
		// Of a finding that stays, the latest observation stays too: there must be something to compare the next one with.
		{&p.Observations, `DELETE FROM observations WHERE observed_at < (SELECT before FROM pruning) AND (finding_id IN (SELECT id FROM stale)
			OR run_id < (SELECT last_run FROM findings WHERE id = finding_id))`},
		{&p.Events, `DELETE FROM events WHERE at < (SELECT before FROM pruning)`},
		{nil, `DELETE FROM outbox WHERE done_at < (SELECT before FROM pruning)`},
		{nil, `UPDATE findings SET evidence_id = NULL WHERE id IN (SELECT id FROM stale)`},
		{&p.Evidence, `DELETE FROM evidence WHERE observed_at < (SELECT before FROM pruning)
			AND NOT EXISTS (SELECT 1 FROM observations WHERE evidence_id = evidence.id)`},
		{&p.Findings, `DELETE FROM findings WHERE id IN (SELECT id FROM stale)`},
		{&p.Runs, `DELETE FROM runs WHERE coalesce(ended_at, started_at) < (SELECT before FROM pruning)
			AND NOT EXISTS (SELECT 1 FROM observations WHERE run_id = runs.id)
			AND NOT EXISTS (SELECT 1 FROM evidence WHERE run_id = runs.id)
			AND NOT EXISTS (SELECT 1 FROM events WHERE run_id = runs.id)
			AND NOT EXISTS (SELECT 1 FROM findings WHERE last_run = runs.id)`},
		{nil, `DROP TABLE temp.stale`},
		{nil, `DELETE FROM pruning`},
	} {
		done, err := tx.ExecContext(ctx, step.text)
		if err != nil {
			return err
		}
		if step.count == nil {
			continue
		}
		if *step.count, err = done.RowsAffected(); err != nil {
			return err
		}
	}
	return nil
}

// shrink gives the room back to the file system, in small transactions between which others can write.
func (l *Ledger) shrink(ctx context.Context) error {
	for {
		var free int64
		if err := l.db.QueryRowContext(ctx, "PRAGMA freelist_count").Scan(&free); err != nil {
			return l.fault("shrink", err)
		}
		if free == 0 {
			break
		}
		if _, err := l.db.ExecContext(ctx, "PRAGMA incremental_vacuum(2000)"); err != nil {
			return l.fault("shrink", err)
		}
		var left int64
		if err := l.db.QueryRowContext(ctx, "PRAGMA freelist_count").Scan(&left); err != nil {
			return l.fault("shrink", err)
		}
		if left >= free {
			break // others delete as fast
		}
	}
	// The old pages are in the log too. Readers may keep it from being emptied now; the last one to close does it then.
	_, err := l.db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	return l.fault("shrink", err)
}
