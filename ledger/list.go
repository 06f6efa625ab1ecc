package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/netinfo"
)

// Filter chooses findings; all that is set must hold. The zero value chooses those that are open.
type Filter struct {
	// States keeps findings in any of these states, of life or of handling, or Notified. None: those that are open,
	// neither gone, nor dismissed, nor resolved; unless All is set.
	States []State
	All    bool
	// Verdict keeps findings of this verdict; "": of both.
	Verdict  checks.Verdict
	Customer string // this customer's, exactly
	ASN      *uint32
	Rule     string       // for which this rule, "pack/id", fired
	Range    netip.Prefix // in this range
	Since    time.Time    // that were new, changed, gone or came back at this time or later
	Run      string       // that this run, by its ULID, was the last to see or to find gone
}

// Sort is an order of findings. Ties are in order of address.
type Sort string

// The orders.
const (
	BySeverity Sort = "severity" // the default: matches first, then by score
	ByAddress  Sort = "address"
	ByCustomer Sort = "customer"
	BySince    Sort = "since" // the latest change first
	BySeen     Sort = "seen"  // the last seen first
)

// column is the order in SQL; "" for one that there is not.
func (s Sort) column() string {
	switch s {
	case "", BySeverity:
		return "f.verdict, f.score DESC, f.address_key" // "match" comes before "suspect"
	case ByAddress:
		return "f.address_key"
	case ByCustomer:
		return "f.customer, f.address_key"
	case BySince:
		return "f.since DESC, f.address_key"
	case BySeen:
		return "f.last_seen DESC, f.address_key"
	}
	return ""
}

// Sorts are the names of all orders.
func Sorts() []Sort { return []Sort{BySeverity, ByAddress, ByCustomer, BySince, BySeen} }

// States are all states that a Filter knows.
func States() []State {
	return []State{New, Still, Changed, Gone, CameBack, Acknowledged, Dismissed, Resolved, Notified}
}

// Findings are the findings that a filter chooses, in an order.
func (l *Ledger) Findings(ctx context.Context, filter Filter, by Sort) ([]Finding, error) {
	order := by.column()
	if order == "" {
		return nil, fmt.Errorf("no order is named %q: use one of %v", by, Sorts())
	}
	where, args, err := filter.where(stamp(l.opts.Clock()))
	if err != nil {
		return nil, err
	}
	var found []Finding
	err = l.read(ctx, "list findings", func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, findingSelect+"WHERE "+where+" ORDER BY "+order, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var f Finding
			if err := scanFinding(rows, &f); err != nil {
				return err
			}
			found = append(found, f)
		}
		return rows.Err()
	})
	return found, err
}

// where is the filter in SQL; its first argument is the present time.
func (f Filter) where(now string) (string, []any, error) {
	terms, args := []string{"true"}, []any{now}
	add := func(term string, values ...any) {
		for _, v := range values {
			args = append(args, v)
			term = strings.Replace(term, "$", fmt.Sprintf("?%d", len(args)), 1)
		}
		terms = append(terms, term)
	}
	if err := f.states(add); err != nil {
		return "", nil, err
	}
	if f.Verdict != "" {
		add("f.verdict = $", f.Verdict)
	}
	if f.Customer != "" {
		add("f.customer = $", f.Customer)
	}
	if f.ASN != nil {
		add("f.asn = $", *f.ASN)
	}
	if f.Rule != "" {
		add("EXISTS (SELECT 1 FROM json_each(f.rules) WHERE value = $)", f.Rule)
	}
	if f.Range.IsValid() {
		r := netinfo.RangeOf(f.Range)
		low, high := r.First.As16(), r.Last.As16()
		add("f.address_key BETWEEN $ AND $", low[:], high[:])
	}
	if !f.Since.IsZero() {
		add("f.since >= $", stamp(f.Since))
	}
	if f.Run != "" {
		add("r.ulid = $", f.Run)
	}
	return strings.Join(terms, " AND "), args, nil
}

// states adds the terms for the states.
func (f Filter) states(add func(string, ...any)) error {
	if len(f.States) == 0 {
		if !f.All {
			add("f.life <> 'gone' AND " + handling + " NOT IN ('dismissed', 'resolved')")
		}
		return nil
	}
	var terms []string
	for _, s := range f.States {
		switch s {
		case New, Still, Changed, Gone, CameBack:
			terms = append(terms, "f.life = '"+string(s)+"'")
		case Acknowledged, Dismissed, Resolved:
			terms = append(terms, handling+" = '"+string(s)+"'")
		case Notified:
			terms = append(terms, "f.notified_at IS NOT NULL")
		default:
			return fmt.Errorf("no finding is %q: use one of %v", s, States())
		}
	}
	add("(" + strings.Join(terms, " OR ") + ")")
	return nil
}
