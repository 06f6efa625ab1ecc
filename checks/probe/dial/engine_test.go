package dial

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// engines runs a test with each way that this system has to discover.
func engines(t *testing.T, test func(t *testing.T, discover func(*Engine, context.Context, Feed, func(Answer)) error)) {
	t.Run("native", func(t *testing.T) { test(t, (*Engine).Discover) })
	t.Run("portable", func(t *testing.T) { test(t, (*Engine).discoverPortably) })
}

// list is a feed of the addresses given.
type list []netip.Addr

func (l *list) Target() (Target, Turn) {
	if len(*l) == 0 {
		return Target{}, End
	}
	t := Target{Addr: (*l)[0], Index: uint64(len(*l))}
	*l = (*l)[1:]
	return t, Next
}

func addrs(s ...string) *list {
	l := make(list, 0, len(s))
	for _, a := range s {
		l = append(l, netip.MustParseAddr(a))
	}
	return &l
}

func newEngine(t testing.TB, gate Gate, pacer Pacer, opts Options, eo EngineOptions) *Engine {
	t.Helper()
	e, err := New(gate, pacer, opts).NewEngine(eo)
	require.NoError(t, err)
	return e
}

// collect gathers the answers; a target answered twice fails the test.
func collect(t testing.TB, into map[netip.Addr]Answer) func(Answer) {
	return func(a Answer) {
		require.NotContains(t, into, a.Addr)
		into[a.Addr] = a
	}
}

func TestEngineAnswersOnceForAllPortsOfAnAddress(t *testing.T) {
	engines(t, func(t *testing.T, discover func(*Engine, context.Context, Feed, func(Answer)) error) {
		echo := func(c net.Conn) { _, _ = io.Copy(c, c) }
		one, _ := listen(t, "127.0.0.1", echo)
		two, _ := listen(t, "127.0.0.2", echo)
		e := newEngine(t, anywhere{}, nil, Options{}, EngineOptions{Ports: []uint16{one.Port(), closed(t), two.Port()}})
		got := map[netip.Addr]Answer{}
		require.NoError(t, discover(e, t.Context(), addrs("127.0.0.1", "127.0.0.2", "127.0.0.3"), collect(t, got)))

		require.Equal(t, []Outcome{Open, Refused, Refused}, got[one.Addr()].Outcomes)
		require.Equal(t, []Outcome{Refused, Refused, Open}, got[two.Addr()].Outcomes)
		require.Equal(t, []Outcome{Refused, Refused, Refused}, got[netip.MustParseAddr("127.0.0.3")].Outcomes)
		require.Equal(t, uint64(9), e.Load().Attempts)
		for _, want := range []netip.AddrPort{one, two} {
			require.Len(t, got[want.Addr()].Open, 1)
			o := got[want.Addr()].Open[0]
			require.Equal(t, want, o.Peer())
			c, err := o.Conn(t.Context())
			require.NoError(t, err)
			require.Equal(t, want, c.Peer())
			_, err = c.Write([]byte("heron"))
			require.NoError(t, err)
			buf := make([]byte, 5)
			_, err = io.ReadFull(c, buf)
			require.NoError(t, err)
			require.Equal(t, "heron", string(buf))
			require.NoError(t, c.Close())
			require.Panics(t, func() { o.Close() }, "a second receiver would close a stranger's descriptor")
		}
		require.Zero(t, e.Load().Waiting)
		require.Zero(t, e.Load().Outstanding)
	})
}

func TestEngineSpeaksIPv6(t *testing.T) {
	engines(t, func(t *testing.T, discover func(*Engine, context.Context, Feed, func(Answer)) error) {
		ln, err := net.Listen("tcp", "[::1]:0")
		if err != nil {
			t.Skipf("no IPv6 loopback: %v", err)
		}
		defer ln.Close()
		e := newEngine(t, anywhere{}, nil, Options{}, EngineOptions{Ports: []uint16{uint16(ln.Addr().(*net.TCPAddr).Port), closed(t)}})
		got := map[netip.Addr]Answer{}
		require.NoError(t, discover(e, t.Context(), addrs("::1"), collect(t, got)))
		a := got[netip.MustParseAddr("::1")]
		require.Equal(t, []Outcome{Open, Refused}, a.Outcomes)
		a.Open[0].Close()
	})
}

