package sweep

import (
	"context"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks/probe/dial"
)

// network is a Discoverer whose answers a function decides, one target after another.
type network struct {
	ports  []uint16
	answer func(a netip.Addr, asked int) []dial.Outcome
	mu     sync.Mutex
	log    []dial.Target
}

func (n *network) Ports() []uint16 { return n.ports }
func (n *network) Load() dial.Load { return dial.Load{} }
func (n *network) Discover(ctx context.Context, feed dial.Feed, found func(dial.Answer)) error {
	for ctx.Err() == nil {
		switch t, turn := feed.Target(); turn {
		case dial.Next:
			n.mu.Lock()
			n.log = append(n.log, t)
			asked := len(n.log)
			n.mu.Unlock()
			found(dial.Answer{Target: t, Outcomes: n.answer(t.Addr, asked)})
		case dial.Hold:
			time.Sleep(100 * time.Microsecond)
		default:
			return nil
		}
	}
	return ctx.Err()
}

func (n *network) canaries() (list []int) {
	for i, t := range n.log {
		if t.Index == canaryIndex {
			list = append(list, i)
		}
	}
	return list
}

// TestCanariesAreAskedFirstInBetweenAndLast also finds that the canary's own place in the order is kept.
func TestCanariesAreAskedFirstInBetweenAndLast(t *testing.T) {
	bird := block(0).At(3)
	cfg := onLoopback(t, 200, nil, 1)
	net := &network{ports: []uint16{25, 80}, answer: func(a netip.Addr, _ int) []dial.Outcome {
		if a == bird {
			return []dial.Outcome{dial.Open, dial.TimedOut}
		}
		time.Sleep(200 * time.Microsecond)
		return []dial.Outcome{dial.TimedOut, dial.TimedOut}
	}}
	cfg.Discoverer, cfg.Canaries, cfg.CanaryEvery = net, []netip.AddrPort{netip.AddrPortFrom(bird, 25)}, 5*time.Millisecond
	s := run(t, cfg, &book{})
	asked := net.canaries()
	require.Equal(t, 0, asked[0], "before anything else")
	require.Equal(t, len(net.log)-1, asked[len(asked)-1], "after everything else")
	require.Greater(t, len(asked), 3, "and in between")
	require.Len(t, net.log, 200+len(asked))
	require.Equal(t, map[HostState]uint64{Silent: 199, Assessed: 1}, s.Hosts)
	require.Empty(t, cfg.Pacer.spent)
}

// TestALostCanaryMakesTheRunAnError has a network that goes deaf. What was silent since the last good canary is not counted,
// and a resumed run visits it.
func TestALostCanaryMakesTheRunAnError(t *testing.T) {
	const n, deaf = 300, 150
	bird := block(0).At(7)
	blind := false
	net := &network{ports: []uint16{25}}
	net.answer = func(a netip.Addr, asked int) []dial.Outcome {
		time.Sleep(100 * time.Microsecond)
		if blind = blind || asked == deaf; a == bird && !blind {
			return []dial.Outcome{dial.Refused}
		}
		return []dial.Outcome{dial.TimedOut}
	}
	cfg := onLoopback(t, n, nil, 1)
	cfg.Discoverer, cfg.Canaries, cfg.CanaryEvery = net, []netip.AddrPort{netip.AddrPortFrom(bird, 0)}, 4*time.Millisecond
	tour, err := New(cfg)
	require.NoError(t, err)
	s, err := tour.Run(context.Background(), nil, &book{})
	require.ErrorIs(t, err, ErrBlind)
	var lost *CanaryError
	require.ErrorAs(t, err, &lost)
	require.False(t, lost.Seen.IsZero())
	require.Contains(t, err.Error(), "canary "+bird.String()+" was not seen since 20")
	require.True(t, s.Interrupted)
	asked := net.canaries()
	require.Equal(t, []int{len(net.log) - 3, len(net.log) - 2, len(net.log) - 1}, asked[len(asked)-3:], "nothing else is begun while one is missed")
	require.Less(t, s.Hosts[Silent], uint64(deaf))
	var good int // places asked before the last good round
	for _, i := range asked {
		if i < deaf-1 {
			good = i
		}
	}
	require.LessOrEqual(t, s.Hosts[Silent], uint64(good))
	st, err := LoadState(cfg.State)
	require.NoError(t, err)
	require.Equal(t, s.Hosts[Silent]+s.Hosts[Assessed], st.Counts.Done())

	cfg = onLoopback(t, n, nil, 1)
	blind = false
	net = &network{ports: []uint16{25}, answer: net.answer}
	net.answer = func(a netip.Addr, _ int) []dial.Outcome {
		if a == bird {
			return []dial.Outcome{dial.Refused}
		}
		return []dial.Outcome{dial.TimedOut}
	}
	cfg.Discoverer, cfg.Canaries, cfg.Resume = net, []netip.AddrPort{netip.AddrPortFrom(bird, 0)}, &st
	s = run(t, cfg, &book{})
	require.Equal(t, map[HostState]uint64{Silent: n - 1, Assessed: 1}, s.Hosts, "each is counted once")
}

func TestACanaryThatIsNeverSeenBeginsNothing(t *testing.T) {
	cfg := onLoopback(t, 100, nil, 1)
	net := &network{ports: []uint16{25}, answer: func(netip.Addr, int) []dial.Outcome { return []dial.Outcome{dial.Refused} }}
	cfg.Discoverer, cfg.Canaries = net, []netip.AddrPort{netip.AddrPortFrom(block(0).At(1), 25)}
	tour, err := New(cfg)
	require.NoError(t, err)
	_, err = tour.Run(context.Background(), nil, &book{})
	require.ErrorContains(t, err, "was not seen at the start, asked 3 times")
	require.Len(t, net.log, canaryTries, "a port that must be open, and is refused")
	cfg.Canaries = []netip.AddrPort{netip.AddrPortFrom(block(0).At(1), 80)}
	_, err = New(cfg)
	require.ErrorContains(t, err, "port 80 is not among those that are tried")
}

