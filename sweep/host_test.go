package sweep

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/checks/probe"
	"github.com/netschouw/netschouw/checks/probe/dial"
	"github.com/netschouw/netschouw/netinfo"
)

func TestAPanickingProbeLosesOneService(t *testing.T) {
	bad, good := newFleet(t, linger), newFleet(t, linger)
	cfg := onLoopback(t, 3, nil, bad.port, good.port)
	cfg.Prober = &prober{ask: func(_ context.Context, a netip.AddrPort) probe.Service {
		if a.Port() == bad.port {
			panic("index out of range")
		}
		return page(a.Port(), "")
	}}
	var log bytes.Buffer
	cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
	var b book
	s := run(t, cfg, &b)
	require.Equal(t, uint64(3), s.Panics)
	require.Contains(t, log.String(), "index out of range")
	for i := range uint64(3) {
		status := map[uint16]probe.Status{}
		for _, svc := range b.only(t, block(3).At(i)).Services {
			status[svc.Port] = svc.Status
		}
		require.Equal(t, map[uint16]probe.Status{bad.port: probe.StatusCrashed, good.port: probe.StatusOK}, status)
	}
}

func TestAHostWhoseRulesPanicIsNotClear(t *testing.T) {
	f := newFleet(t, linger)
	cfg := onLoopback(t, 4, nil, f.port)
	bad := block(4).At(2)
	cfg.Judge = judge(func(h *checks.Host) checks.Assessment {
		if h.Address == bad {
			panic("rule")
		}
		return innocent(h)
	})
	var b book
	s := run(t, cfg, &b)
	require.NotContains(t, b.findings, bad)
	require.Equal(t, map[HostState]uint64{Assessed: 3, Failed: 1}, s.Hosts)
	require.Equal(t, uint64(1), s.Panics)
	require.Equal(t, uint64(4), s.Cursor)
}

func TestAPanickingLookUpIsNotLookedAt(t *testing.T) {
	f := newFleet(t, linger)
	cfg := onLoopback(t, 2, nil, f.port)
	bad := block(2).At(1)
	asn := uint32(64500)
	owner := &netinfo.Owner{Customer: "C1042"}
	cfg.Know = know(func(_ context.Context, a netip.Addr) (netinfo.Network, *netinfo.Owner) {
		if a == bad {
			panic("database")
		}
		return netinfo.Network{ASN: &asn}, owner
	})
	var b book
	s := run(t, cfg, &b)
	require.Nil(t, b.only(t, bad).Network.ASN)
	good := b.only(t, block(2).At(0))
	require.Equal(t, &asn, good.Network.ASN)
	require.Equal(t, owner, good.Owner)
	require.Equal(t, uint64(1), s.Panics)
}

// TestASlowReverseZoneIsNotWaitedFor has look-ups that only end when they are made to, as those of a hostile zone.
func TestASlowReverseZoneIsNotWaitedFor(t *testing.T) {
	f := newFleet(t, hangUp)
	cfg := onLoopback(t, 4, nil, f.port)
	cfg.HostTimeout = 50 * time.Millisecond
	cfg.Know = know(func(ctx context.Context, _ netip.Addr) (n netinfo.Network, _ *netinfo.Owner) {
		<-ctx.Done()
		return n, nil
	})
	var b book
	s := run(t, cfg, &b)
	require.Equal(t, uint64(4), s.Hosts[Assessed], "the rest of what is known of the host stands")
}

func TestSlowHostsDoNotBlockOthers(t *testing.T) {
	f := newFleet(t, linger)
	cfg := onLoopback(t, 400, nil, f.port)
	slow := func(a netip.Addr) bool { return a.As4()[3] < 8 && a.As4()[2] == 0 }
	cfg.Conversations, cfg.HostTimeout = 32, 500*time.Millisecond
	release := make(chan struct{})
	cfg.Prober = &prober{ask: func(ctx context.Context, a netip.AddrPort) probe.Service {
		if slow(a.Addr()) {
			<-ctx.Done()
			return probe.Service{Port: a.Port(), Status: probe.StatusTimedOut}
		}
		return page(a.Port(), "")
	}}
	var b book
	var quick time.Duration
	start := time.Now()
	b.each = func(n int) {
		if n == 392 {
			quick = time.Since(start)
		}
	}
	run(t, cfg, &b)
	close(release)
	require.Less(t, quick, cfg.HostTimeout, "392 quick hosts waited for 8 slow ones")
	require.Len(t, b.findings, 400)
	for a := range b.findings {
		if slow(a) {
			require.Equal(t, probe.StatusTimedOut, b.only(t, a).Services[0].Status)
		}
	}
}

