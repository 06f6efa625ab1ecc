package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
)

// Change is a finding that a run has news of.
type Change struct {
	Finding
	What State `json:"what"` // New, CameBack, Changed or Reopened
	// Reason is why it is heard of again, for a Reopened one.
	Reason string `json:"reason,omitempty"`
}

// Changes are what a run, by its ULID, has news of, in order of severity: findings that are new or came back, whose
// verdict became match, whose address has another customer, and whose dismissal ended. Nothing else is worth a mail at
// night: when all is as it was, there are none. What is dismissed now is left out.
func (l *Ledger) Changes(ctx context.Context, run string) ([]Change, error) {
	var all []Change
	err := l.read(ctx, "list changes", func(tx *sql.Tx) error {
		of, err := l.run(ctx, tx, run)
		if err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, `SELECT x.*, v.kind, coalesce(v.reason, '') FROM (`+findingSelect+`) AS x
			JOIN events AS v ON v.finding_id = x.id WHERE v.run_id = ?2 AND v.news = 1 ORDER BY v.id`, stamp(l.opts.Clock()), of.seq)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var c Change
			if err := scanFinding(rows, &c.Finding, &c.What, &c.Reason); err != nil {
				return err
			}
			if c.Handling != Dismissed {
				all = append(all, c)
			}
		}
		return rows.Err()
	})
	sortBySeverity(all)
	return all, err
}

// sortBySeverity puts matches first, then the highest scores, then in order of address.
func sortBySeverity(all []Change) {
	slices.SortStableFunc(all, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.Verdict, b.Verdict), cmp.Compare(b.Score, a.Score), a.Address.Compare(b.Address))
	})
}
