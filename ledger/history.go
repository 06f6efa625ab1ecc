package ledger

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/netschouw/netschouw/checks"
)

// History is a finding with all that happened to it, the oldest first.
type History struct {
	Finding
	Entries []Entry `json:"history"`
}

// Entry is one thing that happened to a finding: a run saw it, or it began another part of its life, or a person did
// something about it.
type Entry struct {
	At   time.Time `json:"at"`
	Run  string    `json:"run,omitempty"` // ULID; "": nothing that a run did
	What State     `json:"what"`          // Observed, or what it became
	// Verdict, Rules and Customer are those of that time; Score is of observations only.
	Verdict  checks.Verdict `json:"verdict"`
	Score    float64        `json:"score,omitempty"`
	Rules    []string       `json:"rules"`
	Customer string         `json:"customer"`
	// RulesDiffer says that the entry rests on a comparison of verdicts by different rules.
	RulesDiffer bool      `json:"rules_differ,omitempty"`
	Who         string    `json:"who,omitempty"`
	Reason      string    `json:"reason,omitempty"`
	Until       time.Time `json:"until,omitzero"`
	Evidence    int64     `json:"evidence,omitempty"` // of an observation; equal evidence is stored once
}

// Observed is the Entry.What of an assessment that left the finding as it was, or that the next entry is about.
const Observed State = "observed"

// Finding is one finding by its ID, with its history. The error wraps ErrNotFound.
func (l *Ledger) Finding(ctx context.Context, id int64) (History, error) {
	return l.history(ctx, "f.id = ?2", id)
}

// Find is the finding that a person means: by its ID, or by its address.
func (l *Ledger) Find(ctx context.Context, ref string) (History, error) {
	if id, err := strconv.ParseInt(ref, 10, 64); err == nil {
		return l.Finding(ctx, id)
	}
	addr, err := netip.ParseAddr(ref)
	if err != nil {
		return History{}, fmt.Errorf("%q is neither the number of a finding nor an address", ref)
	}
	return l.history(ctx, "f.address = ?2", addr.Unmap().String())
}

func (l *Ledger) history(ctx context.Context, where string, arg any) (h History, err error) {
	err = l.read(ctx, "show a finding", func(tx *sql.Tx) error {
		row := tx.QueryRowContext(ctx, findingSelect+"WHERE "+where, stamp(l.opts.Clock()), arg)
		err := scanFinding(row, &h.Finding)
		if errors.Is(err, sql.ErrNoRows) {
			err = fmt.Errorf("finding %v is %w", arg, ErrNotFound)
		}
		if err == nil {
			h.Entries, err = entries(ctx, tx, h.ID)
		}
		return err
	})
	return h, err
}

