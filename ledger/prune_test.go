package ledger

import (
	"bytes"
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks"
)

func TestPrune(t *testing.T) {
	d, ctx := newDesk(t), context.Background()
	const stays, goes, waits, handled = "198.51.100.1", "198.51.100.2", "198.51.100.3", "198.51.100.4"
	secret := host(goes, "VERYSECRETCUSTOMER", "mail")
	d.sweep(host(stays, "C1", "mail"), secret, host(waits, "C3", "mail"), host(handled, "C4", "mail"))
	_, err := d.Enqueue(ctx, "mail", d.at(waits).ID, NoteNew)
	require.NoError(t, err)
	for range 40 {
		d.sweep(host(stays, "C1", "mail"), host(goes, "VERYSECRETCUSTOMER"))
	}
	require.NoError(t, d.Acknowledge(ctx, d.at(handled).ID, Action{Who: "joost"}))

	p, err := d.Prune(ctx, 10*day)
	require.NoError(t, err)
	require.EqualValues(t, 1, p.Findings)
	require.EqualValues(t, 2+30, p.Observations)
	require.EqualValues(t, 2, p.Evidence)
	all := d.all()
	require.Len(t, all, 3)
	require.NotContains(t, all, goes)
	h := d.at(stays)
	require.Len(t, h.Entries, 11)
	require.EqualValues(t, 41, h.Seen, "how often it was seen is remembered")
	for _, f := range all {
		_, err := d.Evidence(ctx, f.Evidence)
		require.NoError(t, err, "what stays keeps its latest evidence")
	}
	runs, err := d.Runs(ctx)
	require.NoError(t, err)
	require.Len(t, runs, 11+1, "the first run stays: evidence is from it")
	require.NoError(t, d.Check(ctx))

	again, err := d.Prune(ctx, 10*day)
	require.NoError(t, err)
	again.Before = p.Before
	require.Equal(t, Pruned{Before: p.Before}, again)

	for _, suffix := range []string{"", "-wal"} {
		file, err := os.ReadFile(d.Path() + suffix)
		if err == nil {
			require.False(t, bytes.Contains(file, []byte("VERYSECRETCUSTOMER")), "what was deleted is in the file no more: %q", suffix)
		}
	}
	d.sweep(host(stays, "C1", "mail"), secret)
	require.Equal(t, Still, d.at(stays).Life)
	require.Equal(t, New, d.at(goes).Life, "it was forgotten")
	_, err = d.Prune(ctx, -1)
	require.ErrorContains(t, err, "cannot keep")
}

func TestPruneGivesRoomBack(t *testing.T) {
	d, ctx := newDesk(t), context.Background()
	shape := realistic(t)
	var hosts []checks.Finding
	for i := range 300 {
		hosts = append(hosts, shape(host(address(i), "C1", "mail")))
	}
	d.sweep(hosts...)
	_, err := d.db.Exec("PRAGMA wal_checkpoint(TRUNCATE)")
	require.NoError(t, err)
	before, err := os.Stat(d.Path())
	require.NoError(t, err)
	d.clock.add(day)
	_, err = d.Prune(ctx, 0)
	require.NoError(t, err)
	after, err := os.Stat(d.Path())
	require.NoError(t, err)
	require.Less(t, after.Size(), before.Size()/4)
	require.Empty(t, d.all())
}

// TestAppendOnly: what was seen can be neither changed nor taken away, whoever tries.
func TestAppendOnly(t *testing.T) {
	d := newDesk(t)
	d.sweep(host(a1, "C1", "mail"))
	for _, try := range []string{
		"UPDATE evidence SET customer = 'C2'",
		"DELETE FROM evidence",
		"INSERT OR REPLACE INTO evidence SELECT * FROM evidence",
		"UPDATE observations SET observed_at = '2020-01-01T00:00:00.000Z'",
		"DELETE FROM observations",
		"INSERT OR REPLACE INTO observations SELECT * FROM observations",
		"UPDATE events SET kind = 'gone'",
		"DELETE FROM events",
		"INSERT OR REPLACE INTO events SELECT * FROM events",
		"INSERT INTO pruning VALUES ('2020-01-01'); DELETE FROM events", // what is younger is not pruning's to take
	} {
		_, err := d.db.Exec(try)
		require.ErrorContains(t, err, "append-only", try)
	}
}
