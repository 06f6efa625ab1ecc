package dial

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// alone runs test in a namespace with a loopback device, where raw packets reach this machine itself.
func alone(t *testing.T, test func()) { inNetwork(t, test) }

func TestSYNNeverContactsWhatTheGateRefuses(t *testing.T) {
	alone(t, func() {
		seen := sniff(t)
		s := newSYN(t, here, nil, Options{ConnectTimeout: 200 * time.Millisecond}, SYNOptions{Ports: []uint16{1, 2}})
		got := map[netip.Addr]Answer{}
		feed := addrs("127.0.0.2", "::ffff:127.0.0.2", "0.0.0.0", "::", "198.19.0.1", "255.255.255.255", "::ffff:127.0.0.1")
		require.NoError(t, s.Discover(t.Context(), feed, collect(t, got)))
		require.Len(t, got, 7)
		for a, answer := range got {
			want := []Outcome{OutOfScope, OutOfScope}
			if a.Unmap() == netip.MustParseAddr("127.0.0.1") { // a mapped address is judged by what would be contacted
				want = []Outcome{Refused, Refused}
			}
			require.Equal(t, want, answer.Outcomes, a)
		}
		require.Equal(t, uint64(2), s.Load().Attempts)
		require.Equal(t, uint64(2), s.Signals().Sent)
		syns := seen()
		require.Len(t, syns, 2, "packets on the wire")
		for _, dst := range syns {
			require.Equal(t, netip.MustParseAddr("127.0.0.1"), dst)
		}
	})
}

// sniff records the destinations of all SYNs on all interfaces, until it is asked for them.
func sniff(t *testing.T) func() []netip.Addr {
	t.Helper()
	const all = 0x0300 // ETH_P_ALL in network byte order
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK, all)
	require.NoError(t, err)
	return func() (list []netip.Addr) {
		defer unix.Close(fd)
		buf := make([]byte, 256)
		for {
			n, from, err := unix.Recvfrom(fd, buf, 0)
			if err != nil {
				return list
			}
			b := buf[:n]
			if sll, ok := from.(*unix.SockaddrLinklayer); ok && sll.Pkttype == unix.PACKET_OUTGOING && len(b) >= 40 && b[0]>>4 == 4 && b[9] == unix.IPPROTO_TCP && b[33] == 2 {
				list = append(list, netip.AddrFrom4([4]byte(b[16:20])))
			}
		}
	}
}

// The gate is asked again for each packet: what is excluded while its SYNs are on their way gets no second one.
func TestSYNAsksTheGateForEveryPacket(t *testing.T) {
	alone(t, func() {
		s := newSYN(t, &shifting{left: 2}, nil, Options{ConnectTimeout: 200 * time.Millisecond}, SYNOptions{Ports: []uint16{1, 2, 3, 4}})
		got := map[netip.Addr]Answer{}
		require.NoError(t, s.Discover(t.Context(), addrs("127.0.0.1"), collect(t, got)))
		require.Equal(t, []Outcome{Refused, Refused, OutOfScope, OutOfScope}, got[netip.MustParseAddr("127.0.0.1")].Outcomes)
		// A silent one was sent a SYN, and is not sent another.
		s = newSYN(t, &shifting{left: 1}, nil, Options{ConnectTimeout: 200 * time.Millisecond}, SYNOptions{Ports: []uint16{80}})
		require.NoError(t, s.Discover(t.Context(), addrs("198.18.0.1"), collect(t, got)))
		require.Equal(t, []Outcome{TimedOut}, got[netip.MustParseAddr("198.18.0.1")].Outcomes)
		require.Equal(t, uint64(1), s.Signals().Sent)
	})
}

func TestSYNSpendsTheBudgetOncePerPort(t *testing.T) {
	alone(t, func() {
		a := netip.MustParseAddr("198.18.0.1") // silent: three SYNs to each port
		r := &ration{left: map[netip.Addr]int{a: 2}}
		s := newSYN(t, benchNet{}, r, Options{ConnectTimeout: 150 * time.Millisecond}, SYNOptions{Ports: []uint16{1, 2, 3}})
		got := map[netip.Addr]Answer{}
		require.NoError(t, s.Discover(t.Context(), addrs("198.18.0.1"), collect(t, got)))
		require.Equal(t, []Outcome{TimedOut, TimedOut, OverBudget}, got[a].Outcomes)
		require.Equal(t, uint64(2), s.Load().Attempts)
		require.Equal(t, uint64(6), s.Signals().Sent)
		require.Len(t, r.taken, 6, "the pace counts every packet")
		require.Zero(t, r.left[a])
	})
}

func TestSYNKeepsThePaceWithAllItsPackets(t *testing.T) {
	alone(t, func() {
		p := &steady{rate: 2000}
		s := newSYN(t, benchNet{}, p, Options{ConnectTimeout: 300 * time.Millisecond}, SYNOptions{Ports: []uint16{1, 2, 3, 4}})
		n := 0
		require.NoError(t, s.Discover(t.Context(), &span{first: 0xc6120000, n: 200}, func(a Answer) { n++ }))
		require.Equal(t, 200, n)
		require.Equal(t, uint64(2400), s.Signals().Sent)
		require.Len(t, p.taken, 2400, "no packet without its place in the pace")
	})
}