// entries are the observations of a finding and what they led to, in this order.
func entries(ctx context.Context, tx *sql.Tx, id int64) ([]Entry, error) {
	rows, err := tx.QueryContext(ctx, `
		SELECT o.observed_at, r.ulid, 'observed', e.verdict, e.score, e.rules, e.customer, 0, NULL, NULL, NULL, o.evidence_id, 0 AS place
		FROM observations AS o JOIN runs AS r ON r.id = o.run_id JOIN evidence AS e ON e.id = o.evidence_id WHERE o.finding_id = ?1
		UNION ALL
		SELECT v.at, r.ulid, v.kind, v.verdict, 0, v.rules, v.customer, v.rules_differ, v.who, v.reason, v.until, NULL, v.id
		FROM events AS v LEFT JOIN runs AS r ON r.id = v.run_id WHERE v.finding_id = ?1
		ORDER BY 1, place`, id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Entry
	for rows.Next() {
		e, err := scanEntry(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return slices.Clip(list), rows.Err()
}

func scanEntry(rows *sql.Rows) (e Entry, err error) {
	var run, customer, who, reason sql.NullString
	var evidence sql.NullInt64
	var place int64
	err = rows.Scan(moment{&e.At}, &run, &e.What, &e.Verdict, &e.Score, list{&e.Rules}, &customer, &e.RulesDiffer, &who, &reason,
		moment{&e.Until}, &evidence, &place)
	e.Run, e.Customer, e.Who, e.Reason, e.Evidence = run.String, customer.String, who.String, reason.String, evidence.Int64
	return e, err
}

// Evidence is what was seen of a host at one time, and whose it was.
type Evidence struct {
	ID       int64     `json:"id"`
	Finding  int64     `json:"finding"`
	Run      string    `json:"run"` // ULID of the run that stored it; later ones may have seen the same
	At       time.Time `json:"observed_at"`
	Customer string    `json:"customer"`
	Cut      Cut       `json:"cut"`    // what was left out to keep it within its bound
	SHA256   string    `json:"sha256"` // of Text, in hexadecimal
	Text     []byte    `json:"-"`      // JSON of a host, schema netschouw.host/v1, as it was stored
}

// Host is the evidence as a finding.
func (e Evidence) Host() (f checks.Finding, err error) {
	if err = json.Unmarshal(e.Text, &f); err != nil {
		err = fmt.Errorf("evidence %d: %w", e.ID, err)
	}
	return f, err
}

// Evidence is one evidence by its ID. The error wraps ErrNotFound, or ErrDamaged when the text is not the one that was
// stored: its SHA-256 differs.
func (l *Ledger) Evidence(ctx context.Context, id int64) (e Evidence, err error) {
	err = l.read(ctx, "show evidence", func(tx *sql.Tx) error {
		e, err = readEvidence(tx.QueryRowContext(ctx, evidenceSelect+"WHERE e.id = ?", id))
		if errors.Is(err, sql.ErrNoRows) {
			err = fmt.Errorf("evidence %d is %w", id, ErrNotFound)
		}
		return err
	})
	return e, err
}

const evidenceSelect = `SELECT e.id, e.finding_id, r.ulid, e.observed_at, coalesce(e.customer, ''), e.cut, e.size, e.sha256, e.body
	FROM evidence AS e JOIN runs AS r ON r.id = e.run_id `

func readEvidence(row interface{ Scan(...any) error }) (e Evidence, err error) {
	var size int
	var digest, packed []byte
	if err := row.Scan(&e.ID, &e.Finding, &e.Run, moment{&e.At}, &e.Customer, &e.Cut, &size, &digest, &packed); err != nil {
		return Evidence{}, err
	}
	e.SHA256 = hex.EncodeToString(digest)
	if e.Text, err = unpack(packed, size, digest); err != nil {
		return Evidence{}, fmt.Errorf("evidence %d: %w: %w", e.ID, ErrDamaged, err)
	}
	return e, nil
}

// Observed gives do every host that a run found something on, with the evidence of it, in order of address. Where a run saw
// what an earlier one had seen, Evidence.Run and Evidence.At are of the earlier one, and at is when this run saw it.
func (l *Ledger) Observed(ctx context.Context, run string, do func(at time.Time, e Evidence) error) error {
	return l.read(ctx, "show what a run found", func(tx *sql.Tx) error {
		of, err := l.run(ctx, tx, run)
		if err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, `SELECT e.id, e.finding_id, r.ulid, e.observed_at, coalesce(e.customer, ''), e.cut, e.size, e.sha256,
			e.body, o.observed_at FROM observations AS o JOIN evidence AS e ON e.id = o.evidence_id JOIN runs AS r ON r.id = e.run_id
			JOIN findings AS f ON f.id = o.finding_id WHERE o.run_id = ? AND e.verdict <> 'clear' ORDER BY f.address_key`, of.seq)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var at time.Time
			e, err := readEvidence(extra{rows, []any{moment{&at}}})
			if err != nil {
				return err
			}
			if err := do(at, e); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

// extra scans more columns after those that are asked for.
type extra struct {
	rows *sql.Rows
	more []any
}

// Scan is sql.Rows.Scan.
func (x extra) Scan(into ...any) error { return x.rows.Scan(append(into, x.more...)...) }
