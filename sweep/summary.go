package sweep

import (
	"maps"
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

// Summary is what a run came to.
type Summary struct {
	Run     string    `json:"run"` // ULID
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended"`
	Seed    uint64    `json:"seed"`
	// Total is the number of addresses in the whole order, From the place where this run began, more than 0 when it was
	// resumed, and Cursor the first place that is not done: all addresses before it are.
	Total  uint64 `json:"total"`
	From   uint64 `json:"from"`
	Cursor uint64 `json:"cursor"`
	// Interrupted says that the run ended before the order did.
	Interrupted bool `json:"interrupted"`
	// Hosts counts the addresses that this run has dealt with by what became of them.
	Hosts map[HostState]uint64 `json:"hosts"`
	// Verdicts counts the assessed hosts.
	Verdicts map[checks.Verdict]uint64 `json:"verdicts"`
	// Ports counts the attempts of discovery by port and the outcome's name.
	Ports map[uint16]map[string]uint64 `json:"ports"`
	// Attempts is how many connections discovery tried, and Retried how many of them again for local reasons.
	Attempts uint64 `json:"attempts"`
	Retried  uint64 `json:"retried"`
	// Services is how many open ports were conversed with, AcceptAll how many hosts accept every port, Deeper how many
	// hosts had a second look, and Panics how many probes, look-ups or rules panicked and were caught.
	Services  uint64 `json:"services"`
	AcceptAll uint64 `json:"accept_all"`
	Deeper    uint64 `json:"deeper"`
	Panics    uint64 `json:"panics"`
}

// tally counts while the run goes on.
type tally struct {
	mu    sync.Mutex
	sum   Summary
	ports [][]uint64 // by place of the port, then outcome
}

func newTally(sum Summary, ports int) *tally {
	t := &tally{sum: sum, ports: make([][]uint64, ports)}
	t.sum.Hosts, t.sum.Verdicts = make(map[HostState]uint64), make(map[checks.Verdict]uint64)
	for i := range t.ports {
		t.ports[i] = make([]uint64, len(dial.Outcomes()))
	}
	return t
}

// count changes the counters.
func (t *tally) count(change func(*Summary)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change(&t.sum)
}

// outcomes adds what discovery found on one host.
func (t *tally) outcomes(list []dial.Outcome) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, o := range list {
		t.ports[i][o]++
	}
}

// summary is a copy of the counters so far.
func (t *tally) summary(ports []uint16) Summary {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.sum
	s.Hosts, s.Verdicts = maps.Clone(s.Hosts), maps.Clone(s.Verdicts)
	s.Ports = make(map[uint16]map[string]uint64, len(ports))
	for i, port := range ports {
		byName := make(map[string]uint64)
		for o, n := range t.ports[i] {
			if n > 0 {
				byName[dial.Outcome(o).String()] = n //nolint:gosec // few
			}
		}
		s.Ports[port] = byName
	}
	return s
}
