package ledger

import (
	"slices"
	"time"

	"github.com/netschouw/netschouw/checks"
)

// State is a word for a finding: of its life, which the runs write, or of its handling, which people write.
type State string

// The life of a finding, as its last assessment left it.
const (
	New      State = "new"       // seen for the first time
	Still    State = "still"     // as it was
	Changed  State = "changed"   // other rules fired, the verdict is another one, or the address has another customer
	Gone     State = "gone"      // the address was looked at, and is clear
	CameBack State = "came-back" // was gone, or resolved, and is seen again
)

// The handling of a finding.
const (
	Acknowledged State = "acknowledged" // somebody is at it
	Dismissed    State = "dismissed"    // quiet: see Ledger.Dismiss
	Resolved     State = "resolved"     // somebody has ended it; the next run that sees it brings it back
	Notified     State = "notified"     // the customer was told
	Reopened     State = "reopened"     // in a history: acknowledged, dismissed or resolved no more
)

// standing is what the ledger knows of a finding before an observation.
type standing struct {
	id           int64
	life         State
	since        time.Time
	verdict      checks.Verdict
	rules        []string
	lastCustomer string // the last one known
	lastRun      int64
	evidence     int64
	handled      handled
}

// handled is what a person did, and what the finding was then.
type handled struct {
	as       State // "": nothing
	at       time.Time
	until    time.Time // zero: for ever
	rules    []string
	verdict  checks.Verdict
	customer string
}

// step is what an observation makes of a finding.
type step struct {
	life   State
	reopen string // why the handling ends; "": it stands
	news   bool   // somebody should hear of it
}

// next is the life of a finding after an observation; before is nil for an address of which nothing is known. It is
// called for clear observations only while the finding is open.
func next(before *standing, o *record) step {
	if before == nil {
		return step{life: New, news: true}
	}
	s := step{life: before.life}
	switch {
	case o.verdict == checks.Clear:
		s.life = Gone
	case before.life == Gone, before.handled.as == Resolved && o.at.After(before.handled.at):
		s.life = CameBack
	case o.verdict != before.verdict, !slices.Equal(o.rules, before.rules), moved(before.lastCustomer, o.customer):
		s.life = Changed
	default:
		s.life = Still
	}
	if s.life == Gone {
		return s
	}
	s.reopen = before.handled.ends(s.life, o)
	worse := o.verdict == checks.Match && before.verdict != checks.Match
	s.news = s.life == CameBack || s.reopen != "" || worse || moved(before.lastCustomer, o.customer)
	if before.handled.as == Dismissed && s.reopen == "" {
		s.news = false
	}
	return s
}

// ends tells why a handling does not outlive an observation; "" when it does.
func (h handled) ends(life State, o *record) string {
	switch h.as {
	case Acknowledged, Resolved:
		if life == CameBack {
			return "seen again"
		}
		if h.as == Acknowledged && moved(h.customer, o.customer) {
			return "the address has another customer"
		}
	case Dismissed:
		switch {
		case !h.until.IsZero() && !o.at.Before(h.until):
			return "the dismissal has expired"
		case moved(h.customer, o.customer):
			return "the address has another customer"
		case !within(o.rules, h.rules):
			return "another rule fired"
		case o.verdict == checks.Match && h.verdict != checks.Match:
			return "the verdict is match now"
		}
	}
	return ""
}

// moved tells whether an address went from one customer to another. "Not known" is no customer.
func moved(from, to string) bool { return from != "" && to != "" && from != to }

// within tells whether every element of a is in b.
func within(a, b []string) bool {
	return !slices.ContainsFunc(a, func(s string) bool { return !slices.Contains(b, s) })
}
