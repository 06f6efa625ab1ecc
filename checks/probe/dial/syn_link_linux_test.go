package dial

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
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

// pair is two namespaces joined by a link: the far one has all of 198.19.0.0/16 and 2001:db8:19::/64 for its own.
type pair struct{ far, near *netlink.Handle }

// linked runs test in the near one of two namespaces. kind is "veth", "vlan", or "tun": the last is a link without link headers
// that this process carries, and impairs.
func linked(t testing.TB, kind string, hurt impairment, atFar func(), test func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to make a network namespace")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked
		far, err := netns.New()
		if err != nil {
			t.Skipf("cannot make a network namespace: %v", err)
		}
		defer far.Close()
		require.NoError(t, os.WriteFile("/proc/sys/net/core/somaxconn", []byte("65535"), 0))
		require.NoError(t, os.WriteFile("/proc/sys/net/ipv4/tcp_max_syn_backlog", []byte("65535"), 0))
		require.NoError(t, os.WriteFile("/proc/sys/net/ipv4/icmp_ratemask", []byte("0"), 0))
		atFar()
		var ends [2]*os.File
		if kind == "tun" {
			ends[0] = tun(t)
		}
		near, err := netns.New()
		require.NoError(t, err)
		defer near.Close()
		p := &pair{}
		p.far, err = netlink.NewHandleAt(far)
		require.NoError(t, err)
		defer p.far.Close()
		p.near, err = netlink.NewHandleAt(near)
		require.NoError(t, err)
		defer p.near.Close()
		if kind == "tun" {
			ends[1] = tun(t)
			go hurt.carry(ends[0], ends[1])
			go hurt.carry(ends[1], ends[0])
		}
		p.join(t, kind, far)
		test()
	}()
	<-done
}

func (p *pair) join(t testing.TB, kind string, far netns.NsHandle) {
	t.Helper()
	up := func(h *netlink.Handle, name string) netlink.Link {
		link, err := h.LinkByName(name)
		require.NoError(t, err)
		require.NoError(t, h.LinkSetTxQLen(link, 10000))
		require.NoError(t, h.LinkSetUp(link))
		return link
	}
	up(p.far, "lo")
	up(p.near, "lo")
	over := map[*netlink.Handle]netlink.Link{}
	if kind == "tun" {
		over[p.far], over[p.near] = up(p.far, "tun"), up(p.near, "tun")
	} else {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = "inner"
		require.NoError(t, p.near.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "outer", PeerNamespace: netlink.NsFd(far)}))
		over[p.far], over[p.near] = up(p.far, "outer"), up(p.near, "inner")
	}
	if kind == "vlan" {
		for h, under := range over {
			a := netlink.NewLinkAttrs()
			a.Name, a.ParentIndex = "tagged", under.Attrs().Index
			if err := h.LinkAdd(&netlink.Vlan{LinkAttrs: a, VlanId: 19}); err != nil {
				t.Skipf("this kernel has no VLANs: %v", err)
			}
			over[h] = up(h, "tagged")
		}
	}
	addr(t, p.far, over[p.far], "192.0.2.1/30")
	addr(t, p.near, over[p.near], "192.0.2.2/30")
	route := func(h *netlink.Handle, r netlink.Route, dst string) {
		d, err := netlink.ParseIPNet(dst)
		require.NoError(t, err)
		r.Dst = d
		require.NoError(t, h.RouteAdd(&r), dst)
	}
	here := netlink.Route{LinkIndex: 1, Type: unix.RTN_LOCAL, Table: unix.RT_TABLE_LOCAL, Scope: netlink.SCOPE_HOST}
	route(p.far, here, "198.19.0.0/16")
	route(p.near, netlink.Route{LinkIndex: over[p.near].Attrs().Index, Gw: net.ParseIP("192.0.2.1")}, "198.18.0.0/15")
	route(p.far, netlink.Route{Type: unix.RTN_BLACKHOLE}, "198.18.0.0/16")
	addr(t, p.far, over[p.far], "2001:db8::1/64")
	addr(t, p.near, over[p.near], "2001:db8::2/64")
	route(p.far, here, "2001:db8:19::/64")
	route(p.near, netlink.Route{LinkIndex: over[p.near].Attrs().Index, Gw: net.ParseIP("2001:db8::1")}, "2001:db8:19::/64")
	require.Eventually(t, func() bool {
		link, err := p.near.LinkByName(over[p.near].Attrs().Name)
		return err == nil && link.Attrs().Flags&net.FlagRunning != 0
	}, 5*time.Second, time.Millisecond)
}

func addr(t testing.TB, h *netlink.Handle, on netlink.Link, text string) {
	t.Helper()
	a, err := netlink.ParseAddr(text)
	require.NoError(t, err)
	a.Flags = unix.IFA_F_NODAD
	require.NoError(t, h.AddrAdd(on, a))
}

// impairment is what a tun link does to each packet, on each way.
type impairment struct {
	loss          float64       // share of packets that are lost
	delay, jitter time.Duration // the delay varies by up to jitter, so that packets overtake each other
}

// tun opens one end of a link in the namespace of this thread.
func tun(t testing.TB) *os.File {
	t.Helper()
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("no tun device: %v", err)
	}
	r, err := unix.NewIfreq("tun")
	require.NoError(t, err)
	r.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	require.NoError(t, unix.IoctlIfreq(fd, unix.TUNSETIFF, r))
	require.NoError(t, unix.SetNonblock(fd, true)) // for the runtime's poller
	f := os.NewFile(uintptr(fd), "tun")
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// carry brings packets from one end to the other until an end is closed.
func (hurt impairment) carry(from, to *os.File) {
	random := rand.New(rand.NewPCG(8, 9))
	for {
		b := make([]byte, 2048)
		n, err := from.Read(b)
		if err != nil {
			return
		}
		switch {
		case random.Float64() < hurt.loss:
		case hurt.delay == 0:
			_, _ = to.Write(b[:n])
		default:
			later := hurt.delay + time.Duration(random.Int64N(int64(2*hurt.jitter))) - hurt.jitter
			time.AfterFunc(later, func() { _, _ = to.Write(b[:n]) })
		}
	}
}

