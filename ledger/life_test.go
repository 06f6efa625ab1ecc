package ledger

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks"
)

const a1, a2 = "198.51.100.1", "2001:db8:40::1"

func TestTheLifeOfAFinding(t *testing.T) {
	d := newDesk(t)
	for i, day := range []struct {
		host []checks.Finding
		life State
		news bool
	}{
		{[]checks.Finding{host(a1, "C1", "mail")}, New, true},
		{[]checks.Finding{host(a1, "C1", "mail")}, Still, false},
		{nil, Still, false}, // not reached
		{[]checks.Finding{host(a1, "C1", "mail", "store")}, Changed, false},
		{[]checks.Finding{host(a1, "C1", "mail", "store", "panel")}, Changed, true}, // match now
		{[]checks.Finding{host(a1, "C1", "mail", "store", "panel")}, Still, false},
		{[]checks.Finding{host(a1, "", "mail", "store", "panel")}, Still, false},    // the customer is not known
		{[]checks.Finding{host(a1, "C2", "mail", "store", "panel")}, Changed, true}, // moved
		{[]checks.Finding{host(a1, "C2")}, Gone, false},
		{[]checks.Finding{host(a1, "C2")}, Gone, false},
		{nil, Gone, false},
		{[]checks.Finding{host(a1, "C2", "mail")}, CameBack, true},
		{[]checks.Finding{host(a1, "C2", "mail")}, Still, false},
	} {
		run := d.sweep(append(day.host, host("198.51.100.200", "C9"))...)
		f := d.at(a1)
		require.Equalf(t, day.life, f.Life, "day %d", i)
		changes, err := d.Changes(context.Background(), run)
		require.NoError(t, err)
		require.Equalf(t, day.news, len(changes) == 1, "day %d: %v", i, changes)
	}
	h := d.at(a1)
	require.Equal(t, []State{Observed, New, Observed, Observed, Changed, Observed, Changed, Observed, Observed, Observed, Changed, Observed, Gone,
		Observed, CameBack, Observed}, whats(h))
	require.Equal(t, []string{"C1", "", "C2"}, []string{h.Entries[0].Customer, h.Entries[8].Customer, h.Entries[9].Customer}, "whose it was at that time")
	require.EqualValues(t, 9, h.Seen)
	require.Len(t, d.all(), 1, "a clear host leaves no trace")
}

func TestWhatChangesDailyIsNoChange(t *testing.T) {
	d := newDesk(t)
	first := host(a1, "C1", "mail")
	d.sweep(first)
	second := host(a1, "C1", "mail")
	second.Network.PTR = []string{"other.example.test"}
	second.Services[1].Banner = "another banner"
	second.Services[0].Connections = 3
	d.sweep(second)
	h := d.at(a1)
	require.Equal(t, Still, h.Life)
	require.Equal(t, h.Entries[0].Evidence, h.Entries[2].Evidence, "equal evidence is stored once")

	third := host(a1, "C1", "mail")
	third.Traits[0].Evidence[0].Value = "mx2.example.test ESMTP"
	d.sweep(third)
	h = d.at(a1)
	require.Equal(t, Still, h.Life, "a rule that fires on another value is the same rule")
	require.NotEqual(t, h.Entries[0].Evidence, h.Evidence, "but the value is evidence")
}

func TestOtherRulesAreSaid(t *testing.T) {
	d := newDesk(t)
	ctx := context.Background()
	one := d.sweep(host(a1, "C1", "mail"), host(a2, "C1", "mail"))
	d.packs = []string{"meliorator@2"}
	two := d.sweep(host(a1, "C1", "mail", "store"), host(a2, "C1"))
	for _, address := range []string{a1, a2} {
		h := d.at(address)
		require.True(t, h.RulesDiffer, address)
		require.True(t, h.Entries[3].RulesDiffer, address)
	}
	diff, err := d.Diff(ctx, one, two)
	require.NoError(t, err)
	require.True(t, diff.RulesDiffer)
	require.Len(t, diff.Entries, 2)
	require.True(t, diff.Entries[0].RulesDiffer)
	three := d.sweep(host(a1, "C1", "mail", "store"))
	require.False(t, d.at(a1).RulesDiffer, "the last two runs used the same rules")
	diff, err = d.Diff(ctx, two, three)
	require.NoError(t, err)
	require.False(t, diff.RulesDiffer)
}

