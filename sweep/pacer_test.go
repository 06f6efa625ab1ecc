package sweep

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks/probe/dial"
)

func ip4(n uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], n)
	return netip.AddrFrom4(b)
}

// busiest is the largest number of times within one second, wherever that second begins.
func busiest(times []time.Time) (most int) {
	for first, i := 0, 0; i < len(times); i++ {
		for times[i].Sub(times[first]) >= time.Second {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// The clock of these tests is the bubble's: it moves only when everything waits.
func TestNeverAboveTheRateInAnySecond(t *testing.T) {
	for _, rate := range []float64{0.5, 1, 3, 50, 99, 100, 150, 250, 1000, 10_000} {
		for _, pattern := range []string{"greedy", "idle and greedy", "random"} {
			synctest.Test(t, func(t *testing.T) {
				p := NewPacer(Pace{Rate: rate, PerHost: 1 << 30})
				start := time.Now()
				var times []time.Time
				for n := 0; n < max(5, int(min(3*rate, 12_000))); n++ {
					switch {
					case pattern == "idle and greedy" && n%max(1, int(rate)) == 0:
						time.Sleep(1500 * time.Millisecond)
					case pattern == "random":
						time.Sleep(time.Duration(rand.Int64N(int64(2 * float64(time.Second) / rate))))
					}
					require.NoError(t, p.Wait(context.Background(), ip4(uint32(n))))
					times = append(times, time.Now())
				}
				require.LessOrEqual(t, float64(busiest(times)), max(1, rate), "rate %v, %s", rate, pattern)
				if pattern == "greedy" {
					got := float64(len(times)-1) / times[len(times)-1].Sub(start).Seconds()
					require.Greater(t, got, 0.97*rate, "rate %v is not used", rate)
				}
			})
		}
	}
}

func TestABurstIsAHundredthOfTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for rate, want := range map[float64]int{1: 1, 99: 1, 100: 1, 250: 2, 10_000: 100} {
			p := NewPacer(Pace{Rate: rate})
			time.Sleep(time.Minute) // rest must not be saved up
			n := 0
			for ; ; n++ {
				wait, everyone, err := p.Take(ip4(uint32(n)))
				require.NoError(t, err)
				if wait > 0 {
					require.True(t, everyone)
					break
				}
			}
			require.Equal(t, want, n, "rate %v", rate)
		}
	})
}

func TestNeverAboveTheRateOfANeighbourhood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer(Pace{Neighbourhood: 20, PerHost: 1 << 30})
		times := map[netip.Addr][]time.Time{}
		var mu sync.Mutex
		var wg sync.WaitGroup
		for w := range 40 {
			wg.Go(func() {
				for n := range 20 {
					a := ip4(uint32(w%4)<<8 | uint32(n)) // four neighbourhoods
					require.NoError(t, p.Wait(context.Background(), a))
					mu.Lock()
					times[neighbourhood(a)] = append(times[neighbourhood(a)], time.Now())
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		require.Len(t, times, 4)
		for hood, times := range times {
			require.Len(t, times, 200)
			require.LessOrEqual(t, busiest(times), 20, hood)
		}
	})
}

func TestNeighbourhoodsAreSlash24AndSlash64(t *testing.T) {
	for in, want := range map[string]string{"198.51.100.77": "198.51.100.0", "2001:db8:1:2:3::4": "2001:db8:1:2::"} {
		require.Equal(t, netip.MustParseAddr(want), neighbourhood(netip.MustParseAddr(in)))
	}
}

func TestABusyNeighbourhoodHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer(Pace{Neighbourhood: 1})
		take := func(n uint32) (time.Duration, bool) {
			wait, everyone, err := p.Take(ip4(n))
			require.NoError(t, err)
			return wait, everyone
		}
		wait, _ := take(0x0100)
		require.Zero(t, wait)
		wait, everyone := take(0x0101)
		require.Positive(t, wait)
		require.False(t, everyone)
		wait, _ = take(0x0201)
		require.Zero(t, wait)
	})
}

func TestTheBudgetOfAHostIsExactUnderConcurrency(t *testing.T) {
	p := NewPacer(Pace{PerHost: 64})
	host := ip4(1)
	var granted, refused atomic.Int64
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			for range 10 {
				var err error
				if i%2 == 0 {
					err = p.Wait(context.Background(), host)
				} else {
					_, _, err = p.Take(host)
				}
				if err == nil {
					granted.Add(1)
				} else {
					require.ErrorIs(t, err, dial.ErrBudget)
					refused.Add(1)
				}
			}
		})
	}
	wg.Wait()
	require.Equal(t, int64(64), granted.Load())
	require.Equal(t, int64(320-64), refused.Load())
	require.Equal(t, uint64(64), p.Total())

	p.Return(host)
	require.NoError(t, p.Wait(context.Background(), host))
	require.ErrorIs(t, p.Wait(context.Background(), host), dial.ErrBudget)
	require.NoError(t, p.Wait(context.Background(), ip4(2)), "another host has its own budget")
}

func TestPacerForgetsWhatIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer(Pace{Rate: 10_000, Neighbourhood: 100})
		most := 0
		for n := range uint32(10_000) {
			a := ip4(n << 8)
			require.NoError(t, p.Wait(context.Background(), a))
			p.Done(a)
			most = max(most, len(p.nearTAT))
		}
		require.Empty(t, p.spent)
		require.Less(t, most, 1000, "10 ms of neighbourhoods at 10,000/s are 100")
	})
}

func TestWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer(Pace{Rate: 0.001})
		require.NoError(t, p.Wait(context.Background(), ip4(1)))
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		require.ErrorIs(t, p.Wait(ctx, ip4(1)), context.DeadlineExceeded)
		require.Zero(t, p.blocked)
	})
}

func TestConversationsGoBeforeDiscovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer(Pace{Rate: 10})
		require.NoError(t, p.Wait(context.Background(), ip4(1)))
		var waited time.Duration
		go func() {
			start := time.Now()
			_ = p.Wait(context.Background(), ip4(2))
			waited = time.Since(start)
		}()
		synctest.Wait()
		for range 1000 { // discovery asks all the time
			_, _, _ = p.Take(ip4(3))
			time.Sleep(100 * time.Microsecond)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		require.InDelta(t, 0.1, waited.Seconds(), 0.01)
	})
}

func BenchmarkPacer(b *testing.B) {
	p := NewPacer(Pace{Rate: 1e9, Neighbourhood: 1e9, PerHost: 1 << 30})
	for i := 0; b.Loop(); i++ {
		a := ip4(uint32(i / 24))
		_, _, _ = p.Take(a)
		if i%24 == 23 {
			p.Done(a)
		}
	}
}