// ours permits the addresses of a pair, and loopback.
type ours struct{}

func (ours) Check(a netip.Addr) error {
	for _, p := range []string{"198.18.0.0/15", "2001:db8:19::/64", "127.0.0.0/8", "::1/128", "192.0.2.0/30"} {
		if netip.MustParsePrefix(p).Contains(a) {
			return nil
		}
	}
	return fmt.Errorf("%s is not ours", a)
}

// dual listens on n ports for all addresses of both IP versions, and accepts nobody.
func dual(t testing.TB, n int) (ports []uint16) {
	t.Helper()
	for range n {
		ln, err := net.Listen("tcp", ":0")
		require.NoError(t, err)
		t.Cleanup(func() { _ = ln.Close() })
		ports = append(ports, uint16(ln.Addr().(*net.TCPAddr).Port))
	}
	return ports
}

func TestSYNWorksOverEveryKindOfLink(t *testing.T) {
	for _, kind := range []string{"veth", "vlan", "tun"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			var open []uint16
			linked(t, kind, impairment{}, func() { open = dual(t, 1) }, func() {
				s := newSYN(t, ours{}, nil, Options{ConnectTimeout: 1500 * time.Millisecond}, SYNOptions{Ports: []uint16{open[0], 1}})
				got := map[netip.Addr]Answer{}
				list := []string{"198.19.0.1", "198.19.200.7", "198.18.0.1", "192.0.2.1", "2001:db8:19::1", "2001:db8:19::abcd"}
				require.NoError(t, s.Discover(t.Context(), addrs(list...), collect(t, got)))
				for _, a := range list {
					want := []Outcome{Open, Refused}
					if a == "198.18.0.1" {
						want = []Outcome{TimedOut, TimedOut}
					}
					require.Equal(t, want, got[netip.MustParseAddr(a)].Outcomes, a)
				}
				sig := s.Signals()
				require.Zero(t, sig.Unexplained)
				require.Zero(t, sig.Lost)
			})
		})
	}
}

func TestSYNReachesThisMachineItself(t *testing.T) {
	inNetwork(t, func() {
		open := dual(t, 1)[0]
		s := newSYN(t, ours{}, nil, Options{ConnectTimeout: 500 * time.Millisecond}, SYNOptions{Ports: []uint16{open, 1}})
		got := map[netip.Addr]Answer{}
		require.NoError(t, s.Discover(t.Context(), addrs("127.0.0.1", "127.9.8.7", "::1", "192.0.2.2", "::ffff:127.0.0.1"), collect(t, got)))
		require.Len(t, got, 5)
		for a, answer := range got {
			require.Equal(t, []Outcome{Open, Refused}, answer.Outcomes, a)
		}
	})
}

// Nothing is missed without loss, whatever the speed; with 2 % lost each way, delay and reordering, at least 99.9 %.
func TestSYNFindsWhatThereIs(t *testing.T) {
	const hosts = 2000
	for name, tc := range map[string]struct {
		kind  string
		hurt  impairment
		least float64
	}{
		"no loss":              {"veth", impairment{}, 1},
		"delay and reordering": {"tun", impairment{delay: 30 * time.Millisecond, jitter: 10 * time.Millisecond}, 1},
		"loss too":             {"tun", impairment{0.02, 30 * time.Millisecond, 10 * time.Millisecond}, 0.999},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var open []uint16
			linked(t, tc.kind, tc.hurt, func() { open = dual(t, 3) }, func() {
				s := newSYN(t, ours{}, &steady{rate: 10000}, Options{ConnectTimeout: 2 * time.Second}, SYNOptions{Ports: append(open, 1)})
				count, n := map[Outcome]int{}, 0
				require.NoError(t, s.Discover(t.Context(), &span{first: 0xc6130000, n: hosts}, func(a Answer) {
					n++
					for _, o := range a.Outcomes {
						count[o]++
					}
				}))
				require.Equal(t, hosts, n)
				sig := s.Signals()
				t.Logf("%v %+v", count, sig)
				require.GreaterOrEqual(t, float64(count[Open]), tc.least*3*hosts)
				require.GreaterOrEqual(t, float64(count[Refused]), tc.least*hosts)
				require.Zero(t, sig.Lost)
				require.Zero(t, sig.Unexplained)
				if tc.hurt.loss > 0 {
					require.InDelta(t, 0.04, float64(sig.Repaired)/float64(sig.Answered), 0.02, "what was lost is what the link loses")
				} else {
					require.Equal(t, 3*hosts, count[Open])
				}
			})
		})
	}
}

// steady is a pacer with a rate and no budget; it records when the packets left.
type steady struct {
	rate  float64
	began time.Time
	taken []time.Duration
}

func (s *steady) Wait(context.Context, netip.Addr) error {
	return errors.New("an engine must not block")
}
func (s *steady) Return(netip.Addr) {}

func (s *steady) Take(netip.Addr) (time.Duration, bool, error) {
	if s.began.IsZero() {
		s.began = time.Now()
	}
	now := time.Since(s.began)
	if due := time.Duration(float64(len(s.taken)) / s.rate * float64(time.Second)); due > now {
		return due - now, true, nil
	}
	s.taken = append(s.taken, now)
	return 0, false, nil
}
