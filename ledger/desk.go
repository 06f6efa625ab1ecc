package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/netschouw/netschouw/checks"
)

// Action is what a person does about a finding.
type Action struct {
	Who    string    // the person's name or account
	Reason string    // at most 1000 bytes
	Until  time.Time // of a dismissal: when it ends; zero: never
}

// Acknowledge says that somebody is at the finding. It stands until the finding is resolved, comes back, or its address
// has another customer.
func (l *Ledger) Acknowledge(ctx context.Context, id int64, a Action) error {
	return l.handle(ctx, id, Acknowledged, a)
}

// Dismiss keeps a finding quiet, because it is a false positive, or is accepted; it needs a reason. It is heard of again
// when the dismissal expires, when a rule fires that has not fired now, when the verdict becomes match, or when the
// address has another customer.
func (l *Ledger) Dismiss(ctx context.Context, id int64, a Action) error {
	switch now := l.opts.Clock(); {
	case strings.TrimSpace(a.Reason) == "":
		return errors.New("a dismissal needs a reason, for whoever wonders in a year")
	case !a.Until.IsZero() && !a.Until.After(now):
		return fmt.Errorf("a dismissal until %s would end before it begins", a.Until.Format(time.RFC3339))
	}
	return l.handle(ctx, id, Dismissed, a)
}

// Resolve says that the finding is dealt with. The next run that sees it all the same brings it back.
func (l *Ledger) Resolve(ctx context.Context, id int64, a Action) error {
	return l.handle(ctx, id, Resolved, a)
}

// Reopen takes an acknowledgement, dismissal or resolution back.
func (l *Ledger) Reopen(ctx context.Context, id int64, a Action) error {
	return l.handle(ctx, id, Reopened, a)
}

const maxReason = 1000

func (l *Ledger) handle(ctx context.Context, id int64, as State, a Action) error {
	if len(a.Reason) > maxReason {
		return fmt.Errorf("a reason has at most %d bytes, this one has %d", maxReason, len(a.Reason))
	}
	now := stamp(l.opts.Clock())
	return l.write(ctx, "note what was done", func(tx *sql.Tx) error {
		var verdict checks.Verdict
		var rules string
		var customer, was sql.NullString
		err := tx.QueryRowContext(ctx, "SELECT verdict, rules, last_customer, handling FROM findings WHERE id = ?", id).
			Scan(&verdict, &rules, &customer, &was)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("finding %d is %w", id, ErrNotFound)
		}
		switch {
		case err != nil:
			return err
		case as == Reopened && !was.Valid:
			return fmt.Errorf("finding %d is neither acknowledged, dismissed nor resolved", id)
		case as == Reopened:
			_, err = tx.ExecContext(ctx, reopenUpdate, id)
		default:
			_, err = tx.ExecContext(ctx, `UPDATE findings SET handling = ?, handled_at = ?, handled_by = ?, handled_reason = ?, handled_until = ?,
				handled_rules = rules, handled_verdict = verdict, handled_customer = last_customer WHERE id = ?`,
				as, now, a.Who, a.Reason, orNull(a.Until), id)
		}
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, eventInsert, id, nil, now, as, verdict, rules, customer, false, false, some(a.Who), some(a.Reason), orNull(a.Until))
		return err
	})
}
