package checks

import (
	"cmp"
	"errors"
	"math/bits"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/expr-lang/expr/vm"

	"github.com/netschouw/netschouw/checks/probe"
)

// evaluator runs the rules on one host at a time. It is reused, so that a host on which nothing fires costs next to no
// allocation.
type evaluator struct {
	rs  *Ruleset
	vm  vm.VM
	env map[string]any

	h        *Host
	host     hostView
	service  serviceView
	name     nameView
	prepared bool // host has been filled; done before the first condition runs

	services []*probe.Service // that count: a protocol answered; by port
	mask     int              // of the protocols of services
	count    []int            // services by protocol number
	looked   looked
	words    []wordHit
	lo, hi   int // the words in reach of the condition that runs

	pack  *pack // whose rule runs
	hits  []hit
	names []probe.Name
}

// wordHit is a word seen on a service.
type wordHit struct {
	word, place int // number, and bit of wordPlaces
	service     int // index in evaluator.services
	port        uint16
	excerpt     string
}

// hit is a rule that fired, with what it saw.
type hit struct {
	rule     *rule
	evidence []Evidence
}

func newEvaluator(rs *Ruleset) *evaluator {
	ev := &evaluator{rs: rs, count: make([]int, len(probe.Protocols()))}
	ev.vm.MemoryBudget = maxMemory
	ev.env = environment(ev, eachHost, nil)
	ev.env["service"], ev.env["name"] = &ev.service, &ev.name
	return ev
}

// faults counts conditions that failed while they ran: a fault of a pack, never evidence.
type faults struct {
	count atomic.Uint64
	once  sync.Once
	first error
}

// Faults tells how many conditions or evidence values could not be evaluated since the rule set was loaded, and how
// the first one failed. Such a rule does not fire on that host.
func (rs *Ruleset) Faults() (count uint64, first error) {
	if n := rs.faults.count.Load(); n > 0 {
		rs.faults.once.Do(func() {}) // waits for the first fault to be written
		return n, rs.faults.first
	}
	return 0, nil
}

func (f *faults) note(r *rule, err error) {
	f.once.Do(func() { f.first = &RuleFault{Rule: r.id, Err: err} })
	f.count.Add(1)
}

// RuleFault is a condition that could not be evaluated.
type RuleFault struct {
	Rule string // "pack/id"
	Err  error
}

// Error names the rule and what failed.
func (e *RuleFault) Error() string { return "rule " + e.Rule + ": " + firstLine(e.Err.Error()) }

// Unwrap returns the cause.
func (e *RuleFault) Unwrap() error { return e.Err }

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// run fills hits for a host.
func (ev *evaluator) run(h *Host) {
	ev.begin(h)
	ev.reach(0, len(ev.words))
	for _, r := range ev.rs.hosts {
		if ev.awake(r) {
			ev.try(r, 0)
		}
	}
	ev.runServices()
	ev.runNames()
}

// end drops every reference to the host, so that a pooled evaluator keeps nothing of it alive.
func (ev *evaluator) end() {
	clear(ev.services)
	clear(ev.words)
	clear(ev.hits)
	clear(ev.names)
	ev.h, ev.host, ev.service, ev.name = nil, hostView{}, serviceView{}, nameView{}
	clear(ev.vm.Stack[:cap(ev.vm.Stack)])
}

func (ev *evaluator) runServices() {
	at := 0
	for i, s := range ev.services {
		protocol := s.Details.Protocol()
		n, known := protocolNumber(protocol)
		lo := at
		for at < len(ev.words) && ev.words[at].service == i {
			at++
		}
		if !known || len(ev.rs.services[n]) == 0 {
			continue
		}
		name := identifier(protocol)
		bound := false
		ev.reach(lo, at)
		for _, r := range ev.rs.services[n] {
			if !ev.awake(r) {
				continue
			}
			if !bound {
				bound = true
				ev.env[name], ev.env["tls"] = s.Details, s.TLS
				ev.service = serviceView{Port: int(s.Port), Protocol: protocol, Status: string(s.Status), Banner: s.Banner}
			}
			ev.try(r, s.Port)
		}
		if bound {
			ev.env[name], ev.env["tls"] = nil, nil
		}
	}
}

