package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks"
)

// TestAYear holds the ledger against the oracle. LEDGER_YEAR=1 makes it a whole year of a /16, which takes minutes.
func TestAYear(t *testing.T) {
	if os.Getenv("LEDGER_YEAR") != "" {
		y := newYear(t, 1, 1<<16, 0.06)
		y.run(365, 60)
		return
	}
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			y := newYear(t, seed, 160, 0.5)
			y.world.rules = map[int][]string{}
			for _, i := range y.world.live[:30] { // enough happens in few days
				y.world.rules[i] = ruleNames[:1+i%3]
			}
			y.run(40, 10)
		})
	}
}

// year runs the ledger and the world beside each other.
type year struct {
	*desk
	world *world
	runs  []string // ULIDs
	news  [][]int  // of each run: the addresses that somebody should hear of
	packs []int    // of each run: which rules it judged by
}

func newYear(t testing.TB, seed uint64, addresses int, share float64) *year {
	return &year{desk: newDesk(t), world: newWorld(seed, addresses, share)}
}

// run lets days pass, and compares every so many.
func (y *year) run(days, every int) {
	for n := range days {
		y.clock.add(day)
		y.world.day()
		y.desk.packs = []string{fmt.Sprintf("meliorator@%d", 1+n/25)}
		y.tour(n)
		y.people()
		if n%every == every-1 || n == days-1 {
			y.compare()
		}
	}
	require.NoError(y.t, y.Check(context.Background()))
}

// tour is one day's run. One in eight is cut off on the way, and half of these are resumed, looking again at some hosts.
func (y *year) tour(n int) {
	w, run := y.world, y.newRun()
	order := slices.DeleteFunc(slices.Clone(w.live), func(int) bool { return w.chance(0.03) }) // not reached
	w.rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	writer := y.begin(run)
	give := func(part []int) {
		for _, i := range part {
			f := w.finding(i, y.clock.time().Add(time.Duration(i)*time.Millisecond))
			require.NoError(y.t, writer.Host(f))
			w.note(i, n, f)
		}
	}
	y.runs, y.packs = append(y.runs, run.ID), append(y.packs, 1+n/25)
	if len(order) > 0 && w.chance(0.125) {
		cut := w.rng.IntN(len(order))
		give(order[:cut])
		require.NoError(y.t, writer.Flush())
		require.NoError(y.t, writer.Close()) // as a kill after a flush would leave it
		if w.chance(0.5) {
			return
		}
		writer = y.begin(run)
		order = order[max(0, cut-20):]
		for _, i := range order[:min(20, len(order))] { // what a host says the second time does not count
			if w.chance(0.2) {
				delete(w.rules, i)
			}
		}
	}
	give(order)
	require.NoError(y.t, writer.Finish(summary(run, len(order))))
}

// people do something about findings, an hour after the run.
func (y *year) people() {
	y.clock.add(time.Hour)
	defer y.clock.add(-time.Hour)
	w := y.world
	now, ctx := y.clock.time(), context.Background()
	y.news = append(y.news, nil)
	run := len(y.runs) - 1
	for i, looks := range w.seen {
		if k := len(looks) - 1; looks[k].run == run && w.newsAt(i, k) {
			y.news[run] = append(y.news[run], i)
		}
	}
	for _, i := range w.live {
		if len(w.seen[i]) == 0 || !w.chance(0.02) {
			continue
		}
		h, err := y.Find(ctx, w.addrs[i].String())
		require.NoError(y.t, err)
		e := deskEvent{after: len(w.seen[i]), at: now}
		a := Action{Who: "joost", Reason: "because"}
		switch w.rng.IntN(4) {
		case 0:
			e.as, err = Acknowledged, y.Acknowledge(ctx, h.ID, a)
		case 1:
			e.as, err = Resolved, y.Resolve(ctx, h.ID, a)
		case 2:
			e.as, e.until = Dismissed, now.Add(time.Duration(1+w.rng.IntN(40))*day)
			a.Until = e.until
			err = y.Dismiss(ctx, h.ID, a)
		case 3:
			e.as, err = Dismissed, y.Dismiss(ctx, h.ID, a)
		}
		require.NoError(y.t, err)
		w.desk[i] = append(w.desk[i], e)
	}
}

// compare holds all that the ledger tells against the oracle.
func (y *year) compare() {
	w, found := y.world, y.all()
	require.Len(y.t, found, len(w.seen), "there are as many findings as addresses on which something was ever found")
	open := 0
	for i, looks := range w.seen {
		address := w.addrs[i].String()
		f, ok := found[address]
		require.True(y.t, ok, address)
		want := w.expected(i, y.clock.time())
		got := Finding{Address: f.Address, Life: f.Life, Since: f.Since, Verdict: f.Verdict, Rules: f.Rules, Customer: f.Customer,
			FirstSeen: f.FirstSeen, LastSeen: f.LastSeen, Seen: f.Seen, Handling: f.Handling}
		require.Equal(y.t, want, got, address)
		k := len(looks) - 1
		require.Equal(y.t, y.runs[looks[k].run], f.LastRun)
		require.Equal(y.t, k > 0 && y.packs[looks[k].run] != y.packs[looks[k-1].run], f.RulesDiffer, address)
		if want.Open() {
			open++
		}
		if i%7 == 0 {
			y.compareHistory(i, f.ID)
		}
	}
	list, err := y.Findings(context.Background(), Filter{}, BySeverity)
	require.NoError(y.t, err)
	require.Len(y.t, list, open)
	y.compareRuns()
}

