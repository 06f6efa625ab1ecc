package sweep

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks/probe/dial"
)

// weather is what a second of discovery finds: of so many hosts, the part that answers, and the part of the ports of these
// that time out.
type weather struct {
	hosts       int
	alive, lost float64
	unreachable float64
	load        dial.Load
}

func (w weather) second(g *governor, random *rand.Rand) (float64, string) {
	for range w.hosts {
		switch x := random.Float64(); {
		case x < w.alive:
			list := make([]dial.Outcome, 28)
			for i := range list {
				if list[i] = dial.Refused; random.Float64() < w.lost {
					list[i] = dial.TimedOut
				}
			}
			g.note(dial.Answer{Outcomes: list}, Assessed)
		case x < w.alive+w.unreachable:
			g.note(dial.Answer{Outcomes: []dial.Outcome{dial.Unreachable}}, Unreachable)
		default:
			g.note(dial.Answer{Outcomes: []dial.Outcome{dial.TimedOut}}, Silent)
		}
	}
	return g.second(w.load)
}

func TestThePaceGivesWayToTrouble(t *testing.T) {
	fair := weather{hosts: 400, alive: 0.3, lost: 0.02}
	for want, bad := range map[string]weather{
		"fewer hosts answer":                    {hosts: 400, alive: 0.1, lost: 0.02},
		"fewer ports answer on hosts that do":   {hosts: 400, alive: 0.3, lost: 0.4},
		"more hosts are called unreachable":     {hosts: 400, alive: 0.3, lost: 0.02, unreachable: 0.4},
		"this machine cannot make all attempts": {hosts: 400, alive: 0.3, lost: 0.02, load: dial.Load{Attempts: 10000, Retried: 900}},
	} {
		t.Run(want, func(t *testing.T) {
			g, random := newGovernor(), rand.New(rand.NewPCG(1, 2))
			for range 120 {
				factor, why := fair.second(g, random)
				require.Equal(t, 1.0, factor, why)
			}
			factor, why := 1.0, ""
			for range 20 {
				if factor, why = bad.second(g, random); why != "" {
					break
				}
			}
			require.Equal(t, want, why)
			require.Equal(t, 0.5, factor)
			calm := fair
			calm.load = bad.load
			last := factor
			for second := range 60 {
				factor, why = calm.second(g, random)
				require.Empty(t, why)
				require.LessOrEqual(t, factor, last+step, "it comes back in small steps")
				require.False(t, second < patience && factor > last, "and not at once")
				last = factor
			}
			require.Equal(t, 1.0, factor)
		})
	}
}

// A wrong alarm halves the pace for some ten seconds: it must be rare.
func TestChanceIsNoTrouble(t *testing.T) {
	alarms := 0
	for seed := range uint64(20) {
		g, random := newGovernor(), rand.New(rand.NewPCG(seed, 3))
		for range 600 {
			if _, why := (weather{hosts: 5 + random.IntN(2000), alive: 0.06, lost: 0.1, unreachable: 0.1}).second(g, random); why != "" {
				alarms++
			}
		}
	}
	require.LessOrEqual(t, alarms, 4, "in 12,000 seconds")
}

func TestThePaceHasAFloorAndTroubleThatLastsBecomesUsual(t *testing.T) {
	g, random := newGovernor(), rand.New(rand.NewPCG(5, 6))
	for range 100 {
		weather{hosts: 1000, alive: 0.5}.second(g, random)
	}
	lowest, last := 1.0, 1.0
	for range 600 {
		last, _ = weather{hosts: 1000, alive: 0.2}.second(g, random)
		lowest = min(lowest, last)
	}
	require.GreaterOrEqual(t, lowest, slowest)
	require.Less(t, lowest, 0.5)
	require.Equal(t, 1.0, last, "half of the network is down, and not because of us")
}

func TestSlowIsNeverFaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer(Pace{Rate: 1000, PerHost: 1 << 30})
		var times []time.Time
		random := rand.New(rand.NewPCG(1, 1))
		begin := time.Now()
		for time.Since(begin) < 20*time.Second {
			if random.IntN(50) == 0 {
				rate, _ := p.Slow([]float64{1, 1, 0.5, 0.1}[random.IntN(4)], 1e9)
				require.LessOrEqual(t, rate, 1000.0)
			}
			require.NoError(t, p.Wait(t.Context(), ip4(1)))
			times = append(times, time.Now())
		}
		require.LessOrEqual(t, busiest(times), 1000, "however often the pace changes")

		free := NewPacer(Pace{})
		rate, full := free.Slow(0.5, 4000)
		require.Equal(t, 2000.0, rate, "of what was measured, where nothing was configured")
		require.False(t, full)
		rate, _ = free.Slow(0.25, 100)
		require.Equal(t, 1000.0, rate, "and not of what is measured while slowed")
		rate, full = free.Slow(1, 100)
		require.Zero(t, rate)
		require.True(t, full)
	})
}

func TestGrantsAndExemptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer(Pace{PerHost: 2})
		suspect, bird := ip4(1), ip4(2)
		p.Grant(suspect, 100, 10, 5*time.Second)
		var times []time.Time
		var err error
		for {
			if err = p.Wait(t.Context(), suspect); err != nil {
				break
			}
			times = append(times, time.Now())
		}
		require.ErrorIs(t, err, dial.ErrBudget, "its time is over")
		require.InDelta(t, 50, len(times), 2, "5s at 10/s")
		require.LessOrEqual(t, busiest(times), 10)
		p.Grant(suspect, 60, 0, 0)
		for range 60 - len(times) {
			require.NoError(t, p.Wait(t.Context(), suspect))
		}
		require.ErrorIs(t, p.Wait(t.Context(), suspect), dial.ErrBudget, "its budget is spent, the first part of it too")
		p.Done(suspect)
		require.Empty(t, p.granted)
		p.Exempt(bird)
		for range 100 {
			require.NoError(t, p.Wait(t.Context(), bird))
		}
	})
}

// A clock that is set must not stall a run, nor let it burst: everything that measures time does it by the monotonic clock,
// whose reading a time.Time shows as "m=" (package time).
func TestPaceIsByTheMonotonicClock(t *testing.T) {
	require.Contains(t, NewPacer(Pace{}).epoch.String(), " m=")
	tour, err := New(onLoopback(t, 1, nil, 1))
	require.NoError(t, err)
	require.Contains(t, tour.began.String(), " m=")
}
