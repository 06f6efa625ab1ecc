package dial

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The index behaves like a map, through growth, collisions and removal.
func TestTheIndexIsAMap(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for _, hashes := range []uint32{8, 1000, 1 << 31} { // few hashes: long runs of collisions
		x, model := newIndex(), map[int32]uint32{}
		for range 50_000 {
			n := int32(random.IntN(3000))
			hash := uint32(n) * 2654435761 % hashes
			if _, there := model[n]; there {
				x.remove(hash, n)
				delete(model, n)
			} else {
				x.put(hash, n)
				model[n] = hash
			}
			probe := int32(random.IntN(3000))
			want := nowhere
			if _, there := model[probe]; there {
				want = probe
			}
			require.Equal(t, want, x.find(uint32(probe)*2654435761%hashes, func(i int32) bool { return i == probe }))
		}
		require.Equal(t, len(model), x.used)
	}
}

// A window under random use neither loses nor doubles a host.
func TestTheWindowKeepsItsHosts(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 2))
	w := newWindow(2)
	in := map[netip.Addr]int32{}
	for range 50_000 {
		var b [16]byte
		b[15], b[14] = byte(random.IntN(256)), byte(random.IntN(4))
		a := netip.AddrFrom16(b)
		i, there := in[a]
		switch {
		case !there:
			i, added := w.add(Target{Addr: a})
			require.True(t, added)
			in[a] = i
		case w.hosts[i].state == hostSending && random.IntN(2) == 0:
			w.wait(i, time.Duration(random.IntN(100)))
		case w.hosts[i].state == hostSending:
			w.delay(i, time.Duration(random.IntN(100)))
		case w.hosts[i].state == hostWaiting:
			w.leave(i)
			w.hosts[i].state = hostDue
			w.link(&w.due, i)
		default:
			require.Empty(t, w.drop(i))
			delete(in, a)
		}
		if i, there := in[a]; there {
			require.Equal(t, i, w.find(a))
		} else {
			require.Equal(t, nowhere, w.find(a))
		}
		require.Equal(t, len(in), w.inHand)
		if len(w.delayed) > 1 {
			require.LessOrEqual(t, w.hosts[w.delayed[0]].at, w.hosts[w.delayed[1]].at)
		}
	}
	require.LessOrEqual(t, len(w.hosts), 1024, "places are used again")
}

func TestTheGovernorSlowsDownAndRecovers(t *testing.T) {
	second := func(sent, answered, repaired uint64) sample {
		return sample{took: time.Second, sent: sent, answered: answered, repaired: repaired}
	}
	t.Run("rising loss", func(t *testing.T) {
		g, now := &governor{}, time.Duration(0)
		tick := func(s sample) (change, bool) { now += time.Second; return g.look(now, s, 2*time.Second) }
		for range 10 { // what the path loses at any speed is no sign
			_, changed := tick(second(50000, 5000, 200))
			require.False(t, changed)
		}
		c, changed := tick(second(50000, 5000, 1500))
		require.True(t, changed)
		require.Contains(t, c.why, "second SYN")
		require.InDelta(t, 25000, c.to, 1)
		_, changed = tick(second(25000, 2500, 1500))
		require.False(t, changed, "that is of what was sent before")
		speeds := []float64{}
		for range 40 {
			if c, changed := tick(second(25000, 2500, 50)); changed {
				require.Empty(t, c.why)
				speeds = append(speeds, c.to)
			}
		}
		require.Equal(t, 0.0, speeds[len(speeds)-1], "in the end there is no ceiling")
		require.InDelta(t, 31250, speeds[0], 1)
	})
	t.Run("no room", func(t *testing.T) {
		g := &governor{}
		c, changed := g.look(time.Second, sample{took: time.Second, sent: 1000, failed: 50}, time.Second)
		require.True(t, changed)
		require.Equal(t, 500.0, c.to)
		require.Contains(t, c.why, "no room")
	})
	t.Run("never below a sixteenth", func(t *testing.T) {
		g := &governor{}
		for i := range 40 {
			g.look(time.Duration(i+1)*10*time.Second, sample{took: time.Second, sent: 16000, quenched: 1}, time.Second)
		}
		require.Equal(t, 1000.0, g.ceiling)
	})
	t.Run("a firewall that shuts", func(t *testing.T) {
		g := &governor{}
		for i := range 10 {
			_, changed := g.look(time.Duration(i+1)*time.Second, sample{took: time.Second, sent: 1000, answered: 500, prohibited: 5}, time.Second)
			require.False(t, changed)
		}
		c, changed := g.look(time.Minute, sample{took: time.Second, sent: 1000, answered: 500, prohibited: 400}, time.Second)
		require.True(t, changed)
		require.Contains(t, c.why, "prohibit")
	})
	t.Run("the ceiling holds", func(t *testing.T) {
		g, sent := &governor{ceiling: 1000}, 0
		for now := time.Duration(0); now < time.Second; now += 100 * time.Microsecond {
			for g.wait(now) == 0 {
				g.spend(now)
				sent++
			}
		}
		require.InDelta(t, 1000, sent, 15)
	})
}

func TestICMPErrorsAreToldApart(t *testing.T) {
	for e, want := range map[ICMPError]Outcome{{4, 3, 1}: Unreachable, {4, 3, 13}: Unreachable, {6, 1, 0}: Unreachable, {4, 11, 0}: Unreachable} {
		got, decided := e.outcome(true)
		require.True(t, decided)
		require.Equal(t, want, got, e)
	}
	got, _ := ICMPError{4, 3, 3}.outcome(true)
	require.Equal(t, Refused, got, "the host's own word")
	got, _ = ICMPError{6, 1, 4}.outcome(false)
	require.Equal(t, Unreachable, got, "a router's")
	_, decided := ICMPError{4, 3, 4}.outcome(false)
	require.False(t, decided)
	require.Equal(t, "administratively prohibited (icmp4 3/13)", ICMPError{4, 3, 13}.String())
	require.Equal(t, "error (icmp6 9/9)", ICMPError{6, 9, 9}.String())
	require.True(t, ICMPError{6, 1, 1}.Prohibited())
	require.False(t, ICMPError{6, 1, 3}.Prohibited())
}