func TestEngineNeverContactsWhatTheGateRefuses(t *testing.T) {
	engines(t, func(t *testing.T, discover func(*Engine, context.Context, Feed, func(Answer)) error) {
		addr, accepted := listen(t, "127.0.0.2", func(net.Conn) {})
		e := newEngine(t, here, nil, Options{}, EngineOptions{Ports: []uint16{addr.Port(), addr.Port()}})
		got := map[netip.Addr]Answer{}
		feed := addrs("127.0.0.2", "::ffff:127.0.0.2", "0.0.0.0", "::", "::ffff:127.0.0.1")
		require.NoError(t, discover(e, t.Context(), feed, collect(t, got)))
		for _, a := range []string{"127.0.0.2", "::ffff:127.0.0.2", "0.0.0.0", "::"} {
			require.Equal(t, []Outcome{OutOfScope, OutOfScope}, got[netip.MustParseAddr(a)].Outcomes, a)
		}
		// A mapped address is judged by what would be contacted.
		require.Equal(t, []Outcome{Refused, Refused}, got[netip.MustParseAddr("::ffff:127.0.0.1")].Outcomes)
		require.Equal(t, uint64(2), e.Load().Attempts)
		require.Zero(t, accepted.Load(), "an address out of scope was contacted")
	})
}

// shifting is a gate that changes its mind after n checks.
type shifting struct {
	mu   sync.Mutex
	left int
}

func (s *shifting) Check(netip.Addr) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left--; s.left < 0 {
		return errors.New("excluded since")
	}
	return nil
}

func TestEngineAsksTheGateForEveryAttempt(t *testing.T) {
	engines(t, func(t *testing.T, discover func(*Engine, context.Context, Feed, func(Answer)) error) {
		port := closed(t)
		e := newEngine(t, &shifting{left: 2}, nil, Options{}, EngineOptions{Ports: []uint16{port, port, port, port}})
		got := map[netip.Addr]Answer{}
		require.NoError(t, discover(e, t.Context(), addrs("127.0.0.1"), collect(t, got)))
		require.Equal(t, []Outcome{Refused, Refused, OutOfScope, OutOfScope}, got[netip.MustParseAddr("127.0.0.1")].Outcomes)
	})
}

// ration is a pacer with a budget for each address, and a time before which one address must not be attempted.
type ration struct {
	mu    sync.Mutex
	left  map[netip.Addr]int
	later netip.Addr
	until time.Time
	taken []netip.Addr
}

func (r *ration) Wait(context.Context, netip.Addr) error {
	return errors.New("an engine must not block")
}

func (r *ration) Take(a netip.Addr) (time.Duration, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if wait := time.Until(r.until); a == r.later && wait > 0 {
		return wait, false, nil
	}
	if r.left[a] == 0 {
		return 0, false, ErrBudget
	}
	r.left[a]--
	r.taken = append(r.taken, a)
	return 0, false, nil
}

func (r *ration) Return(a netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left[a]++
}

func TestEngineSpendsTheBudget(t *testing.T) {
	engines(t, func(t *testing.T, discover func(*Engine, context.Context, Feed, func(Answer)) error) {
		port := closed(t)
		a := netip.MustParseAddr("127.0.0.1")
		e := newEngine(t, anywhere{}, &ration{left: map[netip.Addr]int{a: 2}}, Options{}, EngineOptions{Ports: []uint16{port, port, port}})
		got := map[netip.Addr]Answer{}
		require.NoError(t, discover(e, t.Context(), addrs("127.0.0.1"), collect(t, got)))
		require.Equal(t, []Outcome{Refused, Refused, OverBudget}, got[a].Outcomes)
		require.Equal(t, uint64(2), e.Load().Attempts)
	})
}

