package sweep

import (
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/checks/probe/dial"
)

// HostState says what became of one address of a run.
type HostState string

// The states of a host. Only an assessed one has a verdict.
const (
	Assessed    HostState = "assessed"     // something answered, and the rules have judged
	Silent      HostState = "silent"       // nothing came back from any port
	Unreachable HostState = "unreachable"  // the network says that it cannot be reached
	LocalErrors HostState = "local-error"  // this machine could not try all of its ports
	OutOfScope  HostState = "out-of-scope" // the gate refused it, for instance because it was excluded since the run began
	OverBudget  HostState = "over-budget"  // its connection budget ended before anything answered
	Interrupted HostState = "interrupted"  // in hand when the run was aborted; a resumed run does it again
	Failed      HostState = "failed"       // our own look-up or rules panicked; a fault of netschouw, please report it
)

// stateOf is the state that outcomes show before anybody has judged; Assessed when something answered. Where the ports
// of a host that did not answer ended in several ways, what we failed to do comes before what we believe to know.
func stateOf(outcomes []dial.Outcome) HostState {
	var seen [16]bool
	for _, o := range outcomes {
		if o.Reached() {
			return Assessed
		}
		seen[o] = true
	}
	switch {
	case seen[dial.LocalError]:
		return LocalErrors
	case seen[dial.OverBudget]:
		return OverBudget
	case seen[dial.OutOfScope]:
		return OutOfScope
	case seen[dial.Unreachable]:
		return Unreachable
	}
	return Silent
}

// Counts is what a run has counted. The maps of a value that was handed out are its receiver's.
type Counts struct {
	// Hosts counts the addresses that are done by what became of them.
	Hosts map[HostState]uint64 `json:"hosts"`
	// Verdicts counts the assessed hosts.
	Verdicts map[checks.Verdict]uint64 `json:"verdicts"`
	// Ports counts the attempts of discovery by port and the outcome's name. Port 0 stands for the ports of hosts whose
	// finding was written just before a kill: which port ended how was lost with it.
	Ports map[uint16]map[string]uint64 `json:"ports"`
	// Attempts is how many connections discovery tried, and Retried how many of them again for local reasons.
	Attempts uint64 `json:"attempts"`
	Retried  uint64 `json:"retried"`
	// Services is how many open ports were conversed with, AcceptAll how many hosts accept every port, Deeper how many
	// hosts had a second look at their pages, AllPorts how many had one at all of their ports, and Panics how many
	// probes, look-ups or rules panicked and were caught.
	Services  uint64 `json:"services"`
	AcceptAll uint64 `json:"accept_all"`
	Deeper    uint64 `json:"deeper"`
	AllPorts  uint64 `json:"all_ports"`
	Panics    uint64 `json:"panics"`
}

// clone is a copy that shares nothing; its maps are never nil.
func (c Counts) clone() Counts {
	c.Hosts, c.Verdicts = copied(c.Hosts), copied(c.Verdicts)
	ports := make(map[uint16]map[string]uint64, len(c.Ports))
	for port, byName := range c.Ports {
		ports[port] = copied(byName)
	}
	c.Ports = ports
	return c
}

func copied[K comparable](m map[K]uint64) map[K]uint64 {
	out := make(map[K]uint64, len(m))
	maps.Copy(out, m)
	return out
}

// Done is how many addresses were counted, those that will be visited again left out.
func (c Counts) Done() (n uint64) {
	for state, k := range c.Hosts {
		if state != Interrupted {
			n += k
		}
	}
	return n
}

// Summary is what a run came to, the parts of it before a resume included.
type Summary struct {
	Run     string    `json:"run"` // ULID
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended"`
	Seed    uint64    `json:"seed"`
	// Total is the number of addresses in the whole order, From how many of them were done before this part of the run
	// began, more than 0 when it was resumed, and Cursor the first place that is not done: all addresses before it are.
	Total  uint64 `json:"total"`
	From   uint64 `json:"from"`
	Cursor uint64 `json:"cursor"`
	// Interrupted says that the run ended before every address was done.
	Interrupted bool `json:"interrupted"`
	Counts
}