func TestConversationsAreBounded(t *testing.T) {
	var ports []uint16
	for range 9 {
		ports = append(ports, newFleet(t, linger).port)
	}
	cfg := onLoopback(t, 40, nil, ports...)
	cfg.Conversations, cfg.Dialer = 10, nobody{}
	perHost := map[netip.Addr]int{}
	var mu sync.Mutex
	most := 0
	add := func(a netip.Addr, n int) {
		mu.Lock()
		defer mu.Unlock()
		perHost[a] += n
		most = max(most, perHost[a])
	}
	p := &prober{ask: func(_ context.Context, a netip.AddrPort) probe.Service {
		add(a.Addr(), 1)
		defer add(a.Addr(), -1)
		time.Sleep(time.Millisecond)
		return page(a.Port(), "")
	}}
	cfg.Prober = p
	var b book
	run(t, cfg, &b)
	require.Equal(t, 4, most)
	require.LessOrEqual(t, p.top.Load(), int64(10))
	for a := range b.findings {
		services := b.only(t, a).Services
		require.Len(t, services, 9)
		require.True(t, slices.IsSortedFunc(services, func(x, y probe.Service) int { return int(x.Port) - int(y.Port) }))
	}
}

// nobody is a dialer that everybody refuses.
type nobody struct{}

func (nobody) Dial(_ context.Context, a netip.AddrPort) (*dial.Conn, error) {
	return nil, &dial.Error{Addr: a, Outcome: dial.Refused}
}

// anybody is a dialer that is let in on every port: all lead to one.
type anybody struct {
	dial.Dialer
	port  uint16
	mu    sync.Mutex
	asked []netip.AddrPort
}

func (d *anybody) Dial(ctx context.Context, a netip.AddrPort) (*dial.Conn, error) {
	d.mu.Lock()
	d.asked = append(d.asked, a)
	d.mu.Unlock()
	return d.Dialer.Dial(ctx, netip.AddrPortFrom(a.Addr(), d.port))
}

func TestAHostThatAcceptsEverythingKeepsOnlyRealServices(t *testing.T) {
	var ports []uint16
	for range 10 {
		ports = append(ports, newFleet(t, linger).port)
	}
	real := ports[3]
	speak := &prober{ask: func(_ context.Context, a netip.AddrPort) probe.Service {
		if a.Port() == real {
			return page(a.Port(), "")
		}
		return probe.Service{Port: a.Port(), Protocol: "unknown", Status: probe.StatusSilent}
	}}
	closed := closedPort(t)
	for _, tc := range []struct {
		name  string
		ports []uint16
		open  bool // are the strays?
		want  bool
		asked int
	}{
		{"all ports and strays", ports, true, true, 3},
		{"all ports, strays refused", ports, false, false, 1},
		{"nearly all and strays", append(slices.Clone(ports[:9]), closed), true, true, 3},
		{"half of them", append(slices.Clone(ports[:8]), closed, 1, 2, 3), true, false, 0},
		{"seven of seven", ports[:7], true, false, 0},
	} {
		cfg := onLoopback(t, 1, nil, tc.ports...)
		cfg.Prober = speak
		through := &anybody{Dialer: *cfg.Dialer.(*dial.Dialer), port: ports[0]}
		if !tc.open {
			through.port = closed
		}
		cfg.Dialer = through
		var b book
		s := run(t, cfg, &b)
		got := b.only(t, block(1).At(0))
		require.Equal(t, tc.want, got.AcceptsAll, tc.name)
		require.Len(t, through.asked, tc.asked, tc.name)
		for _, a := range through.asked {
			require.NotContains(t, tc.ports, a.Port())
			require.GreaterOrEqual(t, a.Port(), uint16(49152))
		}
		if tc.want {
			require.Len(t, got.Services, 1, tc.name)
			require.Equal(t, real, got.Services[0].Port)
			require.Equal(t, uint64(1), s.AcceptAll)
		} else {
			require.Greater(t, len(got.Services), 1, tc.name)
		}
	}
}

