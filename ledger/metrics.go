package ledger

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/sweep"
)

// Metrics is what monitoring is told after a run.
type Metrics struct {
	Last        RunInfo   // the latest run
	LastSuccess time.Time // the end of the latest complete run; zero: there is none
	// Findings counts the findings that are not gone, by verdict and then by handling, "open" for none.
	Findings map[checks.Verdict]map[State]uint64
	// Waiting is how many notes wait to be told, and Failing how many of them have failed at least once.
	Waiting, Failing uint64
}

// handlings are the values of the label handling.
var handlings = [...]State{"open", Acknowledged, Dismissed, Resolved}

// Metrics reads what monitoring is to be told. The error wraps ErrNotFound when there is no run.
func (l *Ledger) Metrics(ctx context.Context) (m Metrics, err error) {
	err = l.read(ctx, "read metrics", func(tx *sql.Tx) error {
		if m.Last, err = l.run(ctx, tx, ""); err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, "SELECT max(ended_at) FROM runs WHERE state = 'complete'").Scan(moment{&m.LastSuccess}); err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, "SELECT count(*), count(last_error) FROM outbox WHERE done_at IS NULL").Scan(&m.Waiting, &m.Failing); err != nil {
			return err
		}
		m.Findings = map[checks.Verdict]map[State]uint64{checks.Match: {}, checks.Suspect: {}}
		rows, err := tx.QueryContext(ctx, `SELECT f.verdict, coalesce(nullif(`+handling+`, ''), 'open'), count(*) FROM findings AS f
			WHERE f.life <> 'gone' GROUP BY 1, 2`, stamp(l.opts.Clock()))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var verdict checks.Verdict
			var as State
			var n uint64
			if err := rows.Scan(&verdict, &as, &n); err != nil {
				return err
			}
			m.Findings[verdict][as] = n
		}
		return rows.Err()
	})
	return m, err
}

// WriteMetrics writes the metrics where the textfile collector of Prometheus' node_exporter reads them: a file whose name
// ends in .prom. The collector sees the old or the new one, never half. Other users may read it; it names no host and no
// customer.
func WriteMetrics(path string, m Metrics) (err error) {
	if filepath.Ext(path) != ".prom" {
		return fmt.Errorf("metrics %s: the textfile collector reads only names that end in .prom", path)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("metrics: %w", err)
		}
	}()
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // no .prom: the collector passes over it
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // renamed when all went well
	defer f.Close()
	if _, err := f.Write(m.text()); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil { //nolint:gosec // for the collector, which is another user
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// text is the exposition format (https://prometheus.io/docs/instrumenting/exposition_formats/). Every series is there at
// every time: one that comes and goes cannot be alerted on.
func (m Metrics) text() []byte {
	e := exposition{}
	e.family("netschouw_last_success_timestamp_seconds", "When the latest complete run ended; 0: never.").sample(seconds(m.LastSuccess))
	e.family("netschouw_run_start_timestamp_seconds", "When the latest run began.").sample(seconds(m.Last.Started))
	e.family("netschouw_run_duration_seconds", "How long the latest run took; 0 when it was cut off.").sample(m.Last.Duration().Seconds())
	e.family("netschouw_run_complete", "1 when the latest run dealt with every address, 0 when it was stopped or cut off.").sample(truth(m.Last.State == Complete))
	e.family("netschouw_run_addresses", "Addresses that the latest run was to look at.").sample(float64(m.Last.Addresses))
	e.family("netschouw_run_hosts", "Addresses of the latest run by what became of them.")
	for _, state := range hostStates() {
		e.sample(float64(m.Last.Hosts[state]), "outcome", string(state))
	}
	e.family("netschouw_run_verdicts", "Assessed hosts of the latest run by verdict.")
	for _, v := range []checks.Verdict{checks.Match, checks.Suspect, checks.Clear} {
		e.sample(float64(m.Last.Verdicts[v]), "verdict", string(v))
	}
	e.family("netschouw_findings", "Findings that are not gone, by verdict and by what was done about them.")
	for _, v := range []checks.Verdict{checks.Match, checks.Suspect} {
		for _, h := range handlings {
			e.sample(float64(m.Findings[v][h]), "verdict", string(v), "handling", string(h))
		}
	}
	e.family("netschouw_notes_waiting", "Notifications that are not sent yet.").sample(float64(m.Waiting))
	e.family("netschouw_notes_failing", "Notifications that are not sent yet and have failed at least once.").sample(float64(m.Failing))
	return e.Bytes()
}

// hostStates are all that can become of an address.
func hostStates() []sweep.HostState {
	return []sweep.HostState{sweep.Assessed, sweep.Silent, sweep.Unreachable, sweep.LocalErrors, sweep.OutOfScope, sweep.OverBudget,
		sweep.Interrupted, sweep.Failed}
}

// exposition writes families of gauges.
type exposition struct {
	bytes.Buffer
	name string
}

func (e *exposition) family(name, help string) *exposition {
	e.name = name
	fmt.Fprintf(e, "# HELP %s %s\n# TYPE %[1]s gauge\n", name, help)
	return e
}

// sample writes one value of the family, with pairs of labels and their values, which are words of ours.
func (e *exposition) sample(value float64, pairs ...string) {
	e.WriteString(e.name)
	if len(pairs) > 0 {
		terms := make([]string, 0, len(pairs)/2)
		for i := 0; i+1 < len(pairs); i += 2 {
			terms = append(terms, pairs[i]+`="`+pairs[i+1]+`"`)
		}
		e.WriteString("{" + strings.Join(terms, ",") + "}")
	}
	e.WriteString(" " + strconv.FormatFloat(value, 'f', -1, 64) + "\n")
}

func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
