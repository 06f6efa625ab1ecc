package ledger

import (
	"context"
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/netinfo"
	"github.com/netschouw/netschouw/sweep"
)

func TestARunIsRemembered(t *testing.T) {
	d, ctx := newDesk(t), context.Background()
	run := d.newRun()
	w := d.begin(run)
	require.Equal(t, run, w.Run())
	sum := summary(run, 7)
	sum.Hosts[sweep.OutOfScope] = 3
	sum.Interrupted = true
	require.NoError(t, w.Finish(sum))
	got, err := d.Run(ctx, run.ID)
	require.NoError(t, err)
	require.Equal(t, run, got.Run)
	require.Equal(t, Stopped, got.State)
	require.Equal(t, time.Hour, got.Duration())
	require.EqualValues(t, 1<<16, got.Addresses)
	require.Equal(t, sum.Hosts, got.Hosts)
	require.Equal(t, sum.Verdicts, got.Verdicts)
	require.Equal(t, map[string]uint64{"open": 8, "refused": 4}, got.Attempts)

	w = d.begin(run) // resumed: the counts of the whole run take the place of those before
	sum = summary(run, 9)
	require.NoError(t, w.Finish(sum))
	got, err = d.Run(ctx, "")
	require.NoError(t, err)
	require.Equal(t, Complete, got.State)
	require.Equal(t, sum.Hosts, got.Hosts)

	sum.Hosts[sweep.Silent] = math.MaxUint64
	sum.Total = math.MaxUint64
	run = d.newRun()
	sum.Run = run.ID
	require.NoError(t, d.begin(run).Finish(sum))
	_, err = d.Runs(ctx)
	require.NoError(t, err, "an absurd count does not make the ledger unreadable")
}

func TestResumeIsRefused(t *testing.T) {
	d, ctx := newDesk(t), context.Background()
	begun := d.newRun()
	require.NoError(t, d.begin(begun).Close())
	for says, change := range map[string]func(*Run){
		"the configuration or the rules have changed":   func(r *Run) { r.ConfigHash = "other" },
		"cannot be resumed: the configuration or the r": func(r *Run) { r.Packs = []string{"meliorator@9"} },
		"run id": func(r *Run) { r.ID = "no ulid" },
	} {
		run := begun
		change(&run)
		_, err := d.Begin(ctx, run)
		require.ErrorContains(t, err, says)
	}
	later := d.sweep(host(a1, "C1", "mail"))
	_, err := d.Begin(ctx, begun)
	require.ErrorIs(t, err, ErrCannotResume)
	require.ErrorContains(t, err, "has begun since")
	run, err := d.Run(ctx, later)
	require.NoError(t, err)
	_, err = d.Begin(ctx, run.Run)
	require.ErrorContains(t, err, "it is complete")
	_, err = d.Diff(ctx, later, begun.ID)
	require.ErrorContains(t, err, "give the older one first")
	_, err = d.Run(ctx, "01J8ZQ4T6M5X4C3V2B1N0M9K8J")
	require.ErrorIs(t, err, ErrNotFound)
}

func TestHostsThatCannotBe(t *testing.T) {
	d := newDesk(t)
	w := d.begin(d.newRun())
	for says, change := range map[string]func(*checks.Finding){
		"address": func(f *checks.Finding) { f.Address = netip.Addr{} },
		"no host": func(f *checks.Finding) { f.Address = netip.MustParseAddr("fe80::1%eth0") },
		"verdict": func(f *checks.Finding) { f.Verdict = "guilty" },
		"score":   func(f *checks.Finding) { f.Score = math.NaN() },
	} {
		f := host(a1, "C1", "mail")
		change(&f)
		require.ErrorContains(t, w.Host(f), says)
	}
	require.ErrorContains(t, w.Finish(sweep.Summary{Run: "other"}), "the summary is of run other")
	require.NoError(t, w.Finish(summary(w.run, 0)))
	require.ErrorIs(t, w.Host(host(a1, "C1", "mail")), errEnded)
	require.ErrorIs(t, w.Flush(), errEnded)
	require.NoError(t, w.Close())
	require.Empty(t, d.all())
}