func TestCuriousHostsHaveASecondLook(t *testing.T) {
	f, other := newFleet(t, linger), newFleet(t, linger)
	first := &prober{ask: func(_ context.Context, a netip.AddrPort) probe.Service {
		if a.Port() == other.port {
			return probe.Service{Port: a.Port(), Protocol: "redis", Status: probe.StatusOK, Connections: 1}
		}
		return page(a.Port(), "shallow")
	}}
	failing, groups, plain := block(0).At(0), block(0).At(1), block(0).At(2)
	deeper := &prober{ask: func(_ context.Context, a netip.AddrPort) probe.Service {
		if a.Addr() == failing {
			return probe.Service{Port: a.Port(), Protocol: "unknown", Status: probe.StatusGone, Connections: 1}
		}
		return page(a.Port(), "deep")
	}}
	cfg := onLoopback(t, 4, nil, f.port, other.port)
	cfg.Prober, cfg.Deeper = first, deeper
	var mu sync.Mutex
	assessed := map[netip.Addr]int{}
	cfg.Judge = judge(func(h *checks.Host) checks.Assessment {
		mu.Lock()
		defer mu.Unlock()
		assessed[h.Address]++
		deep := slices.ContainsFunc(h.Services, func(s probe.Service) bool { return strings.Contains(s.Banner, "deep") })
		switch {
		case deep:
			return checks.Assessment{Verdict: checks.Match}
		case h.Address == groups:
			return checks.Assessment{Verdict: checks.Clear, Groups: []string{"mail", "panel"}}
		case h.Address == plain:
			return checks.Assessment{Verdict: checks.Clear, Groups: []string{"mail"}}
		}
		return checks.Assessment{Verdict: checks.Suspect}
	})
	var b book
	s := run(t, cfg, &b)
	require.Equal(t, checks.Suspect, b.only(t, failing).Verdict, "a failed second look takes nothing away")
	require.Equal(t, checks.Match, b.only(t, groups).Verdict)
	require.Equal(t, checks.Clear, b.only(t, plain).Verdict)
	require.Equal(t, checks.Match, b.only(t, block(0).At(3)).Verdict)
	require.Equal(t, uint64(3), s.Deeper)
	require.Equal(t, int64(3), deeper.dialled.Load(), "only pages are asked again")
	require.Equal(t, map[netip.Addr]int{failing: 1, groups: 2, plain: 1, block(0).At(3): 2}, assessed)
	for _, svc := range b.only(t, groups).Services {
		if svc.Port == f.port {
			require.Equal(t, 2, svc.Connections)
		}
	}
	require.Equal(t, map[checks.Verdict]uint64{checks.Match: 2, checks.Suspect: 1, checks.Clear: 1}, s.Verdicts)
}

func TestAHostsTimeIsBounded(t *testing.T) {
	var ports []uint16
	for range 8 {
		ports = append(ports, newFleet(t, linger).port)
	}
	cfg := onLoopback(t, 1, nil, ports...)
	cfg.HostTimeout, cfg.Dialer = 100*time.Millisecond, nobody{}
	cfg.Prober = &prober{ask: func(ctx context.Context, a netip.AddrPort) probe.Service {
		<-ctx.Done()
		return probe.Service{Port: a.Port(), Status: probe.StatusTimedOut}
	}}
	var b book
	start := time.Now()
	run(t, cfg, &b)
	require.Less(t, time.Since(start), 5*time.Second)
	count := map[probe.Status]int{}
	for _, s := range b.only(t, block(1).At(0)).Services {
		count[s.Status]++
	}
	require.Equal(t, map[probe.Status]int{probe.StatusTimedOut: 4, probe.StatusBudget: 4}, count)
}