func TestSYNAnswersTheSameAddressForEachTarget(t *testing.T) {
	alone(t, func() {
		port := dual(t, 1)[0]
		s := newSYN(t, ours{}, nil, Options{ConnectTimeout: 200 * time.Millisecond}, SYNOptions{Ports: []uint16{port, 1, port}})
		n := 0
		require.NoError(t, s.Discover(t.Context(), &holding{list: *addrs("127.0.0.1", "127.0.0.1", "::ffff:127.0.0.1", "127.0.0.1")}, func(a Answer) {
			n++
			require.Equal(t, []Outcome{Open, Refused, Open}, a.Outcomes)
		}))
		require.Equal(t, 4, n)
	})
}

func TestSYNEndsWithItsContext(t *testing.T) {
	alone(t, func() {
		before := descriptors(t)
		s := newSYN(t, benchNet{}, nil, Options{ConnectTimeout: time.Minute}, SYNOptions{Ports: []uint16{1}})
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		start := time.Now()
		require.ErrorIs(t, s.Discover(ctx, addrs("198.18.0.1"), func(Answer) { t.Error("answered") }), context.DeadlineExceeded)
		require.ErrorIs(t, s.Discover(ctx, never{}, nil), context.DeadlineExceeded)
		require.Less(t, time.Since(start), 10*time.Second)
		require.LessOrEqual(t, descriptors(t), before)
		require.Zero(t, s.Load().Outstanding)
	})
}

// Answers that nobody asked for are dropped and counted: a forged SYN-ACK opens nothing.
func TestSYNDropsWhatNoProbeExplains(t *testing.T) {
	alone(t, func() {
		s := newSYN(t, benchNet{}, nil, Options{ConnectTimeout: 400 * time.Millisecond}, SYNOptions{Ports: []uint16{80}})
		forge := forger(t)
		f := &forging{list: *addrs("198.18.0.1"), forge: forge}
		got := map[netip.Addr]Answer{}
		require.NoError(t, s.Discover(t.Context(), f, collect(t, got)))
		require.Equal(t, []Outcome{TimedOut}, got[netip.MustParseAddr("198.18.0.1")].Outcomes)
		require.GreaterOrEqual(t, s.Signals().Unexplained, uint64(500))
	})
}

// forging is a feed that forges answers to all likely source ports once its target is on its way.
type forging struct {
	list
	forge func(port uint16)
	done  bool
}

func (f *forging) Target() (Target, Turn) {
	if len(f.list) == 0 && !f.done {
		f.done = true
		for port := 65400; port < 65536; port++ {
			for range 10 {
				f.forge(uint16(port))
			}
		}
	}
	return f.list.Target()
}

// forger returns what sends a SYN-ACK from 198.18.0.1:80 to one of this machine's ports, by way of loopback.
func forger(t *testing.T) func(port uint16) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_RAW)
	require.NoError(t, err)
	t.Cleanup(func() { _ = unix.Close(fd) })
	seq := byte(0)
	return func(port uint16) {
		seq++
		p := make([]byte, 40)
		p[0], p[3], p[8], p[9] = 0x45, 40, 64, unix.IPPROTO_TCP
		copy(p[12:], []byte{198, 18, 0, 1, 192, 0, 2, 2})
		p[21], p[22], p[23] = 80, byte(port>>8), byte(port)
		p[31], p[32], p[33] = seq, 5<<4, 0x12
		require.NoError(t, unix.Sendto(fd, p, 0, &unix.SockaddrInet4{Addr: [4]byte{192, 0, 2, 2}}))
	}
}

// The window bounds what is in hand, and an address that is decided makes room for the next.
func TestSYNBoundsWhatItHasInHand(t *testing.T) {
	alone(t, func() {
		s := newSYN(t, benchNet{}, nil, Options{ConnectTimeout: 60 * time.Millisecond}, SYNOptions{Ports: []uint16{1, 2}, Window: 64})
		require.Equal(t, 32, s.Hosts())
		n, peak := 0, 0
		require.NoError(t, s.Discover(t.Context(), &span{first: 0xc6120000, n: 200}, func(Answer) {
			n++
			peak = max(peak, s.Load().Outstanding)
		}))
		require.Equal(t, 200, n)
		require.LessOrEqual(t, peak, 32)
		require.Positive(t, peak)
	})
}

func TestNewSYNChecksItsOptions(t *testing.T) {
	if rawPermitted() != nil {
		t.Skip("needs CAP_NET_RAW")
	}
	_, err := New(here, nil, Options{}).NewSYN(SYNOptions{})
	require.ErrorContains(t, err, "at least one port")
	_, err = New(here, &budget{1}, Options{}).NewSYN(SYNOptions{Ports: []uint16{1}})
	require.ErrorContains(t, err, "cannot be asked without blocking")
	s, err := New(here, nil, Options{}).NewSYN(SYNOptions{Ports: slices.Repeat([]uint16{7}, 3), Retries: 99})
	require.NoError(t, err)
	require.Equal(t, []uint16{7, 7, 7}, s.Ports())
	require.Equal(t, 16, s.rounds)
}

func TestReachTellsWhetherPacketsLeaveThisMachine(t *testing.T) {
	inNetwork(t, func() {
		for addr, want := range map[string]bool{"127.0.0.1": false, "192.0.2.2": false, "::1": false, "198.18.0.1": true, "192.0.2.1": true} {
			leaves, err := Reach(netip.MustParseAddr(addr))
			require.NoError(t, err, addr)
			require.Equal(t, want, leaves, addr)
		}
	})
}