func TestFilters(t *testing.T) {
	d, ctx := newDesk(t), context.Background()
	asn := uint32(64501)
	other := host("198.51.100.9", "C2", "mail", "store", "panel")
	other.Network.ASN = &asn
	country := "NL"
	other.Network.Country = &country
	d.sweep(host(a1, "C1", "mail"), host(a2, "C1", "mail"), host("198.51.100.10", "C3", "store"))
	first := d.clock.time()
	run := d.sweep(host(a1, "C1", "mail"), other, host("198.51.100.10", "C3"))
	require.NoError(t, d.Dismiss(ctx, d.at(a2).ID, Action{Reason: "x", Until: d.clock.time().Add(day)}))
	for name, c := range map[string]struct {
		filter Filter
		by     Sort
		want   []string
	}{
		"open":      {Filter{}, "", []string{"198.51.100.9", a1}},
		"all":       {Filter{All: true}, ByAddress, []string{a1, "198.51.100.9", "198.51.100.10", a2}},
		"verdict":   {Filter{Verdict: checks.Match}, "", []string{"198.51.100.9"}},
		"customer":  {Filter{Customer: "C1", All: true}, ByAddress, []string{a1, a2}},
		"asn":       {Filter{ASN: &asn}, "", []string{"198.51.100.9"}},
		"rule":      {Filter{Rule: "meliorator/store", All: true}, ByAddress, []string{"198.51.100.9", "198.51.100.10"}},
		"range":     {Filter{Range: netip.MustParsePrefix("198.51.100.8/29")}, "", []string{"198.51.100.9"}},
		"range6":    {Filter{Range: netip.MustParsePrefix("2001:db8::/32"), All: true}, "", []string{a2}},
		"since":     {Filter{Since: first.Add(time.Second), All: true}, ByAddress, []string{"198.51.100.9", "198.51.100.10"}},
		"run":       {Filter{Run: run, All: true}, ByAddress, []string{a1, "198.51.100.9", "198.51.100.10"}},
		"gone":      {Filter{States: []State{Gone}}, "", []string{"198.51.100.10"}},
		"states":    {Filter{States: []State{New, Dismissed}}, ByAddress, []string{"198.51.100.9", a2}},
		"notified":  {Filter{States: []State{Notified}}, "", nil},
		"two terms": {Filter{Customer: "C1", Rule: "meliorator/mail"}, "", []string{a1}},
		"by since":  {Filter{All: true}, BySince, []string{"198.51.100.9", "198.51.100.10", a1, a2}},
		"injection": {Filter{Customer: "' OR 1=1 --", All: true}, "", nil},
	} {
		found, err := d.Findings(ctx, c.filter, c.by)
		require.NoError(t, err, name)
		var got []string
		for _, f := range found {
			got = append(got, f.Address.String())
		}
		require.Equal(t, c.want, got, name)
	}
	f := d.at("198.51.100.9")
	require.EqualValues(t, 64501, *f.ASN)
	require.Equal(t, "NL", *f.Country)
	require.Nil(t, d.at(a1).Country)
	require.True(t, f.Open())
	for _, by := range Sorts() {
		_, err := d.Findings(ctx, Filter{}, by)
		require.NoError(t, err)
	}
	for _, s := range States() {
		_, err := d.Findings(ctx, Filter{States: []State{s}}, "")
		require.NoError(t, err)
	}
	_, err := d.Findings(ctx, Filter{States: []State{"lost"}}, "")
	require.ErrorContains(t, err, `no finding is "lost"`)
	_, err = d.Findings(ctx, Filter{}, "colour")
	require.ErrorContains(t, err, `no order is named "colour"`)
	_, err = d.Find(ctx, "C1")
	require.ErrorContains(t, err, "neither the number of a finding nor an address")
	_, err = d.Find(ctx, "192.0.2.1")
	require.ErrorIs(t, err, ErrNotFound)
}

// TestWhatARunFound gives the hosts of an old run back, also those of which it stored no evidence of its own.
func TestWhatARunFound(t *testing.T) {
	d, ctx := newDesk(t), context.Background()
	one := d.sweep(host(a1, "C1", "mail"), host(a2, "C1", "mail"))
	two := d.sweep(host(a1, "C1", "mail"), host(a2, "C1"))
	moved := host(a1, "C2", "mail")
	moved.Owner = &netinfo.Owner{Customer: "C2"}
	three := d.sweep(moved)
	for run, want := range map[string][]string{one: {a1, "C1", a2, "C1"}, two: {a1, "C1"}, three: {a1, "C2"}} {
		var got []string
		err := d.Observed(ctx, run, func(at time.Time, e Evidence) error {
			f, err := e.Host()
			got = append(got, f.Address.String(), e.Customer)
			require.False(t, e.At.After(at))
			require.Equal(t, e.Customer, f.Owner.Customer)
			require.Len(t, e.SHA256, 64)
			return err
		})
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}