func TestDismissal(t *testing.T) {
	year := 365 * day
	for name, c := range map[string]struct {
		then  checks.Finding
		later time.Duration
		quiet bool
		why   string
	}{
		"same":             {host(a1, "C1", "mail", "store"), 0, true, ""},
		"fewer rules":      {host(a1, "C1", "mail"), 0, true, ""},
		"another rule":     {host(a1, "C1", "mail", "panel"), 0, false, "another rule fired"},
		"match":            {host(a1, "C1", "mail", "store", "panel"), 0, false, "another rule fired"},
		"customer":         {host(a1, "C2", "mail", "store"), 0, false, "the address has another customer"},
		"customer unknown": {host(a1, "", "mail", "store"), 0, true, ""},
		"expired":          {host(a1, "C1", "mail", "store"), year, false, "the dismissal has expired"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			ctx := context.Background()
			d.sweep(host(a1, "C1", "mail", "store"))
			require.NoError(t, d.Dismiss(ctx, d.at(a1).ID, Action{Who: "joost", Reason: "mail of a school", Until: d.clock.time().Add(year)}))
			open, err := d.Findings(ctx, Filter{}, "")
			require.NoError(t, err)
			require.Empty(t, open)

			d.sweep(host(a1, "C1")) // a dismissal outlives a day on which nothing was found
			d.clock.add(c.later)
			run := d.sweep(c.then)
			h := d.at(a1)
			changes, err := d.Changes(ctx, run)
			require.NoError(t, err)
			require.Equal(t, CameBack, h.Life)
			if c.quiet {
				require.Equal(t, Dismissed, h.Handling)
				require.Equal(t, "mail of a school", h.Handled.Reason)
				require.Empty(t, changes)
				require.NoError(t, d.Reopen(ctx, h.ID, Action{Who: "joost"}))
				changes, err = d.Changes(ctx, run)
				require.NoError(t, err)
				require.Empty(t, changes, "that run had no news of it, whatever is decided later")
				return
			}
			require.NoError(t, d.Dismiss(ctx, h.ID, Action{Who: "joost", Reason: "still"}))
			later, err := d.Changes(ctx, run)
			require.NoError(t, err)
			require.Empty(t, later, "what is dismissed since is left out")
			require.Equal(t, State(""), h.Handling)
			require.Nil(t, h.Handled)
			require.Len(t, changes, 1)
			last := h.Entries[len(h.Entries)-1]
			require.Equal(t, Reopened, last.What)
			require.Equal(t, c.why, last.Reason)
		})
	}
}

func TestADismissalThatExpiresIsHeardOfOnce(t *testing.T) {
	d := newDesk(t)
	ctx := context.Background()
	d.sweep(host(a1, "C1", "mail"))
	require.NoError(t, d.Dismiss(ctx, d.at(a1).ID, Action{Who: "joost", Reason: "asked the customer", Until: d.clock.time().Add(3 * day)}))
	d.clock.add(3 * day)
	require.Equal(t, State(""), d.at(a1).Handling, "it has expired before any run has noticed")
	open, err := d.Findings(ctx, Filter{}, "")
	require.NoError(t, err)
	require.Len(t, open, 1)
	for _, want := range []int{1, 0} {
		changes, err := d.Changes(ctx, d.sweep(host(a1, "C1", "mail")))
		require.NoError(t, err)
		require.Len(t, changes, want)
		if want == 1 {
			require.Equal(t, Reopened, changes[0].What)
			require.Equal(t, "the dismissal has expired", changes[0].Reason)
		}
	}
}

func TestAcknowledgedAndResolved(t *testing.T) {
	d := newDesk(t)
	ctx := context.Background()
	d.sweep(host(a1, "C1", "mail"))
	id := d.at(a1).ID
	require.NoError(t, d.Acknowledge(ctx, id, Action{Who: "joost"}))
	d.sweep(host(a1, "C1", "mail", "store"))
	require.Equal(t, Acknowledged, d.at(a1).Handling, "somebody is still at it")
	d.sweep(host(a1, "C2", "mail", "store"))
	require.Equal(t, State(""), d.at(a1).Handling, "it is another customer's now")

	require.NoError(t, d.Resolve(ctx, id, Action{Who: "joost", Reason: "customer has left"}))
	before := d.begin(d.newRun()) // looked before it was resolved, written after
	h := host(a1, "C2", "mail", "store")
	h.ObservedAt = d.clock.time().Add(-time.Minute)
	require.NoError(t, before.Host(h))
	require.NoError(t, before.Finish(summary(before.run, 1)))
	require.Equal(t, Resolved, d.at(a1).Handling)
	d.sweep(host(a1, "C2"))
	require.Equal(t, Gone, d.at(a1).Life)
	require.Equal(t, Resolved, d.at(a1).Handling)
	run := d.sweep(host(a1, "C2", "mail", "store"))
	require.Equal(t, CameBack, d.at(a1).Life)
	require.Equal(t, State(""), d.at(a1).Handling)
	changes, err := d.Changes(ctx, run)
	require.NoError(t, err)
	require.Len(t, changes, 1)

	require.NoError(t, d.Resolve(ctx, id, Action{Who: "joost"}))
	d.sweep(host(a1, "C2", "mail", "store"))
	require.Equal(t, CameBack, d.at(a1).Life, "it was said to be resolved, and is not")
}

func TestHandlingIsRefused(t *testing.T) {
	d := newDesk(t)
	ctx := context.Background()
	d.sweep(host(a1, "C1", "mail"))
	id := d.at(a1).ID
	require.ErrorIs(t, d.Acknowledge(ctx, id+1, Action{}), ErrNotFound)
	require.ErrorContains(t, d.Dismiss(ctx, id, Action{Reason: " "}), "needs a reason")
	require.ErrorContains(t, d.Dismiss(ctx, id, Action{Reason: "x", Until: d.clock.time()}), "end before it begins")
	require.ErrorContains(t, d.Acknowledge(ctx, id, Action{Reason: string(make([]byte, 1001))}), "at most 1000 bytes")
	require.ErrorContains(t, d.Reopen(ctx, id, Action{}), "neither acknowledged")
	require.NoError(t, d.Dismiss(ctx, id, Action{Reason: "x", Who: "joost"}))
	require.NoError(t, d.Reopen(ctx, id, Action{Who: "joost"}))
	require.Equal(t, []State{Observed, New, Dismissed, Reopened}, whats(d.at(a1)))
}
