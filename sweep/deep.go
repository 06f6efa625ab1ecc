package sweep

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/checks/probe/dial"
)

// tooOpen is how many open ports beyond the usual ones make a host one that accepts everything: no server has so many, and
// nobody would read them.
const tooOpen = 256

// suspects is the feed of the hosts whose ports are all tried, and brings each its answer.
type suspects struct {
	most int // at once

	mu     sync.Mutex
	queue  []dial.Target
	asked  map[uint64]chan dial.Answer
	under  int
	next   uint64
	closed bool
}

func newSuspects(most int) *suspects {
	return &suspects{most: most, asked: make(map[uint64]chan dial.Answer)}
}

// Target implements dial.Feed.
func (s *suspects) Target() (dial.Target, dial.Turn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(s.queue) > 0 && s.under < s.most:
		t := s.queue[0]
		s.queue = s.queue[1:]
		s.under++
		return t, dial.Next
	case s.closed:
		return dial.Target{}, dial.End
	}
	return dial.Target{}, dial.Hold
}

// ask queues a host; its answer comes on the channel.
func (s *suspects) ask(addr netip.Addr) <-chan dial.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer := make(chan dial.Answer, 1)
	s.asked[s.next] = answer
	s.queue = append(s.queue, dial.Target{Addr: addr, Index: s.next})
	s.next++
	return answer
}

func (s *suspects) found(a dial.Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[a.Index] <- a // there is room for the one answer
	delete(s.asked, a.Index)
	s.under--
}

// close says that nobody will ask any more.
func (s *suspects) close() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

// tryAllPorts runs the discovery of suspects until they are closed.
func (t *Tour) tryAllPorts(ctx context.Context) {
	if err := t.cfg.AllPorts.Discover(ctx, t.suspects, t.suspects.found); err != nil && ctx.Err() == nil {
		t.fail(fmt.Errorf("discovery of all ports of suspects: %w", err))
	}
}

// wantsAllPorts tells whether all ports of a host are to be tried. One that accepts everything never is: it would show
// nothing but that.
func (t *Tour) wantsAllPorts(f *checks.Finding) bool {
	if t.suspects == nil || f.AcceptsAll {
		return false
	}
	return t.cfg.Everyone || f.Verdict == checks.Suspect || f.Verdict == checks.Match
}

// allPorts tries the rest of a host's ports, converses with those that are open, and has it judged again. What was known
// stays when this comes to nothing.
func (t *Tour) allPorts(ctx context.Context, a dial.Answer, f *checks.Finding, state HostState) (after HostState) {
	after = state
	defer t.recovered(a, &after)
	addr := a.Addr.Unmap()
	if t.cfg.Pacer != nil {
		t.cfg.Pacer.Grant(addr, t.cfg.PerSuspect, t.cfg.SuspectRate, 0)
	}
	timed, cancel := context.WithTimeout(ctx, t.cfg.HostTimeout)
	everything := t.strays(timed, a)
	cancel()
	if everything {
		f.AcceptsAll, f.Services = true, spoken(f.Services)
		f.Assessment = t.cfg.Judge.Assess(&f.Host)
		return after
	}
	if t.cfg.Pacer != nil {
		t.cfg.Pacer.Grant(addr, t.cfg.PerSuspect, t.cfg.SuspectRate, t.cfg.SuspectTimeout)
	}
	var rest dial.Answer
	select {
	case rest = <-t.suspects.ask(a.Addr):
	case <-ctx.Done():
		return after
	}
	t.tally.count(func(s *Summary) { s.AllPorts++ })
	if t.cfg.Pacer != nil { // the time for trying ports is over, that for talking begins
		t.cfg.Pacer.Grant(addr, t.cfg.PerSuspect, t.cfg.SuspectRate, 0)
	}
	if stateOf(rest.Outcomes) == Assessed {
		after = Assessed
	}
	t.behind(ctx, rest, f)
	return after
}

// behind looks at what is behind the further open ports of a host.
func (t *Tour) behind(ctx context.Context, rest dial.Answer, f *checks.Finding) {
	t.waiting.Add(int64(len(rest.Open)))
	doors := t.doorsOf(rest, t.cfg.AllPorts.Ports())
	defer func() {
		for _, d := range doors {
			d.close()
		}
	}()
	for name, n := range countOutcomes(rest.Outcomes) {
		if f.Host.Ports == nil {
			f.Host.Ports = make(map[string]int)
		}
		f.Host.Ports[name] += n
	}
	if len(doors) > tooOpen {
		f.AcceptsAll, f.Services = true, spoken(f.Services)
	} else if n := int64(min(t.cfg.PerHost, len(doors))); n > 0 {
		if t.slots.Acquire(ctx, n) != nil {
			return
		}
		defer t.slots.Release(n)
		timed, cancel := context.WithTimeout(ctx, t.cfg.HostTimeout)
		defer cancel()
		prober := t.cfg.Deeper
		if prober == nil {
			prober = t.cfg.Prober
		}
		f.Services = append(f.Services, t.converse(timed, prober, doors)...)
		sortServices(f.Services)
	}
	f.ObservedAt = time.Now().UTC()
	f.Assessment = t.cfg.Judge.Assess(&f.Host)
}
