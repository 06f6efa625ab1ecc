package ledger

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/netschouw/netschouw/checks"
)

// The simulated year: addresses whose customers come, go and move, hosts that are set up, changed and cleaned, and runs that
// do not reach all of them, are cut off, or are resumed and look twice. The oracle below says what the ledger must then know,
// from the whole of what was visible, by definition rather than step by step.

// world is the truth.
type world struct {
	rng      *rand.Rand
	addrs    []netip.Addr
	live     []int               // addresses that answer
	rules    map[int][]string    // what is wrong there; none: nothing
	customer map[int]string      // "": in no list
	seen     map[int][]look      // what runs saw, of addresses that were ever found
	desk     map[int][]deskEvent // what people did
	shape    func(checks.Finding) checks.Finding
}

// look is one assessment that a run made.
type look struct {
	run      int
	at       time.Time
	verdict  checks.Verdict
	rules    []string
	customer string
}

// deskEvent is something that a person did after so many looks.
type deskEvent struct {
	after int
	at    time.Time
	as    State
	until time.Time
}

func newWorld(seed uint64, addresses int, share float64) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 1)), rules: map[int][]string{}, customer: map[int]string{}, seen: map[int][]look{},
		desk: map[int][]deskEvent{}, shape: func(f checks.Finding) checks.Finding { return f }}
	addr := netip.MustParseAddr("198.18.0.0")
	for i := range addresses {
		w.addrs = append(w.addrs, addr)
		addr = addr.Next()
		if w.rng.Float64() < share {
			w.live = append(w.live, i)
			w.customer[i] = w.someone()
		}
	}
	return w
}

func (w *world) chance(p float64) bool { return w.rng.Float64() < p }

func (w *world) someone() string {
	if w.chance(0.1) {
		return ""
	}
	return fmt.Sprintf("C%d", w.rng.IntN(300))
}

var ruleNames = []string{"mail", "store", "panel", "proxy", "automation", "spoofed-agent"}

// day lets a day pass.
func (w *world) day() {
	for _, i := range w.live {
		if w.chance(0.003) {
			w.customer[i] = w.someone()
			if w.chance(0.7) {
				delete(w.rules, i)
			}
		}
		_, bad := w.rules[i]
		switch {
		case !bad && w.chance(0.002), bad && w.chance(0.01):
			n := 1 + w.rng.IntN(4)
			var set []string
			for _, k := range w.rng.Perm(len(ruleNames))[:n] {
				set = append(set, ruleNames[k])
			}
			w.rules[i] = set
		case bad && w.chance(0.01):
			delete(w.rules, i)
		}
	}
}

// finding is what a look at a live address gives.
func (w *world) finding(i int, at time.Time) checks.Finding {
	f := w.shape(host(w.addrs[i].String(), w.customer[i], w.rules[i]...))
	f.ObservedAt = at
	if len(f.Traits) > 0 && i%10 == 0 { // a greeting that tells the time
		f.Traits[0].Evidence = []checks.Evidence{{Port: 25, Field: "greeting", Value: "mx ESMTP " + at.String()}}
	}
	return f
}

// note remembers a look; the first of a run counts, and of several clear ones in a row the first.
func (w *world) note(i, run int, f checks.Finding) {
	last := look{run: -1, verdict: checks.Clear}
	if known := w.seen[i]; len(known) > 0 {
		last = known[len(known)-1]
	}
	if last.run == run || last.verdict == checks.Clear && f.Verdict == checks.Clear {
		return
	}
	l := look{run, f.ObservedAt, f.Verdict, ruleIDs(f.Traits), ""}
	if f.Owner != nil {
		l.customer = f.Owner.Customer
	}
	w.seen[i] = append(w.seen[i], l)
}

// lifeAt is the life of a finding after look k, the first of which found something.
func (w *world) lifeAt(i, k int) State {
	looks := w.seen[i]
	switch now := looks[k]; {
	case now.verdict == checks.Clear:
		return Gone
	case k == 0:
		return New
	case looks[k-1].verdict == checks.Clear:
		return CameBack
	case slices.ContainsFunc(w.desk[i], func(e deskEvent) bool { return e.as == Resolved && e.after == k && w.handlingAt(i, k-1) == Resolved }):
		return CameBack
	case now.verdict != looks[k-1].verdict, !slices.Equal(now.rules, looks[k-1].rules), now.customer != "" && w.lastCustomer(i, k) != "" && w.lastCustomer(i, k) != now.customer:
		return Changed
	}
	return Still
}

// lastCustomer is the customer who was last known before look k; only looks that found something tell.
func (w *world) lastCustomer(i, k int) string {
	for _, l := range slices.Backward(w.seen[i][:k]) {
		if l.verdict != checks.Clear && l.customer != "" {
			return l.customer
		}
	}
	return ""
}

// handlingAt is what somebody did, if it still stands after look k.
func (w *world) handlingAt(i, k int) State {
	var last deskEvent
	for _, e := range w.desk[i] {
		if e.after <= k+1 {
			last = e
		}
	}
	if last.as == "" {
		return ""
	}
	then := w.foundBefore(i, last.after)
	owner := w.lastCustomer(i, last.after)
	for j := last.after; j <= k; j++ {
		l := w.seen[i][j]
		if l.verdict == checks.Clear {
			continue
		}
		moved := owner != "" && l.customer != "" && owner != l.customer
		back := w.seen[i][j-1].verdict == checks.Clear || last.as == Resolved && j == last.after
		switch {
		case last.as == Dismissed:
			worse := l.verdict == checks.Match && then.verdict != checks.Match
			other := slices.ContainsFunc(l.rules, func(r string) bool { return !slices.Contains(then.rules, r) })
			if worse || other || moved || !last.until.IsZero() && !l.at.Before(last.until) {
				return ""
			}
		case back, last.as == Acknowledged && moved:
			return ""
		}
	}
	return last.as
}

// foundBefore is the last look before look k that found something.
func (w *world) foundBefore(i, k int) look {
	for _, l := range slices.Backward(w.seen[i][:k]) {
		if l.verdict != checks.Clear {
			return l
		}
	}
	return look{}
}

// newsAt tells whether somebody should hear of look k.
func (w *world) newsAt(i, k int) bool {
	l := w.seen[i][k]
	if l.verdict == checks.Clear || w.handlingAt(i, k) == Dismissed {
		return false
	}
	life, before := w.lifeAt(i, k), w.foundBefore(i, k)
	ended := k > 0 && w.handlingBefore(i, k) != "" && w.handlingAt(i, k) == ""
	return life == New || life == CameBack || ended || l.verdict == checks.Match && before.verdict != checks.Match ||
		l.customer != "" && w.lastCustomer(i, k) != "" && l.customer != w.lastCustomer(i, k)
}

// handlingBefore is the handling that look k met: what stood after the look before, or was done since.
func (w *world) handlingBefore(i, k int) State {
	for _, e := range slices.Backward(w.desk[i]) {
		if e.after == k {
			return e.as
		}
	}
	return w.handlingAt(i, k-1)
}
