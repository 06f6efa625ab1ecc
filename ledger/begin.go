package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"strconv"

	"github.com/oklog/ulid/v2"

	"github.com/netschouw/netschouw/checks"
)

// ErrCannotResume is wrapped by the error for a run that cannot be gone on with.
var ErrCannotResume = errors.New("cannot be resumed")

// Begin begins a run, or goes on with the one of that ID when it was stopped or cut off with the same configuration and no
// other has begun since. One run is written at a time: ErrBusy when another process writes one, and does not end within
// Options.Wait. The writer outlives ctx, so that what is in hand is stored when a run is stopped. Close it.
func (l *Ledger) Begin(ctx context.Context, run Run) (*RunWriter, error) {
	if _, err := ulid.ParseStrict(run.ID); err != nil {
		return nil, fmt.Errorf("run id %q: %w", run.ID, err)
	}
	k, err := acquire(ctx, l.path, l.opts.Wait)
	if err != nil {
		return nil, err
	}
	w := &RunWriter{ledger: l, ctx: context.WithoutCancel(ctx), lock: k, run: run, packer: newPacker(l.opts.EvidenceBytes)}
	if w.run.Started.IsZero() {
		w.run.Started = l.opts.Clock()
	}
	err = l.write(ctx, "begin a run", func(tx *sql.Tx) error {
		// Whoever wrote these has died: the lock is ours.
		if _, err := tx.ExecContext(ctx, "UPDATE runs SET state = 'cut-off' WHERE state = 'running'"); err != nil {
			return err
		}
		if err := w.enter(ctx, tx); err != nil {
			return err
		}
		return w.load(ctx, tx)
	})
	if err != nil {
		k.release()
		return nil, err
	}
	return w, nil
}

// enter writes the run, or finds it again.
func (w *RunWriter) enter(ctx context.Context, tx *sql.Tx) error {
	l := w.ledger
	old, err := l.run(ctx, tx, w.run.ID)
	if errors.Is(err, ErrNotFound) {
		done, err := tx.ExecContext(ctx, `INSERT INTO runs (ulid, started_at, state, config_hash, packs, prior, seed, ranges, ports, version)
			VALUES (?, ?, 'running', ?, ?, ?, ?, ?, ?, ?)`, w.run.ID, stamp(w.run.Started), w.run.ConfigHash, text(w.run.Packs), w.run.Prior,
			strconv.FormatUint(w.run.Seed, 10), text(w.run.Ranges), w.run.Ports, w.run.Version)
		if err != nil {
			return err
		}
		w.seq, err = done.LastInsertId()
		return err
	}
	if err != nil {
		return err
	}
	latest, err := l.run(ctx, tx, "")
	switch {
	case err != nil:
		return err
	case old.State == Complete:
		return fmt.Errorf("run %s %w: it is complete", old.ID, ErrCannotResume)
	case latest.seq != old.seq:
		return fmt.Errorf("run %s %w: run %s has begun since", old.ID, ErrCannotResume, latest.ID)
	case old.ConfigHash != w.run.ConfigHash || !old.comparable(w.run):
		return fmt.Errorf("run %s %w: the configuration or the rules have changed", old.ID, ErrCannotResume)
	}
	w.seq, w.run = old.seq, old.Run
	_, err = tx.ExecContext(ctx, "UPDATE runs SET state = 'running', ended_at = NULL WHERE id = ?", w.seq)
	return err
}

// load reads what the writer needs to know of the past: the findings that are open, so that of the clear hosts only those
// cost anything, and which earlier runs judged by other rules.
func (w *RunWriter) load(ctx context.Context, tx *sql.Tx) error {
	w.open, w.odds = map[netip.Addr]openFinding{}, map[int64]bool{}
	runs, err := w.ledger.runs(ctx, tx, "")
	if err != nil {
		return err
	}
	for _, r := range runs {
		w.odds[r.seq] = !r.comparable(w.run)
	}
	rows, err := tx.QueryContext(ctx, "SELECT address, proof, verdict, rules, coalesce(customer, '') FROM findings WHERE life <> 'gone'")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var address, customer string
		var verdict checks.Verdict
		var rules []string
		var proof []byte
		if err := rows.Scan(&address, &proof, &verdict, list{&rules}, &customer); err != nil {
			return err
		}
		addr, err := netip.ParseAddr(address)
		if err != nil {
			return err
		}
		known := openFinding{matter: matterOf(verdict, rules, customer)}
		copy(known.proof[:], proof)
		w.open[addr] = known
	}
	return rows.Err()
}
