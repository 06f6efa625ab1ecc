package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"sync"
	"time"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/sweep"
)

// Records are written together, in one transaction: so many, so many bytes, or what came in so long.
const (
	batchRecords = 256
	batchBytes   = 1 << 20
	batchTime    = time.Second
)

// RunWriter writes one run. It is a sweep.Sink; give it every assessed host, clear ones too: a clear host costs a look
// into a map, unless a finding is open there. Its methods may be called by several goroutines.
type RunWriter struct {
	ledger *Ledger
	ctx    context.Context //nolint:containedctx // the values of Begin's; sweep.Sink has no room for one
	lock   *lock
	run    Run
	seq    int64

	mu      sync.Mutex
	packer  *packer
	open    map[netip.Addr]openFinding
	odds    map[int64]bool // see store
	waiting []*record
	bytes   int
	since   time.Time // when the first one began to wait
	ended   bool
}

// openFinding is what the writer remembers of a finding that was open when the run began.
type openFinding struct{ proof, matter digest }

var _ sweep.Sink = (*RunWriter)(nil)

var errEnded = errors.New("the run has ended")

// Run is the run as it was begun; for a resumed one, as it was begun first.
func (w *RunWriter) Run() Run { return w.run }

// Host takes one assessed host. It is stored for certain when a later Flush or Finish has returned nil, and after about a
// second in any case while hosts come in. After an error, such as of a full disk, the hosts that wait go on waiting, no more
// than one batch of them, for a Flush that succeeds.
func (w *RunWriter) Host(f checks.Finding) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return errEnded
	}
	known, open := w.open[f.Address.Unmap()]
	if f.Verdict == checks.Clear && !open {
		return nil
	}
	if w.full() { // an earlier flush has failed
		if err := w.flush(); err != nil {
			return err
		}
	}
	if f.ObservedAt.IsZero() {
		f.ObservedAt = w.ledger.opts.Clock()
	}
	r, err := newRecord(&f)
	if err != nil {
		return err
	}
	if !open || known.proof != r.proof {
		cut := Whole
		if open && known.matter == matterOf(r.verdict, r.rules, r.customer) {
			cut = Values // the host was stored when it came to be so
		}
		if r.body, err = w.packer.body(&f, cut); err != nil {
			return err
		}
		w.bytes += len(r.body.packed)
	}
	if len(w.waiting) == 0 {
		w.since = time.Now()
	}
	w.waiting = append(w.waiting, r)
	if w.full() || time.Since(w.since) >= batchTime {
		return w.flush()
	}
	return nil
}

func (w *RunWriter) full() bool { return len(w.waiting) >= batchRecords || w.bytes >= batchBytes }

// Flush stores what waits. When it returns nil, all hosts given before have reached the disk.
func (w *RunWriter) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return errEnded
	}
	return w.flush()
}

func (w *RunWriter) flush() error {
	if len(w.waiting) == 0 {
		return nil
	}
	err := w.ledger.write(w.ctx, "store findings", func(tx *sql.Tx) error {
		s, err := newStore(w.ctx, tx, w.seq, w.odds)
		if err != nil {
			return err
		}
		for _, r := range w.waiting {
			if err := s.put(r); err != nil {
				return fmt.Errorf("%s: %w", r.addr, err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	clear(w.waiting) // lets the memory of the bodies go
	w.waiting, w.bytes = w.waiting[:0], 0
	return nil
}

// Finish stores what waits, and how the run ended: complete, or stopped early, to be resumed. The writer is of no use
// after it, whether it fails or not: a run whose end could not be written counts as cut off.
func (w *RunWriter) Finish(sum sweep.Summary) error {
	if sum.Run != w.run.ID {
		return fmt.Errorf("the summary is of run %s, not of %s", sum.Run, w.run.ID)
	}
	err := w.Flush()
	if err == nil {
		err = w.ledger.write(w.ctx, "end a run", func(tx *sql.Tx) error { return w.end(tx, sum) })
	}
	return errors.Join(err, w.Close())
}

// end writes the end of a run and its counts, in place of those of before a resume.
func (w *RunWriter) end(tx *sql.Tx, sum sweep.Summary) error {
	ended, state := sum.Ended, Complete
	if sum.Interrupted {
		state = Stopped
	}
	if ended.IsZero() {
		ended = w.ledger.opts.Clock()
	}
	if _, err := tx.ExecContext(w.ctx, "UPDATE runs SET state = ?, ended_at = ?, addresses = ? WHERE id = ?",
		state, stamp(ended), int64(min(sum.Total, math.MaxInt64)), w.seq); err != nil { //nolint:gosec // bounded
		return err
	}
	if _, err := tx.ExecContext(w.ctx, "DELETE FROM run_counts WHERE run_id = ?", w.seq); err != nil {
		return err
	}
	insert, err := tx.PrepareContext(w.ctx, `INSERT INTO run_counts (run_id, what, name, n) VALUES (?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET n = n + excluded.n`)
	if err != nil {
		return err
	}
	add := func(what, name string, n uint64) {
		if err == nil {
			_, err = insert.ExecContext(w.ctx, w.seq, what, name, int64(min(n, math.MaxInt64>>10))) //nolint:gosec // bounded; and so is a sum
		}
	}
	for state, n := range sum.Hosts {
		add("host", string(state), n)
	}
	for verdict, n := range sum.Verdicts {
		add("verdict", string(verdict), n)
	}
	for _, byOutcome := range sum.Ports {
		for outcome, n := range byOutcome {
			add("attempt", outcome, n)
		}
	}
	return err
}

// Close lets other processes write runs. Without Finish before it, the run is cut off.
func (w *RunWriter) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return nil
	}
	w.ended = true
	w.lock.release()
	return nil
}
