package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/sweep"
)

// Run is what is known of a run when it begins.
type Run struct {
	ID         string    `json:"run"` // ULID
	Started    time.Time `json:"started"`
	ConfigHash string    `json:"config_hash"` // of everything that decides what the run finds
	// Packs and Prior are what verdicts rest on: those of runs in which they differ are not comparable.
	Packs   []string `json:"packs"`
	Prior   float64  `json:"prior"`
	Seed    uint64   `json:"seed,string"` // beyond what a JSON number can hold exactly
	Ranges  []string `json:"ranges"`
	Ports   string   `json:"ports"`   // as a person writes them, "25,80,8000-8100"
	Version string   `json:"version"` // of netschouw
}

// comparable tells whether verdicts of the two runs rest on the same rules.
func (r Run) comparable(o Run) bool { return slices.Equal(r.Packs, o.Packs) && r.Prior == o.Prior }

// RunState says how a run ended.
type RunState string

// The states of a run.
const (
	Running  RunState = "running"  // a process is writing it
	Complete RunState = "complete" // every address was dealt with
	Stopped  RunState = "stopped"  // ended early in good order; it can be resumed
	CutOff   RunState = "cut-off"  // its process died; it can be resumed while no other run has begun
)

// RunInfo is a run as the ledger remembers it.
type RunInfo struct {
	Run
	State RunState  `json:"state"`
	Ended time.Time `json:"ended,omitzero"` // zero: it has not, or was cut off
	// Addresses is how many there were to look at, Hosts what became of them, Verdicts how the assessed ones were
	// judged, and Attempts how the connections of discovery ended. They are nil for a run that was cut off.
	Addresses uint64                     `json:"addresses"`
	Hosts     map[sweep.HostState]uint64 `json:"hosts"`
	Verdicts  map[checks.Verdict]uint64  `json:"verdicts"`
	Attempts  map[string]uint64          `json:"attempts"`

	seq int64 // runs.id: the order in which runs began
}

// Duration is from the begin to the end, pauses before a resume included; 0 when it has not ended.
func (r RunInfo) Duration() time.Duration {
	if r.Ended.IsZero() {
		return 0
	}
	return r.Ended.Sub(r.Started)
}

const runColumns = `SELECT id, ulid, started_at, ended_at, state, config_hash, packs, prior, seed, ranges, ports, version,
	coalesce(addresses, 0) FROM runs `

// Runs are all runs, the latest first.
func (l *Ledger) Runs(ctx context.Context) (runs []RunInfo, err error) {
	err = l.read(ctx, "list runs", func(tx *sql.Tx) error {
		runs, err = l.runs(ctx, tx, "ORDER BY id DESC")
		return err
	})
	return runs, err
}

// Run is one run by its ULID, or the latest for "". The error wraps ErrNotFound.
func (l *Ledger) Run(ctx context.Context, id string) (run RunInfo, err error) {
	err = l.read(ctx, "show a run", func(tx *sql.Tx) error {
		run, err = l.run(ctx, tx, id)
		return err
	})
	return run, err
}

func (l *Ledger) run(ctx context.Context, tx *sql.Tx, id string) (RunInfo, error) {
	runs, err := l.runs(ctx, tx, "WHERE ?1 IN (ulid, '') ORDER BY id DESC LIMIT 1", id)
	if err == nil && len(runs) == 0 {
		err = fmt.Errorf("run %q is %w", id, ErrNotFound)
	}
	if err != nil {
		return RunInfo{}, err
	}
	return runs[0], nil
}

func (l *Ledger) runs(ctx context.Context, tx *sql.Tx, where string, args ...any) ([]RunInfo, error) {
	rows, err := tx.QueryContext(ctx, runColumns+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var runs []RunInfo
	for rows.Next() {
		var r RunInfo
		var seed string
		if err := rows.Scan(&r.seq, &r.ID, moment{&r.Started}, moment{&r.Ended}, &r.State, &r.ConfigHash, list{&r.Packs}, &r.Prior,
			&seed, list{&r.Ranges}, &r.Ports, &r.Version, &r.Addresses); err != nil {
			return nil, err
		}
		if r.Seed, err = strconv.ParseUint(seed, 10, 64); err != nil {
			return nil, err
		}
		if r.State == Running && !held(l.path) { // nobody is left to end it
			r.State = CutOff
		}
		runs = append(runs, r)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	for i := range runs {
		if err := runs[i].counts(ctx, tx); err != nil {
			return nil, err
		}
	}
	return runs, nil
}

// counts reads what became of the addresses of a run.
func (r *RunInfo) counts(ctx context.Context, tx *sql.Tx) error {
	rows, err := tx.QueryContext(ctx, "SELECT what, name, n FROM run_counts WHERE run_id = ?", r.seq)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var what, name string
		var n uint64
		if err := rows.Scan(&what, &name, &n); err != nil {
			return err
		}
		switch what {
		case "host":
			put(&r.Hosts, sweep.HostState(name), n)
		case "verdict":
			put(&r.Verdicts, checks.Verdict(name), n)
		case "attempt":
			put(&r.Attempts, name, n)
		}
	}
	return rows.Err()
}

func put[K comparable](m *map[K]uint64, key K, n uint64) {
	if *m == nil {
		*m = make(map[K]uint64)
	}
	(*m)[key] = n
}
