package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// NoteKind says what a note tells: the three must read differently, or a repeat looks like a new complaint.
type NoteKind string

// The kinds of notes.
const (
	NoteNew      NoteKind = "new"      // the first that this customer hears of the finding
	NoteRepeat   NoteKind = "repeat"   // it is still there, or came back
	NoteResolved NoteKind = "resolved" // it is gone, or dealt with
)

// Note is something to be told about a finding over one channel. It stays in the outbox until it was told.
type Note struct {
	ID       int64     `json:"id"`
	Channel  string    `json:"channel"` // a name of the sender's own, such as "mail" or "webhook:soc"
	Kind     NoteKind  `json:"kind"`
	Customer string    `json:"customer"` // whose the address was when the note was written
	Created  time.Time `json:"created_at"`
	Attempt  int       `json:"attempt"` // from 1
	Finding  Finding   `json:"finding"` // as it is now
}

// Enqueue writes a note about a finding. It tells whether there is a new one: a note of the same kind that waits already
// for the same channel is enough.
func (l *Ledger) Enqueue(ctx context.Context, channel string, finding int64, kind NoteKind) (bool, error) {
	now := stamp(l.opts.Clock())
	var added int64
	err := l.write(ctx, "write a note", func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `INSERT INTO outbox (finding_id, channel, kind, customer, created_at, next_try)
			SELECT id, ?, ?, last_customer, ?3, ?3 FROM findings WHERE id = ? ON CONFLICT DO NOTHING`, channel, kind, now, finding)
		if err == nil {
			added, err = done.RowsAffected()
		}
		if err != nil || added > 0 {
			return err
		}
		var there int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM findings WHERE id = ?", finding).Scan(&there); err != nil {
			return err
		}
		if there == 0 {
			return fmt.Errorf("finding %d is %w", finding, ErrNotFound)
		}
		return nil
	})
	return added > 0, err
}

// EnqueueDue writes the notes that are due on a channel, and tells how many: new ones for open findings of which the
// present customer has not heard, repeats when the last note is at least interval old or the finding came back after it
// was said to be resolved, and resolved ones where the last note said something else and the finding is gone or resolved.
// What is dismissed is not told. Nothing is due while a note about the finding waits.
func (l *Ledger) EnqueueDue(ctx context.Context, channel string, interval time.Duration) (int64, error) {
	now := l.opts.Clock()
	var added int64
	err := l.write(ctx, "write notes", func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `
			INSERT INTO outbox (finding_id, channel, kind, customer, created_at, next_try)
			SELECT id, ?2, kind, last_customer, ?1, ?1 FROM (
				SELECT f.id, f.last_customer, CASE
					WHEN f.state = 'dismissed' THEN NULL
					WHEN f.life = 'gone' OR f.state = 'resolved' THEN
						CASE WHEN told.kind IN ('new', 'repeat') AND told.customer IS f.last_customer THEN 'resolved' END
					WHEN told.kind IS NULL OR told.customer IS NOT f.last_customer THEN 'new'
					WHEN told.kind = 'resolved' OR told.done_at <= ?3 THEN 'repeat' END AS kind
				FROM (SELECT f.*, `+handling+` AS state FROM findings AS f) AS f
				LEFT JOIN outbox AS told ON told.id = (SELECT max(id) FROM outbox WHERE finding_id = f.id AND channel = ?2)
				WHERE told.id IS NULL OR told.done_at IS NOT NULL)
			WHERE kind IS NOT NULL`, stamp(now), channel, stamp(now.Add(-interval)))
		if err != nil {
			return err
		}
		added, err = done.RowsAffected()
		return err
	})
	return added, err
}

// Lease takes at most n notes of a channel that are due, the customers' together, and keeps them from other senders for a
// while: a sender that dies with them lets go of them at its end. Of the notes about one finding the earlier one has to
// be done first.
func (l *Ledger) Lease(ctx context.Context, channel string, n int, hold time.Duration) (notes []Note, err error) {
	now := l.opts.Clock()
	err = l.write(ctx, "take notes", func(tx *sql.Tx) error {
		notes, err = due(ctx, tx, channel, n, now)
		if err != nil {
			return err
		}
		for _, note := range notes {
			if _, err := tx.ExecContext(ctx, "UPDATE outbox SET attempts = attempts + 1, leased_until = ? WHERE id = ?",
				stamp(now.Add(hold)), note.ID); err != nil {
				return err
			}
		}
		return nil
	})
	return notes, err
}