// TestAMachineThatLostItsNetwork fails every attempt from some moment on.
func TestAMachineThatLostItsNetwork(t *testing.T) {
	const n = 400
	net := &network{ports: []uint16{25}, answer: func(_ netip.Addr, asked int) []dial.Outcome {
		if asked > 100 {
			return []dial.Outcome{dial.LocalError}
		}
		return []dial.Outcome{dial.TimedOut}
	}}
	cfg := onLoopback(t, n, nil, 1)
	cfg.Discoverer = net
	tour, err := New(cfg)
	require.NoError(t, err)
	s, err := tour.Run(context.Background(), nil, &book{})
	require.ErrorIs(t, err, ErrBlind)
	require.True(t, s.Interrupted)
	require.Zero(t, s.Hosts[Silent], "these were silent within the second in which the network went")
	st, err := LoadState(cfg.State)
	require.NoError(t, err)
	require.Zero(t, st.Counts.Done())
}

func TestDoubt(t *testing.T) {
	answer := func(i uint64, o dial.Outcome) dial.Answer {
		return dial.Answer{Target: dial.Target{Index: i}, Outcomes: []dial.Outcome{o}}
	}
	start := func(canaries bool) (*doubt, *tally) {
		mark := newWatermark(Place{})
		for range 1000 {
			mark.begin()
		}
		tl := newTally(Summary{}, mark, []uint16{25}, nil)
		return newDoubt(tl, canaries), tl
	}
	counted := func(tl *tally, state HostState) uint64 { return tl.moment().Hosts[state] }

	d, tl := start(false)
	d.hold(answer(0, dial.TimedOut), Silent)
	require.False(t, d.second())
	require.Zero(t, counted(tl, Silent), "the second that it came in is no sign")
	require.False(t, d.second())
	require.Equal(t, uint64(1), counted(tl, Silent), "the next one is")

	d, tl = start(false)
	for i := range uint64(100) { // addresses that can never be tried, between others
		d.hold(answer(2*i, dial.LocalError), LocalErrors)
		if i%2 == 0 {
			d.see()
		} else {
			require.False(t, d.second())
		}
	}
	require.False(t, d.last())
	require.Equal(t, uint64(100), counted(tl, LocalErrors))

	d, tl = start(false)
	for i := range uint64(8) {
		d.hold(answer(10+i, dial.LocalError), LocalErrors)
	}
	d.hold(answer(1, dial.TimedOut), Silent)
	require.False(t, d.second())
	for i := range uint64(8) {
		d.hold(answer(20+i, dial.LocalError), LocalErrors)
	}
	require.True(t, d.second(), "sixteen in a row, and nobody else")
	d.turn()
	d.good()
	require.Zero(t, counted(tl, Silent), "not while attempts fail")
	require.Equal(t, 17, d.bad())
	d.see()
	d.second()
	d.good()
	require.Zero(t, counted(tl, Silent), "and not after that was told")

	d, _ = start(false)
	d.hold(answer(1, dial.LocalError), LocalErrors)
	require.True(t, d.last(), "a run in which nothing could be tried")

	d, tl = start(true)
	d.hold(answer(1, dial.TimedOut), Silent)
	d.second()
	d.second()
	require.Zero(t, counted(tl, Silent), "only canaries are a sign, when there are any")
	d.turn()
	d.hold(answer(2, dial.TimedOut), Silent)
	d.good()
	require.Equal(t, uint64(1), counted(tl, Silent), "what came after they were asked waits for the next")
	require.Equal(t, 1, d.holding())
}

func TestNothingBeginsBeforeTheCanariesAreSeen(t *testing.T) {
	a, b := block(0).At(1), block(0).At(2)
	ports := []uint16{25, 80}
	c := newCanaries([]netip.AddrPort{netip.AddrPortFrom(a, 25), netip.AddrPortFrom(a, 80), netip.AddrPortFrom(b, 0)}, ports, time.Minute)
	now := time.Now()
	answer := func(addr netip.Addr, outcomes ...dial.Outcome) (bool, *CanaryError) {
		return c.answered(dial.Answer{Target: dial.Target{Addr: addr}, Outcomes: outcomes}, now)
	}
	require.True(t, c.begin(b), "its own place")
	require.True(t, c.round(now, false))
	first, ok := c.next()
	require.True(t, ok)
	require.Equal(t, a, first.Addr)
	require.True(t, c.begin(block(0).At(9)), "somebody else's place")
	require.False(t, c.begin(a), "one address is not discovered twice at once")
	_, ok = c.next()
	require.False(t, ok, "nor is this one")
	c.end(b)
	second, ok := c.next()
	require.True(t, ok)
	require.Equal(t, b, second.Addr)
	require.True(t, c.anxious())
	over, lost := answer(b, dial.TimedOut, dial.Reset)
	require.False(t, over)
	require.Nil(t, lost)
	require.True(t, c.anxious(), "one of two")
	over, lost = answer(a, dial.Open, dial.Refused)
	require.False(t, over, "both of its ports must be open")
	require.Nil(t, lost)
	_, ok = c.next()
	require.True(t, ok, "it is asked again")
	over, lost = answer(a, dial.Open, dial.Open)
	require.True(t, over)
	require.Nil(t, lost)
	require.False(t, c.anxious())
	require.False(t, c.round(now.Add(time.Second), false), "not due")
	require.True(t, c.round(now.Add(time.Second), true), "but wanted")
	require.False(t, c.anxious(), "while they are seen, others go on")
}