// expected is the finding that must come of all looks at an address.
func (w *world) expected(i int, now time.Time) Finding {
	looks := w.seen[i]
	k := len(looks) - 1
	f := Finding{Address: w.addrs[i], Life: w.lifeAt(i, k), FirstSeen: looks[0].at, Handling: w.handlingAt(i, k)}
	for j, l := range looks {
		if w.lifeAt(i, j) != Still {
			f.Since = l.at
		}
		if l.verdict != checks.Clear {
			f.Verdict, f.Rules, f.Customer, f.LastSeen = l.verdict, l.rules, l.customer, l.at
			f.Seen++
		}
	}
	if f.Handling == Dismissed { // it is the last thing that was done
		if until := w.desk[i][len(w.desk[i])-1].until; !until.IsZero() && !now.Before(until) {
			f.Handling = ""
		}
	}
	return f
}

// compareHistory holds what is told of one finding against all that happened.
func (y *year) compareHistory(i int, id int64) {
	h, err := y.Finding(context.Background(), id)
	require.NoError(y.t, err)
	var got, want []string
	for _, e := range h.Entries {
		if e.Run != "" && e.What != Reopened {
			got = append(got, fmt.Sprint(e.Run, e.What, e.Verdict, e.Customer))
		}
	}
	for k, l := range y.world.seen[i] {
		life := y.world.lifeAt(i, k)
		want = append(want, fmt.Sprint(y.runs[l.run], Observed, l.verdict, l.customer))
		if life != Still {
			want = append(want, fmt.Sprint(y.runs[l.run], life, l.verdict, l.customer))
		}
	}
	require.Equal(y.t, want, got)
	e, err := y.Evidence(context.Background(), h.Evidence)
	require.NoError(y.t, err)
	host, err := e.Host()
	require.NoError(y.t, err)
	require.Equal(y.t, h.Address, host.Address)
}

// compareRuns holds the news of the last run, and differences between runs, against the truth.
func (y *year) compareRuns() {
	ctx, last := context.Background(), len(y.runs)-1
	changes, err := y.Changes(ctx, y.runs[last])
	require.NoError(y.t, err)
	var got, want []string
	for _, c := range changes {
		got = append(got, c.Address.String())
	}
	for _, i := range y.news[last] {
		if y.world.handlingNow(i, y.clock.time()) != Dismissed { // what was dismissed since the run is left out
			want = append(want, y.world.addrs[i].String())
		}
	}
	require.ElementsMatch(y.t, want, got)
	for range 3 {
		a := y.world.rng.IntN(last + 1)
		b := a + y.world.rng.IntN(last+1-a)
		y.compareDiff(a, b)
	}
}

func (w *world) handlingNow(i int, now time.Time) State { return w.expected(i, now).Handling }

func (y *year) compareDiff(a, b int) {
	d, err := y.Diff(context.Background(), y.runs[a], y.runs[b])
	require.NoError(y.t, err)
	require.Equal(y.t, y.packs[a] != y.packs[b], d.RulesDiffer)
	got, want, same := map[string]State{}, map[string]State{}, 0
	for _, e := range d.Entries {
		got[e.Address.String()] = e.What
	}
	for i, looks := range y.world.seen {
		before, after := lastUpTo(looks, a), lastUpTo(looks, b)
		if after == nil {
			continue
		}
		was, is := before != nil && before.verdict != checks.Clear, after.verdict != checks.Clear
		address := y.world.addrs[i].String()
		alike := was && is && before.verdict == after.verdict && slices.Equal(before.rules, after.rules) &&
			(before.customer == "" || after.customer == "" || before.customer == after.customer)
		switch {
		case was && !is:
			want[address] = Gone
		case !was && !is:
		case before == nil:
			want[address] = New
		case !was:
			want[address] = CameBack
		case !alike:
			want[address] = Changed
		case after.run != b:
			want[address] = NotSeen
		default:
			same++
		}
	}
	require.Equal(y.t, want, got)
	require.Equal(y.t, same, d.Same)
}

func lastUpTo(looks []look, run int) (last *look) {
	for i := range looks {
		if looks[i].run <= run {
			last = &looks[i]
		}
	}
	return last
}

// realistic gives a simulated host the services of a real look at a host of the demo's fleet, with its size.
func realistic(t testing.TB) func(checks.Finding) checks.Finding {
	text, err := os.ReadFile("testdata/host.json")
	require.NoError(t, err)
	var model checks.Finding
	require.NoError(t, json.Unmarshal(text, &model))
	return func(f checks.Finding) checks.Finding {
		f.Services = model.Services
		for i := range f.Traits {
			own := f.Traits[i]
			f.Traits[i] = model.Traits[i%len(model.Traits)]
			f.Traits[i].Rule = own.Rule
		}
		return f
	}
}
