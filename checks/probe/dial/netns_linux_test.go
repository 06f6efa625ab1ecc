package dial

import (
	"context"
	"net"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// inNetwork runs test in a network of its own: 198.18.0.0/24 is silent, 198.18.1.0/24 has an unreachable route on this
// machine, for 198.18.2.0/24 a router sends ICMP host unreachable, and for 198.18.3.0/24 administratively prohibited.
// 198.18.4.0/24 is prohibited by this machine itself. All of 198.19.0.0/16 is the router's own: what setup listens on
// there answers for each of these addresses. The thread that was moved there ends with the goroutine.
func inNetwork(t testing.TB, test func()) { inNetworks(t, func() {}, test) }

func inNetworks(t testing.TB, atRouter, test func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to make a network namespace")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked
		router, err := netns.New()
		if err != nil {
			t.Skipf("cannot make a network namespace: %v", err)
		}
		defer router.Close()
		setup(t, func() error { return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0) },
			func() error { return os.WriteFile("/proc/sys/net/ipv4/icmp_ratemask", []byte("0"), 0) })
		atRouter()
		ours, err := netns.New()
		require.NoError(t, err)
		defer ours.Close()
		join(t, ours, router)
		test()
	}()
	<-done
}

func setup(t testing.TB, steps ...func() error) {
	t.Helper()
	for i, step := range steps {
		require.NoError(t, step(), "step %d", i)
	}
}

// join links our namespace to the router's and lays the routes.
func join(t testing.TB, ours, router netns.NsHandle) {
	t.Helper()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "inner"
	require.NoError(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "outer", PeerNamespace: netlink.NsFd(router)}))
	there, err := netlink.NewHandleAt(router)
	require.NoError(t, err)
	defer there.Close()
	here, err := netlink.NewHandleAt(ours)
	require.NoError(t, err)
	defer here.Close()
	up := func(h *netlink.Handle, name, addr string) netlink.Link {
		link, err := h.LinkByName(name)
		require.NoError(t, err)
		if addr != "" {
			a, err := netlink.ParseAddr(addr)
			require.NoError(t, err)
			require.NoError(t, h.AddrAdd(link, a))
		}
		require.NoError(t, h.LinkSetUp(link))
		return link
	}
	up(there, "lo", "")
	up(here, "lo", "")
	outer, inner := up(there, "outer", "192.0.2.1/30"), up(here, "inner", "192.0.2.2/30")
	// Until the kernel has noticed the carrier, it drops what a link sends.
	for h, name := range map[*netlink.Handle]string{there: "outer", here: "inner"} {
		require.Eventually(t, func() bool {
			link, err := h.LinkByName(name)
			return err == nil && link.Attrs().OperState == netlink.OperUp
		}, 5*time.Second, time.Millisecond)
	}
	// The neighbours are told to each other, so that no test waits for ARP.
	neighbour := func(h *netlink.Handle, on, of netlink.Link, ip string) {
		require.NoError(t, h.NeighSet(&netlink.Neigh{LinkIndex: on.Attrs().Index, State: netlink.NUD_PERMANENT, IP: net.ParseIP(ip), HardwareAddr: of.Attrs().HardwareAddr}))
	}
	neighbour(there, outer, inner, "192.0.2.2")
	neighbour(here, inner, outer, "192.0.2.1")
	route := func(h *netlink.Handle, dst string, kind int) {
		p, err := netlink.ParseIPNet(dst)
		require.NoError(t, err)
		r := &netlink.Route{Dst: p, Type: kind}
		switch kind {
		case unix.RTN_UNICAST:
			r.LinkIndex, r.Gw = inner.Attrs().Index, net.ParseIP("192.0.2.1")
		case unix.RTN_LOCAL:
			lo, err := h.LinkByName("lo")
			require.NoError(t, err)
			r.LinkIndex, r.Table, r.Scope = lo.Attrs().Index, unix.RT_TABLE_LOCAL, netlink.SCOPE_HOST
		}
		require.NoError(t, h.RouteAdd(r))
	}
	route(here, "198.18.0.0/22", unix.RTN_UNICAST)
	route(here, "198.18.1.0/24", unix.RTN_UNREACHABLE)
	route(here, "198.18.4.0/24", unix.RTN_PROHIBIT)
	route(here, "198.19.0.0/16", unix.RTN_UNICAST)
	route(there, "198.18.0.0/24", unix.RTN_BLACKHOLE)
	route(there, "198.19.0.0/16", unix.RTN_LOCAL)
	route(there, "198.18.2.0/24", unix.RTN_UNREACHABLE)
	route(there, "198.18.3.0/24", unix.RTN_PROHIBIT)
}

// benchNet permits the addresses of inNetwork (RFC 2544).
type benchNet struct{}

func (benchNet) Check(a netip.Addr) error {
	if !netip.MustParsePrefix("198.18.0.0/15").Contains(a) {
		return net.ErrClosed
	}
	return nil
}

func TestWaysNotToAnswerAreToldApart(t *testing.T) {
	inNetwork(t, func() {
		e := newEngine(t, benchNet{}, nil, Options{ConnectTimeout: 100 * time.Millisecond}, EngineOptions{Ports: []uint16{80}})
		got := map[netip.Addr]Answer{}
		require.NoError(t, e.Discover(t.Context(), addrs("198.18.0.1", "198.18.1.1", "198.18.2.1", "198.18.3.1", "198.18.4.1"), collect(t, got)))
		for addr, want := range map[string]Outcome{
			"198.18.0.1": TimedOut, "198.18.1.1": Unreachable, "198.18.2.1": Unreachable, "198.18.3.1": Unreachable,
			"198.18.4.1": LocalError, // EACCES by our own routing table is no word of the host's
		} {
			require.Equal(t, want, got[netip.MustParseAddr(addr)].Outcomes[0], addr)
		}
		require.Equal(t, uint64(maxTries-1), e.Load().Retried)
		require.Equal(t, uint64(1), e.Load().LocalErrors)
	})
}

