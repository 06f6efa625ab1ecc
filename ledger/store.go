package ledger

import (
	"context"
	"database/sql"
	"errors"

	"github.com/netschouw/netschouw/checks"
)

// store writes the records of one run. It is used within one transaction.
type store struct {
	ctx                                                          context.Context
	tx                                                           *sql.Tx
	run                                                          int64
	odds                                                         map[int64]bool // by run: whether its verdicts rest on other rules than this run's
	find, insert, evidence, update, gone, observe, event, reopen *sql.Stmt
}

func newStore(ctx context.Context, tx *sql.Tx, run int64, odds map[int64]bool) (*store, error) {
	s := &store{ctx: ctx, tx: tx, run: run, odds: odds}
	for _, q := range []struct {
		to   **sql.Stmt
		text string
	}{
		{&s.find, `SELECT id, life, since, verdict, rules, coalesce(last_customer, ''), last_run, evidence_id, coalesce(handling, ''),
			handled_at, handled_until, handled_rules, coalesce(handled_verdict, ''), coalesce(handled_customer, '') FROM findings WHERE address = ?`},
		{&s.insert, `INSERT INTO findings (address, address_key, life, since, verdict, score, rules, rules_differ, first_seen, last_seen, seen, last_run)
			VALUES (?, ?, 'new', ?3, ?, ?, ?, 0, ?3, ?3, 0, ?)`},
		{&s.evidence, `INSERT INTO evidence (finding_id, run_id, observed_at, verdict, score, rules, customer, customer_name, range, cut, size, sha256, body)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`},
		{&s.update, `UPDATE findings SET life = ?2, since = ?3, verdict = ?4, score = ?5, rules = ?6, rules_differ = ?7, customer = ?8,
			customer_name = ?9, abuse_email = ?10, last_customer = coalesce(?8, last_customer), asn = ?11, country = ?12, last_seen = ?13,
			seen = seen + 1, last_run = ?14, evidence_id = ?15, proof = ?16 WHERE id = ?1`},
		{&s.gone, `UPDATE findings SET life = 'gone', since = ?, rules_differ = ?, last_run = ?, evidence_id = ?, proof = ? WHERE id = ?`},
		{&s.observe, `INSERT INTO observations (finding_id, run_id, observed_at, evidence_id) VALUES (?, ?, ?, ?)`},
		{&s.event, eventInsert},
		{&s.reopen, reopenUpdate},
	} {
		stmt, err := tx.PrepareContext(ctx, q.text)
		if err != nil {
			return nil, err
		}
		*q.to = stmt
	}
	return s, nil
}

const eventInsert = `INSERT INTO events (finding_id, run_id, at, kind, verdict, rules, customer, rules_differ, news, who, reason, until)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

const reopenUpdate = `UPDATE findings SET handling = NULL, handled_at = NULL, handled_by = NULL, handled_reason = NULL, handled_until = NULL,
	handled_rules = NULL, handled_verdict = NULL, handled_customer = NULL WHERE id = ?`

// put writes one record. A host that this run has written already is left as it was: a run that was killed may look at a
// host twice when it is resumed.
func (s *store) put(r *record) error {
	before, err := s.standing(r)
	if err != nil {
		return err
	}
	switch {
	case before != nil && before.lastRun == s.run:
		return nil
	case r.verdict == checks.Clear && (before == nil || before.life == Gone):
		return nil
	}
	st, differ := next(before, r), before != nil && s.odds[before.lastRun]
	if before == nil {
		if before, err = s.add(r); err != nil {
			return err
		}
	}
	evidence := before.evidence
	if r.body != nil {
		if evidence, err = s.keep(before.id, r); err != nil {
			return err
		}
	}
	if _, err := s.observe.ExecContext(s.ctx, before.id, s.run, stamp(r.at), evidence); err != nil {
		return err
	}
	if err := s.settle(before, r, st, evidence, differ); err != nil {
		return err
	}
	return s.tell(before, r, st, differ)
}

// standing is what is known of the record's address; nil when nothing is.
func (s *store) standing(r *record) (*standing, error) {
	var b standing
	var evidence sql.NullInt64
	err := s.find.QueryRowContext(s.ctx, r.addr.String()).Scan(&b.id, &b.life, moment{&b.since}, &b.verdict, list{&b.rules}, &b.lastCustomer,
		&b.lastRun, &evidence, &b.handled.as, moment{&b.handled.at}, moment{&b.handled.until}, list{&b.handled.rules},
		&b.handled.verdict, &b.handled.customer)
	b.evidence = evidence.Int64
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return &b, nil
}

// add begins a finding.
func (s *store) add(r *record) (*standing, error) {
	key := r.addr.As16()
	done, err := s.insert.ExecContext(s.ctx, r.addr.String(), key[:], stamp(r.at), r.verdict, r.score, text(r.rules), s.run)
	if err != nil {
		return nil, err
	}
	id, err := done.LastInsertId()
	return &standing{id: id}, err
}

// keep adds evidence.
func (s *store) keep(finding int64, r *record) (int64, error) {
	done, err := s.evidence.ExecContext(s.ctx, finding, s.run, stamp(r.at), r.verdict, r.score, text(r.rules), some(r.customer),
		some(r.customerName), some(r.span), int(r.body.cut), r.body.size, r.body.sha256[:], r.body.packed)
	if err != nil {
		return 0, err
	}
	return done.LastInsertId()
}

// settle brings the finding to its present state. One that is gone keeps what it was found for.
func (s *store) settle(before *standing, r *record, st step, evidence int64, differ bool) error {
	since := r.at
	if st.life == Still {
		since = before.since
	}
	if st.life == Gone {
		_, err := s.gone.ExecContext(s.ctx, stamp(since), differ, s.run, evidence, r.proof[:], before.id)
		return err
	}
	_, err := s.update.ExecContext(s.ctx, before.id, st.life, stamp(since), r.verdict, r.score, text(r.rules), differ, some(r.customer),
		some(r.customerName), some(r.abuse), r.asn, r.country, stamp(r.at), s.run, evidence, r.proof[:])
	return err
}

// tell writes what happened into the history, and ends a handling that does not outlive it.
func (s *store) tell(before *standing, r *record, st step, differ bool) error {
	write := func(kind State, news bool, reason string) error {
		_, err := s.event.ExecContext(s.ctx, before.id, s.run, stamp(r.at), kind, r.verdict, text(r.rules), some(r.customer), differ, news,
			nil, some(reason), nil)
		return err
	}
	if st.life != Still {
		if err := write(st.life, st.news, ""); err != nil {
			return err
		}
	}
	if st.reopen == "" {
		return nil
	}
	if _, err := s.reopen.ExecContext(s.ctx, before.id); err != nil {
		return err
	}
	return write(Reopened, st.news && st.life == Still, st.reopen)
}
