package sweep

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks"
)

// TestPlacesAreExact begins and finishes places at random, takes snapshots at random, and goes on from one: every place is
// handed out again if and only if it was not done at the snapshot.
func TestPlacesAreExact(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		total := 1 + random.Uint64N(300)
		w, done := newWatermark(Place{}), map[uint64]bool{}
		for range 4 { // kills
			var busy []uint64
			for range random.IntN(400) {
				left, inHand := w.left(total)
				require.Equal(t, len(busy), inHand)
				if left > 0 && random.IntN(3) > 0 {
					i := w.begin()
					require.False(t, done[i], "done before")
					require.NotContains(t, busy, i, "begun twice")
					busy = append(busy, i)
				} else if len(busy) > 0 {
					k := random.IntN(len(busy))
					w.done(busy[k])
					done[busy[k]] = true
					busy = append(busy[:k], busy[k+1:]...)
				}
			}
			p := w.copy().place()
			require.NoError(t, p.check(total))
			for i := range p.Cursor {
				require.True(t, done[i], "everything before the cursor is done")
			}
			w = newWatermark(p)
		}
		for left, _ := w.left(total); left > 0; left, _ = w.left(total) {
			i := w.begin()
			require.False(t, done[i])
			done[i] = true
			w.done(i)
		}
		require.Len(t, done, int(total), "nobody is missed")
		require.Equal(t, Place{Cursor: total, Next: total}, w.copy().place())
	}
}

func TestDifferencesAreNamed(t *testing.T) {
	was := Settings{{"sweep.ports", []string{"default"}}, {"scope.owned", []string{"a", "b", "c", "d"}}, {"rules.dirs", nil}}
	change := func(key string, values ...string) Settings {
		now := append(Settings{}, was...)
		for i := range now {
			if now[i].Key == key {
				now[i].Values = values
				return now
			}
		}
		return append(now, Setting{key, values})
	}
	for want, now := range map[string]Settings{
		"":                                       was,
		"sweep.ports: default -> 25, 443":        change("sweep.ports", "25", "443"),
		"sweep.ports: default -> nothing":        change("sweep.ports"),
		"scope.owned: without b now, with e now": change("scope.owned", "a", "c", "d", "e"),
		"scope.owned: in another order now":      change("scope.owned", "d", "c", "b", "a"),
		"rules.dirs: nothing -> /x":              change("rules.dirs", "/x"),
		"sweep.new: nothing -> 1":                change("sweep.new", "1"),
		"scope.owned: without a, b, c, 1 more now, with e, f, g, 2 more now": change("scope.owned", "e", "f", "g", "h", "i"),
	} {
		require.Equal(t, want, was.diff(now))
	}
	require.Equal(t, "k: 1 -> nothing; l: 1 -> nothing; m: 1 -> nothing; and 1 more",
		Settings{{"k", []string{"1"}}, {"l", []string{"1"}}, {"m", []string{"1"}}, {"n", []string{"1"}}}.diff(nil))
}

// shelf is a Keeper whose findings outlast the process: what a kill leaves is what Host was given, torn at random.
type shelf struct {
	lines []checks.Finding
	each  func(n int)
}

func (s *shelf) Host(f checks.Finding) error {
	s.lines = append(s.lines, f)
	if s.each != nil {
		s.each(len(s.lines))
	}
	return nil
}
func (s *shelf) Mark() (int64, error) { return int64(len(s.lines)), nil }
func (s *shelf) Sync() error          { return nil }

// TestAKillAtAnyMomentLosesAndDoublesNobody keeps the state file, and some of the findings after it, of some moment, as a kill
// would leave them; goes on from there; and finds every host reported once and counted once, ports included.
func TestAKillAtAnyMomentLosesAndDoublesNobody(t *testing.T) {
	const n = 600
	f, closed := newFleet(t, linger), closedPort(t)
	for seed := range uint64(6) {
		random := rand.New(rand.NewPCG(seed, 2))
		path := filepath.Join(t.TempDir(), "run.json")
		kept := &shelf{}
		for kills := 0; ; kills++ {
			require.Less(t, kills, 50)
			cfg := onLoopback(t, n, nil, f.port, closed)
			cfg.State, cfg.SaveEvery = path, time.Millisecond
			if kills > 0 {
				st, err := LoadState(path)
				require.NoError(t, err)
				tail := int(st.Sink) + random.IntN(len(kept.lines)-int(st.Sink)+1)
				kept.lines = kept.lines[:tail]
				cfg.Resume, cfg.Standing = &st, map[netip.Addr]checks.Finding{}
				for i, f := range kept.lines {
					if i >= int(st.Sink) || slices.Contains(st.Standing, f.Address) {
						cfg.Standing[f.Address] = f
					}
				}
			}
			ctx, kill := context.WithCancel(context.Background())
			var frozen []byte
			moment := len(kept.lines) + 1 + random.IntN(n/4)
			kept.each = func(n int) {
				if n == moment {
					frozen, _ = os.ReadFile(path)
					kill()
				}
			}
			tour, err := New(cfg)
			require.NoError(t, err)
			tour.sink = kept
			require.NoError(t, tour.save(), "without a state from before the kill there is nothing to go on from")
			s, err := tour.Run(ctx, nil, kept)
			kill()
			require.NoError(t, err)
			if !s.Interrupted {
				require.Len(t, kept.lines, n)
				seen := map[netip.Addr]bool{}
				for _, f := range kept.lines {
					require.False(t, seen[f.Address], "%s twice", f.Address)
					seen[f.Address] = true
				}
				require.Equal(t, map[HostState]uint64{Assessed: n}, s.Hosts)
				require.Equal(t, uint64(n), s.Verdicts[checks.Clear])
				require.Equal(t, uint64(n), s.Ports[f.port]["open"]+s.Ports[0]["open"])
				require.Equal(t, uint64(n), s.Ports[closed]["refused"]+s.Ports[0]["refused"])
				break
			}
			kept.lines = kept.lines[:moment]
			require.NoError(t, os.WriteFile(path, frozen, 0o600))
		}
	}
}
