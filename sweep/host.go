package sweep

import (
	"context"
	"fmt"
	"net/netip"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/checks/probe"
	"github.com/netschouw/netschouw/checks/probe/dial"
	"github.com/netschouw/netschouw/netinfo"
)

// visit brings one host that answered from its open ports to the sink. A host that ctx cuts short stays in hand. It tells
// whether another worker has taken this one's place.
func (t *Tour) visit(ctx context.Context, a dial.Answer) (replaced bool) {
	doors := t.doors(a)
	defer func() {
		for _, d := range doors {
			d.close()
		}
	}()
	f, state := t.first(ctx, a, doors)
	if ctx.Err() == nil && state != Failed && t.wantsAllPorts(&f) {
		// This will last, and others shall not wait for it.
		t.workers.Go(func() { t.work(ctx) })
		replaced = true
		state = t.allPorts(ctx, a, &f, state)
	}
	if ctx.Err() != nil {
		return replaced
	}
	if state == Assessed {
		t.hand(a, f)
	} else {
		t.done(a, state, nil)
	}
	return replaced
}

// first is the first look at a host, its pages included when they are worth it.
func (t *Tour) first(ctx context.Context, a dial.Answer, doors []*door) (checks.Finding, HostState) {
	if n := int64(min(t.cfg.PerHost, len(doors))); n > 0 {
		if t.slots.Acquire(ctx, n) != nil {
			return checks.Finding{}, Interrupted
		}
		defer t.slots.Release(n)
	}
	return t.inspect(ctx, a, doors)
}

// hand gives a finding to the sink, and counts its host as done: for whoever holds sinkMu, both have happened or neither.
func (t *Tour) hand(a dial.Answer, f checks.Finding) {
	t.sinkMu.Lock()
	defer t.sinkMu.Unlock()
	if err := t.sink.Host(f); err != nil {
		t.fail(fmt.Errorf("result of %s: %w", a.Addr, err))
		return
	}
	t.done(a, Assessed, func(s *Summary) { countFinding(s, &f) })
}

// inspect converses with a host, looks it up, and has it judged. A rule that panics loses this host's assessment: the
// host is then neither clear nor anything else.
func (t *Tour) inspect(ctx context.Context, a dial.Answer, doors []*door) (f checks.Finding, state HostState) {
	defer t.recovered(a, &state)
	h := &checks.Host{Address: a.Addr, ObservedAt: time.Now().UTC(), Ports: countOutcomes(a.Outcomes)}
	timed, cancel := context.WithTimeout(ctx, t.cfg.HostTimeout)
	defer cancel()
	known := t.look(timed, a.Addr) // bounded too: who has the address may have its reverse zone, and answer as slowly as it likes
	h.AcceptsAll = t.acceptsAll(timed, a)
	h.Services = t.converse(timed, t.cfg.Prober, doors)
	if h.AcceptsAll {
		h.Services = spoken(h.Services)
	}
	h.Network, h.Owner = known()
	verdict := t.cfg.Judge.Assess(h)
	if t.cfg.Deeper != nil && curious(verdict) && t.deepen(timed, h) {
		verdict = t.cfg.Judge.Assess(h)
	}
	return checks.Finding{Schema: checks.HostSchema, Run: t.cfg.Run, Host: *h, Assessment: verdict}, stateOf(a.Outcomes)
}

// spoken leaves those services that really answered: what accepts every port proves nothing by accepting.
func spoken(services []probe.Service) []probe.Service {
	return slices.DeleteFunc(services, func(s probe.Service) bool { return s.Details == nil && s.TLS == nil })
}

// recovered is deferred where rules are applied to a host.
func (t *Tour) recovered(a dial.Answer, state *HostState) {
	if p := recover(); p != nil {
		t.panicked("assessment", netip.AddrPortFrom(a.Addr, 0), p)
		*state = Failed
	}
}

// curious tells whether a host deserves a second look: it is at least suspect, or two kinds of traits speak.
func curious(a checks.Assessment) bool {
	return a.Verdict == checks.Match || a.Verdict == checks.Suspect || len(a.Groups) >= 2
}

// deepen asks for the host's pages again, with their script bundles. What that shows takes the place of what was known;
// where the second look fails the first one stands. It tells whether anything changed.
func (t *Tour) deepen(ctx context.Context, h *checks.Host) bool {
	var doors []*door
	var places []int
	for i, s := range h.Services {
		if s.Protocol == "http" {
			doors, places = append(doors, &door{addr: netip.AddrPortFrom(h.Address, s.Port)}), append(places, i)
		}
	}
	if len(doors) == 0 {
		return false
	}
	t.tally.count(func(s *Summary) { s.Deeper++ })
	changed := false
	for i, s := range t.converse(ctx, t.cfg.Deeper, doors) {
		first := &h.Services[places[i]]
		s.Connections += first.Connections
		if s.Details != nil {
			*first, changed = s, true
		} else {
			first.Connections = s.Connections
		}
	}
	return changed
}

