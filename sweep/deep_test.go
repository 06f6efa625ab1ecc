package sweep

import (
	"context"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/checks/probe"
	"github.com/netschouw/netschouw/checks/probe/dial"
)

// escalating is a tour of ten hosts whose third answers on a further port too: its all-ports look finds it.
func escalating(t *testing.T) (cfg Config, usual, hidden *fleet, suspect netip.Addr) {
	usual, hidden = newFleet(t, linger), newFleet(t, linger)
	suspect = block(0).At(3)
	cfg = onLoopback(t, 10, nil, usual.port)
	cfg.Dialer = nobody{}
	engine, err := cfg.dialerOf(t).NewEngine(dial.EngineOptions{Ports: []uint16{hidden.port, closedPort(t)}, Outstanding: 64})
	require.NoError(t, err)
	cfg.AllPorts = engine
	cfg.Judge = judge(func(h *checks.Host) checks.Assessment {
		if h.Address != suspect {
			return checks.Assessment{Verdict: checks.Clear}
		}
		for _, s := range h.Services {
			if s.Port == hidden.port && s.Details != nil {
				return checks.Assessment{Verdict: checks.Match}
			}
		}
		return checks.Assessment{Verdict: checks.Suspect}
	})
	return cfg, usual, hidden, suspect
}

// dialerOf is a dialer at the pace of a configuration.
func (c *Config) dialerOf(t testing.TB) *dial.Dialer {
	t.Helper()
	return dial.New(gate{}, c.Pacer, dial.Options{ConnectTimeout: 2 * time.Second})
}

func TestASuspectsPortsAreAllTried(t *testing.T) {
	cfg, usual, hidden, suspect := escalating(t)
	var b book
	s := run(t, cfg, &b)
	got := b.only(t, suspect)
	require.Equal(t, checks.Match, got.Verdict, "judged again")
	require.Len(t, got.Services, 2)
	require.Equal(t, map[string]int{"open": 2, "refused": 1}, got.Ports)
	require.Equal(t, uint64(1), s.AllPorts)
	for i := range uint64(10) {
		a := block(10).At(i)
		require.Equal(t, 1, usual.contacted(a))
		require.Equal(t, map[bool]int{true: 1}[a == suspect], hidden.contacted(a), "nobody else is asked")
	}
	require.Empty(t, cfg.Pacer.spent)
	require.Empty(t, cfg.Pacer.granted)
}

func TestASuspectThatAcceptsEverythingIsNotEscalated(t *testing.T) {
	cfg, usual, hidden, suspect := escalating(t)
	cfg.Dialer = &anybody{Dialer: *cfg.dialerOf(t), port: usual.port}
	cfg.Prober = &prober{ask: func(_ context.Context, a netip.AddrPort) probe.Service {
		return probe.Service{Port: a.Port(), Protocol: "unknown", Status: probe.StatusSilent}
	}}
	var b book
	s := run(t, cfg, &b)
	got := b.only(t, suspect)
	require.True(t, got.AcceptsAll)
	require.Empty(t, got.Services, "an open port proves nothing")
	require.Zero(t, hidden.contacted(suspect))
	require.Zero(t, s.AllPorts)
	require.Equal(t, uint64(1), s.AcceptAll)
}

// TestTooManyOpenPortsAreNotShown has a host that refuses the strays and then opens everything.
func TestTooManyOpenPortsAreNotShown(t *testing.T) {
	cfg, _, _, suspect := escalating(t)
	ports := make([]uint16, 2*tooOpen)
	open := make([]dial.Outcome, len(ports))
	for i := range ports {
		ports[i], open[i] = uint16(20000+i), dial.Open
	}
	cfg.AllPorts = oracle{ports: ports, answers: map[netip.Addr][]dial.Outcome{suspect: open}}
	var b book
	run(t, cfg, &b)
	require.True(t, b.only(t, suspect).AcceptsAll)
	require.Len(t, b.only(t, suspect).Services, 1, "the one that spoke at first")
}

func TestTheTimeForASuspectIsBounded(t *testing.T) {
	cfg, _, hidden, suspect := escalating(t)
	ports := []uint16{hidden.port}
	for range 40 {
		ports = append(ports, closedPort(t))
	}
	engine, err := cfg.dialerOf(t).NewEngine(dial.EngineOptions{Ports: ports, Outstanding: 64})
	require.NoError(t, err)
	cfg.AllPorts, cfg.SuspectRate, cfg.SuspectTimeout = engine, 20, 500*time.Millisecond
	var b book
	start := time.Now()
	run(t, cfg, &b)
	require.Less(t, time.Since(start), 10*time.Second)
	got := b.only(t, suspect)
	require.Equal(t, checks.Match, got.Verdict)
	require.InDelta(t, 30, got.Ports["over-budget"], 12, "what was not tried is told")
}

// TestSuspectsHoldUpNobody has more suspects than conversations, whose ports take long: the others are done meanwhile.
func TestSuspectsHoldUpNobody(t *testing.T) {
	f := newFleet(t, linger)
	cfg := onLoopback(t, 200, nil, f.port)
	cfg.Conversations, cfg.PerHost, cfg.Dialer = 4, 1, nobody{}
	isSuspect := func(a netip.Addr) bool { return a.As4()[3]%10 == 0 }
	cfg.Judge = judge(func(h *checks.Host) checks.Assessment {
		if isSuspect(h.Address) {
			return checks.Assessment{Verdict: checks.Suspect}
		}
		return innocent(h)
	})
	var clear atomic.Int64
	release := make(chan struct{})
	cfg.AllPorts = &patient{release: release}
	var once sync.Once
	s := run(t, cfg, sinkFunc(func(f checks.Finding) error {
		if f.Verdict == checks.Clear && clear.Add(1) == 180 {
			once.Do(func() { close(release) })
		}
		return nil
	}))
	require.Equal(t, map[checks.Verdict]uint64{checks.Suspect: 20, checks.Clear: 180}, s.Verdicts)
}

// patient is a Discoverer that answers when it is released.
type patient struct{ release chan struct{} }

func (p *patient) Ports() []uint16 { return []uint16{1} }
func (p *patient) Load() dial.Load { return dial.Load{} }
func (p *patient) Discover(ctx context.Context, feed dial.Feed, found func(dial.Answer)) error {
	select {
	case <-p.release:
	case <-ctx.Done():
	}
	return oracle{ports: []uint16{1}, answers: map[netip.Addr][]dial.Outcome{}}.Discover(ctx, feed, found)
}

// TestTheFirstFindingComesWhileDiscoveryGoesOn asserts the order of events: a host reaches the sink before discovery has
// been given half of the addresses.
func TestTheFirstFindingComesWhileDiscoveryGoesOn(t *testing.T) {
	const n = 4000
	f := newFleet(t, linger)
	cfg := onLoopback(t, n, nil, f.port)
	var given atomic.Int64
	cfg.Targets = counting{block(n), &given}
	first := int64(-1)
	run(t, cfg, sinkFunc(func(checks.Finding) error {
		if first < 0 {
			first = given.Load()
		}
		return nil
	}))
	require.Equal(t, int64(n), given.Load())
	require.Less(t, first, int64(n/2))
}

type counting struct {
	block
	given *atomic.Int64
}

func (c counting) At(i uint64) netip.Addr {
	c.given.Add(1)
	return c.block.At(i)
}
