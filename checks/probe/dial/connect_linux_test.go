package dial

import (
	"context"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// step makes a loop that the test drives itself.
func step(t *testing.T, e *Engine, feed Feed, found func(Answer)) *loop {
	t.Helper()
	l := &loop{Engine: e, feed: feed, found: found, oldest: none, newest: none, events: make([]unix.EpollEvent, 16)}
	require.NoError(t, l.init())
	t.Cleanup(l.close)
	return l
}

func TestResetIsToldFromOpenAndRefused(t *testing.T) {
	reset := make(chan struct{})
	addr, _ := listen(t, "127.0.0.1", func(c net.Conn) {
		_ = c.(*net.TCPConn).SetLinger(0)
		_ = c.Close()
		close(reset)
	})
	var got []Outcome
	l := step(t, newEngine(t, anywhere{}, nil, Options{}, EngineOptions{Ports: []uint16{addr.Port()}}), addrs("127.0.0.1"),
		func(a Answer) { got = a.Outcomes })
	l.start(time.Now())
	<-reset // only now look at what came back
	require.NoError(t, l.poll(time.Second))
	require.Equal(t, []Outcome{Reset}, got)
}

func TestAnEventOfAnEarlierUseOfASlotIsStale(t *testing.T) {
	l := step(t, newEngine(t, anywhere{}, nil, Options{}, EngineOptions{Ports: []uint16{closed(t)}}), &list{}, func(Answer) {})
	a := l.acquire(slot{})
	gen := l.slots[a].gen
	l.release(a)
	require.Equal(t, a, l.acquire(slot{}))
	require.NotEqual(t, gen, l.slots[a].gen)
	l.release(a)
}

func TestSlotsStandInTheOrderOfTheirDeadlines(t *testing.T) {
	l := step(t, newEngine(t, anywhere{}, nil, Options{}, EngineOptions{Ports: []uint16{1}}), &list{}, func(Answer) {})
	a, b, c := l.acquire(slot{port: 1}), l.acquire(slot{port: 2}), l.acquire(slot{port: 3})
	require.Equal(t, 2, l.release(b).port)
	d := l.acquire(slot{port: 4})
	require.Equal(t, b, d, "a free slot is used again")
	require.Equal(t, a, l.oldest)
	for _, want := range []int{1, 3, 4} {
		require.Equal(t, want, l.release(l.oldest).port)
	}
	require.Equal(t, none, l.oldest)
	require.Equal(t, none, l.newest)
	require.Zero(t, l.under)
	_ = c
}

// limitFiles lowers the soft limit to what is open now and n more, until the test ends or restore is called.
func limitFiles(t *testing.T, n int) (restore func()) {
	t.Helper()
	var lim unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &lim))
	// The limit is on the number of the descriptor, and the lowest free one is given out.
	fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	require.NoError(t, unix.Close(fd))
	low := unix.Rlimit{Cur: uint64(fd + n), Max: lim.Max}
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &low))
	restore = func() { _ = unix.Setrlimit(unix.RLIMIT_NOFILE, &lim) }
	t.Cleanup(restore)
	return restore
}

func TestWithoutDescriptorsNothingIsSaidOfTheHost(t *testing.T) {
	port := closed(t)
	a := netip.MustParseAddr("127.0.0.1")
	r := &ration{left: map[netip.Addr]int{a: 5}}
	e := newEngine(t, anywhere{}, r, Options{}, EngineOptions{Ports: []uint16{port}})
	var got []Outcome
	l := step(t, e, addrs("127.0.0.1"), func(a Answer) { got = a.Outcomes })
	limitFiles(t, 0)
	for begin := time.Now(); got == nil && time.Since(begin) < 10*time.Second; {
		require.NoError(t, l.poll(l.start(time.Now())))
	}
	require.Equal(t, []Outcome{LocalError}, got)
	require.Equal(t, Load{Retried: maxTries - 1, LocalErrors: 1}, e.Load())
	require.Equal(t, 5, r.left[a], "attempts that were never made cost no budget")
}

func TestAttemptsGoOnWhenDescriptorsComeBack(t *testing.T) {
	port := closed(t)
	e := newEngine(t, anywhere{}, nil, Options{}, EngineOptions{Ports: []uint16{port, port}})
	var got []Outcome
	l := step(t, e, addrs("127.0.0.1"), func(a Answer) { got = a.Outcomes })
	restore := limitFiles(t, 0)
	for begin := time.Now(); e.Load().Retried < 2 && time.Since(begin) < 10*time.Second; {
		require.NoError(t, l.poll(l.start(time.Now())))
	}
	require.Nil(t, got)
	restore()
	for begin := time.Now(); got == nil && time.Since(begin) < 10*time.Second; {
		require.NoError(t, l.poll(l.start(time.Now())))
	}
	require.Equal(t, []Outcome{Refused, Refused}, got)
	require.Zero(t, e.Load().LocalErrors)
}

func TestManyMoreAddressesThanDescriptors(t *testing.T) {
	addr, _ := listen(t, "0.0.0.0", func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	e := newEngine(t, anywhere{}, nil, Options{}, EngineOptions{Ports: []uint16{addr.Port(), closed(t)}, Outstanding: 16, Waiting: 8})
	before := descriptors(t)
	answered := 0
	require.NoError(t, e.Discover(context.Background(), &span{first: 0x7f030000, n: 500}, func(a Answer) {
		answered++
		require.Equal(t, []Outcome{Open, Refused}, a.Outcomes)
		for _, o := range a.Open {
			o.Close()
		}
	}))
	require.Equal(t, 500, answered)
	require.Eventually(t, func() bool { return descriptors(t) <= before+1 }, 2*time.Second, time.Millisecond)
}