// look starts the look-ups of an address and returns a function that waits for them. A look-up that panics leaves the
// address not looked at.
func (t *Tour) look(ctx context.Context, addr netip.Addr) (known func() (netinfo.Network, *netinfo.Owner)) {
	var network netinfo.Network
	var owner *netinfo.Owner
	if t.cfg.Know == nil {
		return func() (netinfo.Network, *netinfo.Owner) { return network, owner }
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				t.panicked("look-up", netip.AddrPortFrom(addr, 0), p)
			}
		}()
		network, owner = t.cfg.Know.Look(ctx, addr)
	})
	return func() (netinfo.Network, *netinfo.Owner) {
		wg.Wait()
		return network, owner
	}
}

// panicked counts and logs a panic that was caught.
func (t *Tour) panicked(where string, addr netip.AddrPort, value any) {
	t.tally.count(func(s *Summary) { s.Panics++ })
	t.cfg.Log.Error("caught a panic, please report it", "in", where, "peer", addr, "panic", fmt.Sprint(value), "stack", string(debug.Stack()))
}

// door is an open port, and the connection that discovery opened on it, if it did.
type door struct {
	addr    netip.AddrPort
	opened  *dial.Opened
	waiting *atomic.Int64 // counts the connections that are not taken yet
}

func (d *door) close() {
	if o := d.leave(); o != nil {
		o.Close()
	}
}

// leave takes the connection from the door, nil when there is none.
func (d *door) leave() *dial.Opened {
	o := d.opened
	if o != nil {
		d.opened = nil
		d.waiting.Add(-1)
	}
	return o
}

// take begins the conversation on discovery's connection; nil when there is none, or it cannot be used.
func (d *door) take(ctx context.Context) *dial.Conn {
	o := d.leave()
	if o == nil {
		return nil
	}
	conn, err := o.Conn(ctx)
	if err != nil {
		return nil
	}
	return conn
}

// doors lists the open ports of discovery's answer by number.
func (t *Tour) doors(a dial.Answer) []*door { return t.doorsOf(a, t.cfg.Discoverer.Ports()) }

// doorsOf lists the open ports of an answer by number; ports are those of its outcomes.
func (t *Tour) doorsOf(a dial.Answer, ports []uint16) []*door {
	var doors []*door
	for i, o := range a.Outcomes {
		if o == dial.Open {
			doors = append(doors, &door{addr: netip.AddrPortFrom(a.Addr.Unmap(), ports[i])})
		}
	}
	slices.SortFunc(doors, func(x, y *door) int { return int(x.addr.Port()) - int(y.addr.Port()) })
	for _, o := range a.Open {
		i, ok := slices.BinarySearchFunc(doors, o.Peer().Port(), func(d *door, port uint16) int { return int(d.addr.Port()) - int(port) })
		if !ok || doors[i].opened != nil { // a port listed twice
			o.Close()
			t.waiting.Add(-1)
			continue
		}
		doors[i].opened, doors[i].waiting = o, &t.waiting
	}
	return doors
}

// converse identifies what is behind each door, at most PerHost at once, in the order of the doors.
func (t *Tour) converse(ctx context.Context, prober Prober, doors []*door) []probe.Service {
	services := make([]probe.Service, len(doors))
	var next atomic.Int64
	work := func() {
		for i := int(next.Add(1)) - 1; i < len(doors); i = int(next.Add(1)) - 1 {
			services[i] = t.ask(ctx, prober, doors[i])
		}
	}
	var wg sync.WaitGroup
	for range min(t.cfg.PerHost, len(doors)) - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
	return services
}

// ask identifies one service. A probe that panics loses this service and no other.
func (t *Tour) ask(ctx context.Context, prober Prober, d *door) (s probe.Service) {
	defer d.close()
	if ctx.Err() != nil {
		return probe.Service{Port: d.addr.Port(), Transport: "tcp", Protocol: "unknown", Status: probe.StatusBudget,
			Error: "the host's time was used up before this port had its turn"}
	}
	var conn *dial.Conn
	defer func() {
		if p := recover(); p != nil {
			t.panicked("probe", d.addr, p)
			s = probe.Service{Port: d.addr.Port(), Transport: "tcp", Protocol: "unknown", Status: probe.StatusCrashed, Error: fmt.Sprint(p), Connections: 1}
			if conn != nil {
				_ = conn.Close()
			}
		}
	}()
	if conn = d.take(ctx); conn != nil {
		s = prober.Identify(ctx, conn)
	} else {
		s = prober.IdentifyAt(ctx, d.addr)
	}
	if s.Status == probe.StatusCrashed {
		t.tally.count(func(s *Summary) { s.Panics++ })
		t.cfg.Log.Error("a probe crashed, please report it", "peer", d.addr, "error", s.Error)
	}
	return s
}

// countOutcomes is checks.Host.Ports.
func countOutcomes(outcomes []dial.Outcome) map[string]int {
	counts := make(map[string]int)
	for _, o := range outcomes {
		counts[o.String()]++
	}
	return counts
}

func sortServices(list []probe.Service) {
	slices.SortFunc(list, func(a, b probe.Service) int { return int(a.Port) - int(b.Port) })
}
