package netinfo

import (
	"math"
	"math/big"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// setOf makes a set of values in the notation of the configuration.
func setOf(t testing.TB, values ...string) *Set {
	t.Helper()
	var b SetBuilder
	for _, v := range values {
		r, err := ParseRange(v)
		require.NoError(t, err)
		b.AddRange(r)
	}
	return b.Set()
}

func rangesOf(s *Set) []string {
	out := []string{}
	for r := range s.Ranges() {
		out = append(out, r.String())
	}
	return out
}

func TestSetMergesWhatOverlapsOrTouches(t *testing.T) {
	s := setOf(t, "198.51.100.128/25", "198.51.100.0/25", "198.51.100.64-198.51.101.3", "192.0.2.1", "192.0.2.3",
		"2001:db8::1", "2001:db8::/126", "2001:db8::4", "255.255.255.255", "0.0.0.0", "255.255.255.254",
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe")
	require.Equal(t, []string{"0.0.0.0", "192.0.2.1", "192.0.2.3", "198.51.100.0-198.51.101.3", "255.255.255.254/31",
		"::", "2001:db8::-2001:db8::4", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127"}, rangesOf(s))
	require.Equal(t, 8, s.Intervals())
	require.EqualValues(t, 1+1+1+260+2, s.SizeV4())
	require.EqualValues(t, 265+1+5+2, s.Count())
	require.Equal(t, "273", s.Size().String())
}

func TestSetContainsUnmapsAndRefusesZones(t *testing.T) {
	s := setOf(t, "198.51.100.0/24", "2001:db8::/32", "fe80::/10")
	for in, want := range map[string]bool{
		"198.51.100.0": true, "198.51.100.255": true, "198.51.99.255": false, "198.51.101.0": false,
		"::ffff:198.51.100.9": true, "::ffff:198.51.101.9": false, "::198.51.100.9": false,
		"2001:db8::": true, "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff": true, "2001:db9::": false, "2001:db7:ffff::": false,
		"fe80::1": true, "fe80::1%eth0": false, "::ffff:198.51.100.9%eth0": false,
	} {
		require.Equal(t, want, s.Contains(addr(in)), in)
	}
	require.False(t, s.Contains(netip.Addr{}))
	require.False(t, new(Set).Contains(addr("198.51.100.1")))
}

// The naive set of the property tests lives in two small universes: the last 256 IPv4 and the first 256 IPv6 addresses,
// so that the ends of the families are met all the time.
type naive [512]bool

func naiveAddr(i int) netip.Addr {
	if i < 256 {
		return v4(math.MaxUint32 - 255 + i).addr()
	}
	return v6{0, uint64(i - 256)}.addr()
}

func randomSet(rnd *rand.Rand) (*Set, naive) {
	var b SetBuilder
	var n naive
	for range rnd.IntN(30) {
		base := 256 * rnd.IntN(2)
		i := rnd.IntN(256)
		j := min(255, i+rnd.IntN(20))
		b.AddRange(Range{naiveAddr(base + i), naiveAddr(base + j)})
		for k := base + i; k <= base+j; k++ {
			n[k] = true
		}
	}
	return b.Set(), n
}

func requireSame(t *testing.T, n naive, s *Set) {
	t.Helper()
	var i uint64
	for k, in := range n {
		a := naiveAddr(k)
		if s.Contains(a) != in {
			require.Equal(t, in, s.Contains(a), "%s in %v", a, rangesOf(s))
		}
		if in {
			if s.At(i) != a {
				require.Equal(t, a, s.At(i), "At(%d) of %v", i, rangesOf(s))
			}
			i++
		}
	}
	require.Equal(t, i, s.Count())
	require.Equal(t, new(big.Int).SetUint64(i), s.Size())
	requireCanonical(t, s.v4)
	requireCanonical(t, s.v6)
}

func requireCanonical[P point[P]](t *testing.T, s []span[P]) {
	t.Helper()
	for i, x := range s {
		require.LessOrEqual(t, x.first.compare(x.last), 0)
		if i > 0 {
			require.Less(t, s[i-1].last.next().compare(x.first), 0, "touching or out of order")
		}
	}
}

func TestSetAgainstANaiveOne(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 400 {
		a, na := randomSet(rnd)
		b, nb := randomSet(rnd)
		var or, and, sub naive
		for i := range na {
			or[i], and[i], sub[i] = na[i] || nb[i], na[i] && nb[i], na[i] && !nb[i]
		}
		requireSame(t, na, a)
		requireSame(t, or, a.Union(b))
		requireSame(t, and, a.Intersect(b))
		requireSame(t, sub, a.Subtract(b))
		require.True(t, a.Subtract(b).Union(a.Intersect(b)).Equal(a))

		var clipped naive
		base := 256 * rnd.IntN(2)
		i := rnd.IntN(256)
		j := i + rnd.IntN(256-i)
		copy(clipped[base+i:base+j+1], na[base+i:base+j+1])
		requireSame(t, clipped, a.Within(Range{naiveAddr(base + i), naiveAddr(base + j)}))
	}
}

func TestRangePrefixesAreFewAndExact(t *testing.T) {
	for in, want := range map[string][]string{
		"198.51.100.0/24":              {"198.51.100.0/24"},
		"198.51.100.1-198.51.100.6":    {"198.51.100.1/32", "198.51.100.2/31", "198.51.100.4/31", "198.51.100.6/32"},
		"0.0.0.0-255.255.255.255":      {"0.0.0.0/0"},
		"0.0.0.0-255.255.255.254":      nil,
		"::/0":                         {"::/0"},
		"2001:db8::ffff-2001:db8::1:0": {"2001:db8::ffff/128", "2001:db8::1:0/128"},
	} {
		r, err := ParseRange(in)
		require.NoError(t, err)
		var got []string
		var b SetBuilder
		for p := range r.Prefixes() {
			got = append(got, p.String())
			b.Add(p)
		}
		if want != nil {
			require.Equal(t, want, got)
		} else {
			require.Len(t, got, 32)
		}
		var whole SetBuilder
		whole.AddRange(r)
		require.True(t, whole.Set().Equal(b.Set()), in)
		require.Equal(t, r.Size(), setOf(t, in).Size())
	}
}

func TestSizeBeyondUint64(t *testing.T) {
	s := setOf(t, "2001:db8:40::/48", "198.51.100.0/24")
	require.Equal(t, "1208925819614629174706176", s.Size().Sub(s.Size(), big.NewInt(256)).String())
	require.EqualValues(t, uint64(math.MaxUint64), s.Count())
	require.Equal(t, addr("198.51.100.255"), s.At(255))
	require.Equal(t, addr("2001:db8:40::"), s.At(256))
	require.Equal(t, addr("2001:db8:40:0:ffff:ffff:ffff:fefe"), s.At(math.MaxUint64-1))
	require.Panics(t, func() { s.At(math.MaxUint64) })
	require.Equal(t, "340282366920938463463374607431768211456", setOf(t, "::/0").Size().String())
	require.EqualValues(t, uint64(math.MaxUint64), setOf(t, "2001:db8::/64").Count())
	require.EqualValues(t, uint64(1)<<63, setOf(t, "2001:db8::/65").Count())
}

func TestSetBuilderIgnoresWhatIsNoRange(t *testing.T) {
	var b SetBuilder
	b.Add(netip.Prefix{})
	b.AddAddr(netip.Addr{})
	b.AddAddr(addr("fe80::1%eth0"))
	b.AddRange(Range{addr("198.51.100.2"), addr("198.51.100.1")})
	b.AddRange(Range{addr("198.51.100.2"), addr("2001:db8::")})
	require.True(t, b.Set().IsEmpty())
	b.Add(netip.MustParsePrefix("::ffff:198.51.100.0/120"))
	b.AddAddr(addr("::ffff:192.0.2.1"))
	b.Add(netip.MustParsePrefix("203.0.113.77/24"))
	require.Equal(t, []string{"192.0.2.1", "198.51.100.0/24", "203.0.113.0/24"}, rangesOf(b.Set()))
	require.True(t, b.Set().IsEmpty(), "Set empties the builder")
}

// million returns a set of n separate IPv4 addresses.
func million(n int) *Set {
	var b SetBuilder
	rnd := rand.New(rand.NewPCG(3, 4))
	for range n {
		b.AddAddr(v4(rnd.Uint32() &^ 1).addr())
	}
	return b.Set()
}

// heap returns what is in use, in bytes.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestAMillionIntervalsTakeTensOfMegabytes(t *testing.T) {
	before := heap()
	s := million(many)
	used := heap() - before
	require.Greater(t, s.Intervals(), many*99/100)
	require.Less(t, used, uint64(10*many), "8 bytes an interval and little else")
	t.Logf("%d intervals: %.1f MB", s.Intervals(), float64(used)/1e6)
	runtime.KeepAlive(s)
}

func TestContainsAndAtAllocateNothing(t *testing.T) {
	s := setOf(t, "198.51.100.0/24", "2001:db8::/112")
	probes := []netip.Addr{addr("198.51.100.7"), addr("::ffff:198.51.100.7"), addr("2001:db8::7"), addr("fe80::1%eth0")}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		for _, a := range probes {
			s.Contains(a)
		}
		s.At(300)
	}))
}

func TestRangesStopsWhenTold(t *testing.T) {
	s := setOf(t, "192.0.2.1", "192.0.2.3", "2001:db8::1", "2001:db8::3")
	for n := 1; n <= 4; n++ {
		seen := 0
		for range s.Ranges() {
			if seen++; seen == n {
				break
			}
		}
		require.Equal(t, n, seen)
	}
	require.Len(t, slices.Collect(s.Ranges()), 4)
}

func BenchmarkContains(b *testing.B) {
	s := million(1_000_000)
	rnd := rand.New(rand.NewPCG(5, 6))
	probes := make([]netip.Addr, 4096)
	for i := range probes {
		probes[i] = v4(rnd.Uint32()).addr()
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.Contains(probes[i%len(probes)])
	}
}

func BenchmarkAt(b *testing.B) {
	s := million(1_000_000)
	b.ReportAllocs()
	for i := uint64(0); b.Loop(); i++ {
		s.At(i * 7919 % s.Count())
	}
}