// tally counts while the run goes on. What it counts and the places that are done change together, so that whoever takes
// a snapshot sees counts that belong to its places.
type tally struct {
	mark *watermark
	list []uint16 // the ports of discovery

	mu       sync.Mutex
	standing map[netip.Addr]checks.Finding
	sum      Summary    // Ports and Attempts are those of before the resume
	ports    [][]uint64 // by place of the port, then outcome
}

func newTally(sum Summary, mark *watermark, ports []uint16, standing map[netip.Addr]checks.Finding) *tally {
	sum.Counts = sum.clone()
	t := &tally{mark: mark, list: ports, sum: sum, ports: newOutcomes(len(ports)), standing: make(map[netip.Addr]checks.Finding, len(standing))}
	for a, f := range standing {
		t.standing[a.Unmap()] = f
	}
	return t
}

func newOutcomes(ports int) [][]uint64 {
	list := make([][]uint64, ports)
	for i := range list {
		list[i] = make([]uint64, len(dial.Outcomes()))
	}
	return list
}

// count changes the counters of things that are not part of a host's end.
func (t *tally) count(change func(*Summary)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change(&t.sum)
}

// finish files a host as done, in this state; also, when there is one, changes other counters with it.
func (t *tally) finish(a dial.Answer, state HostState, also func(*Summary)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sum.Hosts[state]++
	for i, o := range a.Outcomes {
		t.ports[i][o]++
	}
	if also != nil {
		also(&t.sum)
	}
	t.mark.done(a.Index)
}

// stands files a host as done whose finding the sink has already, from just before a kill.
func (t *tally) stands(target dial.Target) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	f, ok := t.standing[target.Addr.Unmap()]
	if !ok {
		return false
	}
	delete(t.standing, target.Addr.Unmap())
	t.sum.Hosts[Assessed]++
	countFinding(&t.sum, &f)
	if t.sum.Ports[0] == nil {
		t.sum.Ports[0] = make(map[string]uint64)
	}
	for name, n := range f.Ports {
		t.sum.Ports[0][name] += uint64(max(n, 0)) //nolint:gosec // not negative
	}
	t.mark.done(target.Index)
	return true
}

func countFinding(s *Summary, f *checks.Finding) {
	s.Verdicts[f.Verdict]++
	s.Services += uint64(len(f.Services))
	if f.AcceptsAll {
		s.AcceptAll++
	}
}

// batch is hosts that are about to be done, counted.
type batch struct {
	places []uint64
	hosts  map[HostState]uint64
	ports  [][]uint64
}

func (t *tally) newBatch() *batch {
	return &batch{hosts: make(map[HostState]uint64), ports: newOutcomes(len(t.list))}
}

func (b *batch) add(a dial.Answer, state HostState) {
	b.places = append(b.places, a.Index)
	b.hosts[state]++
	for i, o := range a.Outcomes {
		b.ports[i][o]++
	}
}

// merge files all of a batch as done.
func (t *tally) merge(b *batch) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for state, n := range b.hosts {
		t.sum.Hosts[state] += n
	}
	for i, byOutcome := range b.ports {
		for o, n := range byOutcome {
			t.ports[i][o] += n
		}
	}
	t.mark.done(b.places...)
}

// moment is one of a run: counts, places and what stands, which belong together.
type moment struct {
	Summary
	marks    marks
	standing []netip.Addr
}

// moment is the one that it is.
func (t *tally) moment() moment {
	t.mu.Lock()
	defer t.mu.Unlock()
	return moment{t.summaryLocked(), t.mark.copy(), slices.SortedFunc(maps.Keys(t.standing), netip.Addr.Compare)}
}

// summary is a copy of the counters so far.
func (t *tally) summary() Summary {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.summaryLocked()
}

func (t *tally) summaryLocked() Summary {
	s := t.sum
	s.Counts = s.clone()
	for i, port := range t.list {
		byName := s.Ports[port]
		if byName == nil {
			byName = make(map[string]uint64)
			s.Ports[port] = byName
		}
		for o, n := range t.ports[i] {
			if n > 0 {
				byName[dial.Outcome(o).String()] += n //nolint:gosec // few
			}
		}
	}
	return s
}