func TestADelayedAddressDoesNotHoldUpOthers(t *testing.T) {
	port := closed(t)
	slow, quick := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")
	r := &ration{left: map[netip.Addr]int{slow: 2, quick: 2}, later: slow, until: time.Now().Add(50 * time.Millisecond)}
	e := newEngine(t, anywhere{}, r, Options{}, EngineOptions{Ports: []uint16{port, port}})
	got := map[netip.Addr]Answer{}
	require.NoError(t, e.Discover(t.Context(), addrs("127.0.0.1", "127.0.0.2"), collect(t, got)))
	require.Equal(t, []netip.Addr{quick, quick, slow, slow}, r.taken)
	require.Len(t, got, 2)
	require.False(t, time.Now().Before(r.until))
}

func TestEngineNeedsAPacerThatDoesNotBlock(t *testing.T) {
	_, err := New(here, &budget{1}, Options{}).NewEngine(EngineOptions{Ports: []uint16{1}})
	require.ErrorContains(t, err, "cannot be asked without blocking")
	_, err = New(here, nil, Options{}).NewEngine(EngineOptions{})
	require.ErrorContains(t, err, "at least one port")
	_, err = New(here, nil, Options{}).NewEngine(EngineOptions{Ports: []uint16{1}, Reserve: 1 << 30})
	require.ErrorContains(t, err, "ulimit -n")
}

func TestTooManyWaitingConnectionsAreNotKept(t *testing.T) {
	engines(t, func(t *testing.T, discover func(*Engine, context.Context, Feed, func(Answer)) error) {
		addr, _ := listen(t, "0.0.0.0", func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) })
		e := newEngine(t, anywhere{}, nil, Options{}, EngineOptions{Ports: slices.Repeat([]uint16{addr.Port()}, 4), Waiting: 6})
		kept := 0
		require.NoError(t, discover(e, t.Context(), &span{first: 0x7f020000, n: 10}, func(a Answer) {
			require.Equal(t, []Outcome{Open, Open, Open, Open}, a.Outcomes)
			kept += len(a.Open)
			t.Cleanup(func() {
				for _, o := range a.Open {
					o.Close()
				}
			})
		}))
		require.Equal(t, 6, kept)
		require.Equal(t, 6, e.Load().Waiting)
	})
}

// holding is a feed that answers Hold a few times before each target.
type holding struct {
	list
	holds int
}

func (h *holding) Target() (Target, Turn) {
	if h.holds++; h.holds%4 != 0 {
		return Target{}, Hold
	}
	return h.list.Target()
}

func TestEngineAsksAgainAfterHold(t *testing.T) {
	engines(t, func(t *testing.T, discover func(*Engine, context.Context, Feed, func(Answer)) error) {
		e := newEngine(t, anywhere{}, nil, Options{}, EngineOptions{Ports: []uint16{closed(t)}})
		got := map[netip.Addr]Answer{}
		require.NoError(t, discover(e, t.Context(), &holding{list: *addrs("127.0.0.1", "127.0.0.2")}, collect(t, got)))
		require.Len(t, got, 2)
	})
}

// never is a feed that is always on hold.
type never struct{}

func (never) Target() (Target, Turn) { return Target{}, Hold }

func TestCancellationEndsDiscovery(t *testing.T) {
	engines(t, func(t *testing.T, discover func(*Engine, context.Context, Feed, func(Answer)) error) {
		e := newEngine(t, anywhere{}, nil, Options{}, EngineOptions{Ports: []uint16{1}})
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		require.ErrorIs(t, discover(e, ctx, never{}, nil), context.DeadlineExceeded)
	})
}
