package ledger

import (
	"database/sql"
	"net/netip"
	"time"

	"github.com/netschouw/netschouw/checks"
)

// Finding is what is known at present of an address where something was found.
type Finding struct {
	ID      int64      `json:"id"` // never given to another finding
	Address netip.Addr `json:"address"`
	// Life is what the last assessment made of it, and Since when it last was new, changed, gone or came back.
	Life  State     `json:"life"`
	Since time.Time `json:"since"`
	// Verdict, Score and Rules are those of the last time it was seen; of one that is gone, what it was found for.
	Verdict checks.Verdict `json:"verdict"`
	Score   float64        `json:"score"`
	Rules   []string       `json:"rules"` // "pack/id", sorted
	// RulesDiffer says that Life comes from a comparison of verdicts by other rules, versions of them, or priors: the
	// difference may lie in these, not in the host.
	RulesDiffer bool `json:"rules_differ"`
	// Customer is whose the address was when it was last seen; "": not known. Name and Abuse are the customer's.
	Customer string `json:"customer"`
	Name     string `json:"customer_name,omitempty"`
	Abuse    string `json:"abuse_email,omitempty"`
	// ASN and Country are nil when they were not looked at.
	ASN       *uint32   `json:"asn"`
	Country   *string   `json:"country"`
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
	Seen      uint64    `json:"seen"`     // in how many runs
	LastRun   string    `json:"last_run"` // ULID of the last run that saw it, or found it gone
	// Handling is what a person did: Acknowledged, Dismissed, Resolved, or "". A dismissal that has expired is "".
	Handling State     `json:"handling"`
	Handled  *Handled  `json:"handled,omitempty"`
	Notified time.Time `json:"notified_at,omitzero"` // when somebody was last told
	Evidence int64     `json:"evidence"`             // of the last assessment; see Ledger.Evidence
}

// Handled says who did what is in Finding.Handling, when and why.
type Handled struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Reason string    `json:"reason"`
	Until  time.Time `json:"until,omitzero"` // of a dismissal; zero: it does not expire
}

// Open tells whether the finding wants a person: it is not gone, and neither dismissed nor resolved.
func (f Finding) Open() bool {
	return f.Life != Gone && f.Handling != Dismissed && f.Handling != Resolved
}

// handling is the handling that is in force at the time ?1.
const handling = `CASE WHEN f.handling = 'dismissed' AND f.handled_until <= ?1 THEN '' ELSE coalesce(f.handling, '') END`

const findingSelect = `SELECT f.id, f.address, f.life, f.since, f.verdict, f.score, f.rules, f.rules_differ, coalesce(f.customer, ''),
	coalesce(f.customer_name, ''), coalesce(f.abuse_email, ''), f.asn, f.country, f.first_seen, f.last_seen, f.seen, r.ulid,
	` + handling + `, f.handled_at, coalesce(f.handled_by, ''), coalesce(f.handled_reason, ''), f.handled_until, f.notified_at,
	f.evidence_id FROM findings AS f JOIN runs AS r ON r.id = f.last_run `

// fields are where the columns of findingSelect go, and keep is to be called when they are there.
func (f *Finding) fields() (into []any, keep func() error) {
	var address string
	var asn sql.Null[uint32]
	var country sql.Null[string]
	var h Handled
	into = []any{&f.ID, &address, &f.Life, moment{&f.Since}, &f.Verdict, &f.Score, list{&f.Rules}, &f.RulesDiffer, &f.Customer, &f.Name,
		&f.Abuse, &asn, &country, moment{&f.FirstSeen}, moment{&f.LastSeen}, &f.Seen, &f.LastRun, &f.Handling, moment{&h.At}, &h.By,
		&h.Reason, moment{&h.Until}, moment{&f.Notified}, &f.Evidence}
	return into, func() (err error) {
		if asn.Valid {
			f.ASN = &asn.V
		}
		if country.Valid {
			f.Country = &country.V
		}
		if f.Handling != "" {
			f.Handled = &h
		}
		f.Address, err = netip.ParseAddr(address)
		return err
	}
}

// scanFinding reads one row of findingSelect, with more columns after it into more.
func scanFinding(row interface{ Scan(...any) error }, f *Finding, more ...any) error {
	into, keep := f.fields()
	if err := row.Scan(append(into, more...)...); err != nil {
		return err
	}
	return keep()
}
