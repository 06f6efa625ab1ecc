package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/netschouw/netschouw/checks"
)

// Diff is what happened between the ends of two runs.
type Diff struct {
	A RunInfo `json:"a"`
	B RunInfo `json:"b"`
	// RulesDiffer says that the runs judged by different rules: a difference may lie in these, not in the hosts.
	RulesDiffer bool        `json:"rules_differ"`
	Entries     []Different `json:"entries"` // in order of address
	Same        int         `json:"same"`    // findings that are as they were, and were looked at in B
}

// Different is an address that is not in B as it was in A.
type Different struct {
	Finding int64      `json:"finding"`
	Address netip.Addr `json:"address"`
	// What is New, CameBack, Changed or Gone, or NotSeen.
	What State `json:"what"`
	// Before and After are what was last known at the end of A and of B; nil: nothing was found yet.
	Before *Seen `json:"before"`
	After  *Seen `json:"after"`
	// RulesDiffer says that Before and After are verdicts by different rules.
	RulesDiffer bool `json:"rules_differ"`
}

// NotSeen is the Different.What of a finding of A that B did not assess, nor a run between: nothing is known of it.
const NotSeen State = "not-seen"

// Seen is what an assessment found on an address.
type Seen struct {
	Run      string         `json:"run"` // ULID of the run that looked
	At       time.Time      `json:"observed_at"`
	Verdict  checks.Verdict `json:"verdict"`
	Score    float64        `json:"score"`
	Rules    []string       `json:"rules"`
	Customer string         `json:"customer"`

	seq int64
}

// Diff compares what was known at the end of run a with what was known at the end of run b, which began later; both by
// their ULID. What runs between them saw counts too: a finding that only such a run found to be gone is gone in b.
func (l *Ledger) Diff(ctx context.Context, a, b string) (d Diff, err error) {
	err = l.read(ctx, "compare runs", func(tx *sql.Tx) error {
		if d.A, err = l.run(ctx, tx, a); err != nil {
			return err
		}
		if d.B, err = l.run(ctx, tx, b); err != nil {
			return err
		}
		if d.A.seq > d.B.seq {
			return fmt.Errorf("run %s began after run %s: give the older one first", d.A.ID, d.B.ID)
		}
		d.RulesDiffer = !d.A.comparable(d.B.Run)
		return d.compare(ctx, l, tx)
	})
	return d, err
}

// compare fills the entries.
func (d *Diff) compare(ctx context.Context, l *Ledger, tx *sql.Tx) error {
	runs, err := l.runs(ctx, tx, "")
	if err != nil {
		return err
	}
	bySeq := make(map[int64]Run, len(runs))
	for _, r := range runs {
		bySeq[r.seq] = r.Run
	}
	before, err := known(ctx, tx, d.A.seq)
	if err != nil {
		return err
	}
	after, err := known(ctx, tx, d.B.seq)
	if err != nil {
		return err
	}
	for id, host := range after {
		e := Different{Finding: id, Address: host.addr, Before: before[id].seen, After: host.seen}
		if e.What = what(e.Before, e.After, d.B.seq); e.What == "" {
			continue
		}
		if e.Before != nil {
			e.RulesDiffer = !bySeq[e.Before.seq].comparable(bySeq[e.After.seq])
		}
		if e.What == Still {
			d.Same++
			continue
		}
		d.Entries = append(d.Entries, e)
	}
	slices.SortFunc(d.Entries, func(x, y Different) int {
		return cmp.Or(x.Address.Compare(y.Address), cmp.Compare(x.Finding, y.Finding))
	})
	return nil
}

// what became of a finding between what was known before and after; "" when it was clear, or unknown, at both times. Run b
// is the one at whose end after was known.
func what(before, after *Seen, b int64) State {
	was, is := before != nil && before.Verdict != checks.Clear, after.Verdict != checks.Clear
	switch {
	case was && !is:
		return Gone
	case !was && !is:
		return ""
	case before == nil:
		return New
	case !was:
		return CameBack
	case after.seq != b && after.seq == before.seq, after.seq != b && same(before, after):
		return NotSeen
	case !same(before, after):
		return Changed
	}
	return Still
}

// same compares what a finding is known by.
func same(a, b *Seen) bool {
	return a.Verdict == b.Verdict && slices.Equal(a.Rules, b.Rules) && !moved(a.Customer, b.Customer)
}

type knownHost struct {
	addr netip.Addr
	seen *Seen
}

// known is the last that runs up to one saw of each finding.
func known(ctx context.Context, tx *sql.Tx, upTo int64) (map[int64]knownHost, error) {
	rows, err := tx.QueryContext(ctx, `SELECT f.id, f.address, o.run_id, r.ulid, o.observed_at, e.verdict, e.score, e.rules, coalesce(e.customer, '')
		FROM findings AS f
		JOIN observations AS o ON o.finding_id = f.id AND o.run_id =
			(SELECT max(run_id) FROM observations WHERE finding_id = f.id AND run_id <= ?)
		JOIN evidence AS e ON e.id = o.evidence_id
		JOIN runs AS r ON r.id = o.run_id`, upTo)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[int64]knownHost{}
	for rows.Next() {
		var id int64
		var address string
		var s Seen
		if err := rows.Scan(&id, &address, &s.seq, &s.Run, moment{&s.At}, &s.Verdict, &s.Score, list{&s.Rules}, &s.Customer); err != nil {
			return nil, err
		}
		addr, err := netip.ParseAddr(address)
		if err != nil {
			return nil, err
		}
		all[id] = knownHost{addr, &s}
	}
	return all, rows.Err()
}