// Two client ports for four attempts on one peer: the others find no port (EADDRNOTAVAIL) until the first time out.
func TestWithoutClientPortsNothingIsSaidOfTheHost(t *testing.T) {
	inNetwork(t, func() {
		require.NoError(t, os.WriteFile("/proc/sys/net/ipv4/ip_local_port_range", []byte("40000 40001"), 0))
		e := newEngine(t, benchNet{}, nil, Options{ConnectTimeout: 50 * time.Millisecond}, EngineOptions{Ports: []uint16{80, 80, 80, 80}})
		got := map[netip.Addr]Answer{}
		require.NoError(t, e.Discover(t.Context(), addrs("198.18.0.1"), collect(t, got)))
		require.Equal(t, []Outcome{TimedOut, TimedOut, TimedOut, TimedOut}, got[netip.MustParseAddr("198.18.0.1")].Outcomes)
		require.Positive(t, e.Load().Retried)
		require.Equal(t, uint64(4), e.Load().Attempts)
	})
}

func TestSilentAddressesEndByTheTimeout(t *testing.T) {
	inNetwork(t, func() {
		const timeout = 200 * time.Millisecond
		e := newEngine(t, benchNet{}, nil, Options{ConnectTimeout: timeout}, EngineOptions{Ports: []uint16{80, 443}, Outstanding: 100})
		start, n, peak := time.Now(), 0, 0
		require.NoError(t, e.Discover(t.Context(), &span{first: 0xc6120000, n: 200}, func(a Answer) {
			require.Equal(t, []Outcome{TimedOut, TimedOut}, a.Outcomes)
			n++
			peak = max(peak, e.Load().Outstanding)
		}))
		require.Equal(t, 200, n)
		require.LessOrEqual(t, peak, 100)
		require.GreaterOrEqual(t, time.Since(start), 4*timeout, "400 attempts, 100 at once")
	})
}

func TestAbortClosesEverything(t *testing.T) {
	inNetwork(t, func() {
		e := newEngine(t, benchNet{}, nil, Options{ConnectTimeout: time.Minute}, EngineOptions{Ports: []uint16{80}})
		before := descriptors(t)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		start := time.Now()
		require.ErrorIs(t, e.Discover(ctx, &span{first: 0xc6120000, n: 250}, func(Answer) { t.Error("answered") }), context.Canceled)
		require.Less(t, time.Since(start), 10*time.Second)
		require.LessOrEqual(t, descriptors(t), before) // earlier tests may still be closing theirs
		require.Zero(t, e.Load().Outstanding)
	})
}

func descriptors(t testing.TB) int {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(fds)
}

// BenchmarkAcross is BenchmarkAnswered over a link: the fleet has its own network, and shares the processors.
func BenchmarkAcross(b *testing.B) {
	for name, open := range map[string]int{"open": 5, "refused": 0} {
		b.Run(name, func(b *testing.B) {
			var ports []uint16
			inNetworks(b, func() {
				ports = append(everywhere(b, open), 1, 2, 3, 4, 5)[:5]
				require.NoError(b, os.WriteFile("/proc/sys/net/core/somaxconn", []byte("65535"), 0))
			}, func() {
				e := newEngine(b, benchNet{}, nil, Options{}, EngineOptions{Ports: ports})
				count := map[Outcome]int{}
				start := time.Now()
				require.NoError(b, e.Discover(b.Context(), &span{first: 0xc6130000, n: b.N}, func(a Answer) {
					for _, o := range a.Outcomes {
						count[o]++
					}
					for _, o := range a.Open {
						if c, err := o.Conn(b.Context()); err == nil {
							_ = c.Close()
						}
					}
				}))
				b.ReportMetric(float64(e.Load().Attempts)/time.Since(start).Seconds(), "attempts/s")
				b.ReportMetric(float64(count[TimedOut])/float64(5*b.N), "lost/attempt")
			})
		})
	}
}

// BenchmarkSilent measures what addresses that do not answer cost: processor time and memory, at the pace of timeouts.
func BenchmarkSilent(b *testing.B) {
	inNetwork(b, func() {
		e := newEngine(b, benchNet{}, nil, Options{ConnectTimeout: time.Second}, EngineOptions{Ports: []uint16{80}})
		var before, after unix.Rusage
		var m0, m1 runtime.MemStats
		runtime.ReadMemStats(&m0)
		_ = unix.Getrusage(unix.RUSAGE_SELF, &before)
		start := time.Now()
		require.NoError(b, e.Discover(b.Context(), &silence{n: b.N}, func(Answer) {}))
		wall := time.Since(start)
		_ = unix.Getrusage(unix.RUSAGE_SELF, &after)
		runtime.ReadMemStats(&m1)
		cpu := after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()
		b.ReportMetric(float64(b.N)/wall.Seconds(), "attempts/s")
		b.ReportMetric(float64(cpu)/float64(b.N)/1e3, "cpu-µs/attempt")
		b.ReportMetric(float64(m1.TotalAlloc-m0.TotalAlloc)/float64(b.N), "B/attempt")
	})
}

// silence is a feed that goes round 198.18.0.0/24.
type silence struct{ n int }

func (s *silence) Target() (Target, Turn) {
	if s.n--; s.n < 0 {
		return Target{}, End
	}
	return Target{Addr: netip.AddrFrom4([4]byte{198, 18, 0, byte(s.n)})}, Next
}