func due(ctx context.Context, tx *sql.Tx, channel string, n int, now time.Time) ([]Note, error) {
	rows, err := tx.QueryContext(ctx, `SELECT x.*, o.id, o.channel, o.kind, coalesce(o.customer, ''), o.created_at, o.attempts + 1
		FROM outbox AS o JOIN (`+findingSelect+`) AS x ON x.id = o.finding_id
		WHERE o.channel = ?2 AND o.done_at IS NULL AND o.next_try <= ?1 AND coalesce(o.leased_until, '') <= ?1
		AND NOT EXISTS (SELECT 1 FROM outbox AS p WHERE p.finding_id = o.finding_id AND p.channel = o.channel AND p.done_at IS NULL AND p.id < o.id)
		ORDER BY o.customer, o.id LIMIT ?3`, stamp(now), channel, n)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var notes []Note
	for rows.Next() {
		var note Note
		if err := scanFinding(rows, &note.Finding, &note.ID, &note.Channel, &note.Kind, &note.Customer, moment{&note.Created}, &note.Attempt); err != nil {
			return nil, err
		}
		notes = append(notes, note)
	}
	return notes, rows.Err()
}

// Done says that a note was told; the finding counts as notified.
func (l *Ledger) Done(ctx context.Context, n Note) error {
	now := stamp(l.opts.Clock())
	return l.write(ctx, "end a note", func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, "UPDATE outbox SET done_at = ?, leased_until = NULL, last_error = NULL WHERE id = ? AND done_at IS NULL", now, n.ID)
		if err != nil {
			return err
		}
		if k, err := done.RowsAffected(); err != nil || k == 0 {
			return err // said before, by a sender that took longer than its lease
		}
		if _, err := tx.ExecContext(ctx, "UPDATE findings SET notified_at = ? WHERE id = ?", now, n.Finding.ID); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, eventInsert, n.Finding.ID, nil, now, Notified, n.Finding.Verdict, text(n.Finding.Rules), some(n.Customer), false, false,
			some(n.Channel), some(string(n.Kind)), nil)
		return err
	})
}

// Fail says that a note could not be told, and why. It is tried again later, and never given up. The word of a sender
// whose lease has passed to another one does not count.
func (l *Ledger) Fail(ctx context.Context, n Note, why error) error {
	next := l.opts.Clock().Add(backOff(n.Attempt))
	return l.write(ctx, "put a note back", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE outbox SET next_try = ?, leased_until = NULL, last_error = ? WHERE id = ? AND done_at IS NULL AND attempts = ?`,
			stamp(next), oneLine(why.Error()), n.ID, n.Attempt)
		return err
	})
}

// Waiting is a note that is not told yet.
type Waiting struct {
	ID        int64     `json:"id"`
	Finding   int64     `json:"finding"`
	Channel   string    `json:"channel"`
	Kind      NoteKind  `json:"kind"`
	Customer  string    `json:"customer"`
	Created   time.Time `json:"created_at"`
	NextTry   time.Time `json:"next_try"`
	Attempts  int       `json:"attempts"`
	LastError string    `json:"last_error,omitempty"`
}

// Outbox are the notes that are not told yet, over all channels, the oldest first.
func (l *Ledger) Outbox(ctx context.Context) (all []Waiting, err error) {
	err = l.read(ctx, "list notes", func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT id, finding_id, channel, kind, coalesce(customer, ''), created_at, next_try, attempts,
			coalesce(last_error, '') FROM outbox WHERE done_at IS NULL ORDER BY id`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var w Waiting
			if err := rows.Scan(&w.ID, &w.Finding, &w.Channel, &w.Kind, &w.Customer, moment{&w.Created}, moment{&w.NextTry}, &w.Attempts, &w.LastError); err != nil {
				return err
			}
			all = append(all, w)
		}
		return rows.Err()
	})
	return all, err
}

// backOff is how long to wait after the attempts so far have failed: five minutes, doubled each time, at most six hours, so
// that a server that was dead over the weekend is tried in the same night that it comes back.
func backOff(attempts int) time.Duration {
	const first, most = 5 * time.Minute, 6 * time.Hour
	if attempts > 8 {
		return most
	}
	return min(most, first<<max(0, attempts-1))
}

// oneLine bounds a message, which may quote a server, and takes its control characters out.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == utf8.RuneError || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, s)
	const most = 500
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "")
}