func (ev *evaluator) runNames() {
	if len(ev.rs.names) == 0 {
		return
	}
	ev.gatherNames()
	ev.reach(0, len(ev.words))
	for _, n := range ev.names {
		for _, r := range ev.rs.names {
			if !slices.Contains(r.in, n.In) || r.guard.listed && !r.pack.listing.domain(n.Value) {
				continue
			}
			if !ev.awake(r) {
				continue
			}
			ev.name = nameView{Value: n.Value, In: n.In, Port: int(n.Port)}
			ev.try(r, n.Port)
		}
	}
}

// reach sets the words that word() looks at.
func (ev *evaluator) reach(lo, hi int) { ev.lo, ev.hi = lo, hi }

// awake asks the rule's bounds and guard.
func (ev *evaluator) awake(r *rule) bool {
	at := ev.h.ObservedAt
	if !r.from.IsZero() && (at.IsZero() || at.Before(r.from)) || !r.until.IsZero() && (at.IsZero() || !at.Before(r.until)) {
		return false
	}
	if r.guard.needs&^ev.looked != 0 || r.guard.word && ev.lo == ev.hi {
		return false
	}
	for _, mask := range r.guard.protocols {
		if mask&ev.mask == 0 {
			return false
		}
	}
	return true
}

// try runs a condition, and its evidence when it fires.
func (ev *evaluator) try(r *rule, port uint16) {
	if !ev.prepared {
		ev.prepare()
	}
	ev.pack = r.pack
	out, err := ev.vm.Run(r.when, ev.env)
	if err != nil {
		if !errors.Is(err, errNotLookedAt) {
			ev.rs.faults.note(r, err)
		}
		return
	}
	if fired, ok := out.(bool); !ok || !fired {
		return
	}
	for i := range ev.hits {
		if ev.hits[i].rule != r {
			continue
		}
		if len(ev.hits[i].evidence) < maxEvidence {
			ev.hits[i].evidence = append(ev.hits[i].evidence, ev.evidence(r, port)...)
		}
		return
	}
	ev.hits = append(ev.hits, hit{r, ev.evidence(r, port)})
}

// The functions of conditions.

func (ev *evaluator) listed(name string) bool { return ev.pack.listing.domain(name) }

func (ev *evaluator) listedHash(hex string) bool { return ev.pack.listing.hash(hex) }

func (ev *evaluator) listedAddress() bool { return ev.pack.listing.address(ev.h.Address) }

func (ev *evaluator) hasMask(mask int) bool { return mask&ev.mask != 0 }

func (ev *evaluator) countMask(mask int) int {
	sum := 0
	for m := mask & ev.mask; m != 0; m &= m - 1 {
		sum += ev.count[bits.TrailingZeros(uint(m))]
	}
	return sum
}

func (ev *evaluator) seenMask(mask int) (list []spot) {
	for _, s := range ev.services {
		if n, ok := protocolNumber(s.Details.Protocol()); ok && mask&(1<<n) != 0 {
			list = append(list, spot{s.Port, s.Details.Summary()})
		}
	}
	return list
}

func (ev *evaluator) wordIn(word, places int) bool {
	for _, w := range ev.words[ev.lo:ev.hi] {
		if w.word == word && places&(1<<w.place) != 0 {
			return true
		}
	}
	return false
}

// wordCount tells how many different words of a set were seen.
func (ev *evaluator) wordCount(set, places int) int {
	sum := 0
	for _, word := range ev.rs.words.sets[set] {
		if ev.wordIn(word, places) {
			sum++
		}
	}
	return sum
}

func (ev *evaluator) excerpts(set, places int) (list []spot) {
	for _, w := range ev.words[ev.lo:ev.hi] {
		if places&(1<<w.place) != 0 && slices.Contains(ev.rs.words.sets[set], w.word) {
			list = append(list, spot{w.port, wordPlaces[w.place] + ": " + cmp.Or(w.excerpt, ev.rs.words.list[w.word])})
		}
	}
	return list
}
