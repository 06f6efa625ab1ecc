package netinfo

import (
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// gate is dial.Gate, which lives a floor above.
type gate interface{ Check(netip.Addr) error }

var _ gate = (*Scope)(nil)

func newScope(t testing.TB, cfg ScopeConfig) *Scope {
	t.Helper()
	s, err := NewScope(cfg)
	require.NoError(t, err)
	return s
}

func requireRefused(t *testing.T, s *Scope, a string, want Why) {
	t.Helper()
	var refused *RefusedError
	require.ErrorAs(t, s.Check(netip.MustParseAddr(a)), &refused, a)
	require.Equal(t, want, refused.Why, a)
	require.Equal(t, a, refused.Addr.String())
}

func TestScopeChecks(t *testing.T) {
	optOut := filepath.Join(t.TempDir(), "opt-out.txt")
	require.NoError(t, os.WriteFile(optOut, []byte("# asked us\n198.51.100.64/28\n2001:db8:40::5\n8.8.8.0/24\n"), 0o600))
	s := newScope(t, ScopeConfig{Owned: []string{"198.51.100.0/24", "2001:db8:40::/48"}, Excluded: []string{"198.51.100.7"},
		ExcludedFiles: []string{optOut},
		Exclusions:    []Exclusion{{netip.MustParsePrefix("198.51.100.128/30"), Source{Name: "customers.csv", Line: 9, Note: "customer C7 opted out"}}}})
	for _, a := range []string{"198.51.100.0", "198.51.100.8", "198.51.100.80", "::ffff:198.51.100.8", "2001:db8:40::6", "2001:db8:40:ffff::"} {
		require.NoError(t, s.Check(addr(a)), a)
	}
	for _, a := range []string{"198.51.100.7", "::ffff:198.51.100.7", "198.51.100.64", "198.51.100.79", "198.51.100.131", "2001:db8:40::5", "8.8.8.8"} {
		requireRefused(t, s, a, Excluded)
	}
	for _, a := range []string{"198.51.101.0", "2001:db8:41::", "fe80::1%eth0", "::198.51.100.8", "64:ff9b::c633:6408", "0.0.0.0", "::"} {
		requireRefused(t, s, addr(a).String(), NotOwned)
	}
	requireRefused(t, s, "2001:db8:40::6%eth0", NotOwned)
	require.Error(t, s.Check(netip.Addr{}))
	require.Error(t, new(Scope).Check(addr("198.51.100.8")), "the zero scope permits nothing")

	require.EqualError(t, s.Check(addr("198.51.100.7")), "198.51.100.7 is excluded; see netschouw scope show 198.51.100.7")
	require.EqualError(t, s.Check(addr("198.51.101.7")), "198.51.101.7 is not in scope.owned")

	for a, want := range map[string]string{
		"198.51.100.7":   "198.51.100.7 is excluded (198.51.100.7 from scope.excluded, entry 1), though owned (198.51.100.0/24 from scope.owned, entry 1)",
		"198.51.100.70":  "198.51.100.70 is excluded (198.51.100.64/28 from " + optOut + ":2), though owned (198.51.100.0/24 from scope.owned, entry 1)",
		"198.51.100.129": "198.51.100.129 is excluded (198.51.100.128/30 from customers.csv:9 (customer C7 opted out)), though owned (198.51.100.0/24 from scope.owned, entry 1)",
		"8.8.8.8":        "8.8.8.8 is excluded (8.8.8.0/24 from " + optOut + ":4), and not owned",
		"192.0.2.1":      "192.0.2.1 is not owned: no entry of scope.owned has it",
		"2001:db8:40::9": "2001:db8:40::9 is looked at: owned (2001:db8:40::/48 from scope.owned, entry 2) and not excluded",
		"fe80::1%eth0":   "fe80::1%eth0 is never contacted: an address with a zone belongs to one interface of one machine",
	} {
		require.Equal(t, want, s.Explain(addr(a)).String())
	}
	sum := s.Summary()
	require.Equal(t, "256", s.Owned().Intersect(setOf(t, "0.0.0.0/0")).Size().String())
	require.Equal(t, 2, sum.OwnedEntries)
	require.Equal(t, 5, sum.ExcludedEntries)
	require.Equal(t, "22", sum.Excluded.String())
	require.EqualValues(t, 256-21, sum.Walk)
	owned := slices.Collect(s.OwnedRanges())
	require.Len(t, owned, 2)
	require.Equal(t, "235", owned[0].Targets.String())
	require.Equal(t, "1208925819614629174706175", owned[1].Targets.String())
}

func TestScopeRefusesWhatNobodyOwns(t *testing.T) {
	_, err := NewScope(ScopeConfig{Excluded: []string{"198.51.100.1"}})
	require.ErrorIs(t, err, ErrNoOwned)
	empty := filepath.Join(t.TempDir(), "owned.txt")
	require.NoError(t, os.WriteFile(empty, []byte("# nothing yet\n"), 0o600))
	_, err = NewScope(ScopeConfig{OwnedFiles: []string{empty}})
	require.ErrorIs(t, err, ErrNoOwned)

	for in, want := range map[string]string{
		"0.0.0.0":                      "these addresses are nobody's hosts; 0.0.0.0/8 means this network itself (RFC 1122); take it out",
		"0.0.0.0/0":                    "more addresses than any one network holds; the largest IPv4 range is a /8; write your own prefixes",
		"10.0.0.0-11.0.0.0":            "more addresses than any one network holds; the largest IPv4 range is a /8; write your own prefixes",
		"169.254.1.0/24":               "these addresses are nobody's hosts; 169.254.0.0/16 is link-local (RFC 3927); take it out",
		"223.255.255.0-224.0.0.9":      "these addresses are nobody's hosts; 224.0.0.0/4 is multicast (RFC 5771); take it out",
		"255.255.255.255":              "these addresses are nobody's hosts; 240.0.0.0/4 is reserved, and 255.255.255.255 is broadcast (RFC 1112, RFC 919); take it out",
		"::":                           "these addresses are nobody's hosts; :: is the unspecified address (RFC 4291); take it out",
		"::198.51.100.1":               "these addresses are nobody's hosts; ::/96 holds IPv4-compatible addresses (RFC 4291); take it out",
		"::fffe:0:0-::1:0:0:0":         "these addresses are nobody's hosts; ::ffff:0:0/96 maps IPv4 addresses (RFC 4291); take it out",
		"64:ff9b::198.51.100.1":        "these addresses are nobody's hosts; 64:ff9b::/96 is translated to IPv4 addresses of others (RFC 6052); take it out",
		"2002:c633:6401::/48":          "these addresses are nobody's hosts; 2002::/16 is 6to4, tunnelled to IPv4 addresses of others (RFC 3056); take it out",
		"fe80::1":                      "these addresses are nobody's hosts; fe80::/10 is link-local (RFC 4291); take it out",
		"ff02::1":                      "these addresses are nobody's hosts; ff00::/8 is multicast (RFC 4291); take it out",
		"2000::/3":                     "more addresses than any one network holds; the largest IPv6 range is a /16; write your own prefixes",
		"2001:db8::-2002:ffff::":       "more addresses than any one network holds; the largest IPv6 range is a /16; write your own prefixes",
		"2001::/31":                    "these addresses are nobody's hosts; 2001::/32 is Teredo, tunnelled to IPv4 addresses of others (RFC 4380); take it out",
		"64:ff9b:1:ffff::-64:ff9b:2::": "these addresses are nobody's hosts; 64:ff9b:1::/48 is translated to IPv4 addresses of others (RFC 8215); take it out",
	} {
		_, err := NewScope(ScopeConfig{Owned: []string{"198.51.100.0/24", in}})
		require.EqualError(t, err, `scope.owned, entry 2: "`+in+`": `+want)
	}
	newScope(t, ScopeConfig{Owned: []string{"10.0.0.0/8", "127.0.0.0/8", "::1", "192.168.0.0/16", "fd00::/16", "100.64.0.0/10"},
		Excluded: []string{"0.0.0.0/0", "::/0", "ff00::/8"}})
}

func TestAFaultyExclusionStopsEverything(t *testing.T) {
	_, err := NewScope(ScopeConfig{Owned: []string{"198.51.100.0/24"}, Excluded: []string{"198.51.100.0/42", "198.51.100.1"},
		ExcludedFiles: []string{"testdata/ranges/bad-host-bits.txt", "testdata/ranges/missing.txt"},
		Exclusions:    []Exclusion{{Source: Source{Name: "customers.csv", Line: 4}}}})
	var faults *Faults
	require.ErrorAs(t, err, &faults)
	require.Equal(t, 4, faults.Total)
	require.ErrorContains(t, err, "4 faulty entries:\n  scope.excluded, entry 1: ")
	require.ErrorContains(t, err, "bad-host-bits.txt:3: ")
}

func TestNarrowNeverWidens(t *testing.T) {
	s := newScope(t, ScopeConfig{Owned: []string{"198.51.100.0/24", "203.0.113.0/25", "2001:db8:40::/48"}, Excluded: []string{"198.51.100.7"}})
	n, err := s.Narrow([]string{"198.51.100.0/28", "2001:db8:40::/120"})
	require.NoError(t, err)
	require.NoError(t, n.Check(addr("198.51.100.1")))
	requireRefused(t, n, "198.51.100.7", Excluded)
	requireRefused(t, n, "198.51.100.16", NotInRange)
	requireRefused(t, n, "192.0.2.1", NotOwned)
	require.EqualError(t, n.Check(addr("198.51.100.16")), "198.51.100.16 is owned, but outside --range")
	require.Equal(t, "198.51.100.16 is owned (198.51.100.0/24 from scope.owned, entry 1), but outside --range", n.Explain(addr("198.51.100.16")).String())
	require.EqualValues(t, 15+256, n.Targets().Count())
	require.NoError(t, n.Walkable())
	require.NoError(t, s.Check(addr("198.51.100.16")), "the scope it came from is as it was")

	for in, want := range map[string]string{
		"198.51.100.0/23":               "not owned: 198.51.101.0/24; a range can narrow scope.owned, never widen it",
		"198.51.99.255-198.51.101.0":    "not owned: 198.51.99.255, 198.51.101.0; a range can narrow scope.owned, never widen it",
		"192.0.2.0/24":                  "no address of it is owned; a range can narrow scope.owned, never widen it",
		"203.0.113.0/24":                "not owned: 203.0.113.128/25; a range can narrow scope.owned, never widen it",
		"2001:db8:3f::-2001:db8:40::ff": "not owned: 2001:db8:3f::/48; a range can narrow scope.owned, never widen it",
	} {
		_, err := s.Narrow([]string{in})
		require.EqualError(t, err, `--range, entry 1: "`+in+`": outside the owned ranges; `+want)
	}
	_, err = n.Narrow([]string{"198.51.100.0/24"})
	require.Error(t, err, "narrowing again cannot widen what was narrowed")
	_, err = s.Narrow([]string{"198.51.100.1/24", "mx.example.org"})
	require.ErrorContains(t, err, "2 faulty entries")
	_, err = s.Narrow(nil)
	require.Error(t, err)

	only, err := s.Narrow([]string{"198.51.100.7"})
	require.NoError(t, err)
	require.EqualError(t, only.Walkable(), "nothing is left to look at: every address in the scope is excluded; see netschouw scope show")
}

// No mix of flags permits an address that is not owned, or is excluded.
func TestNoNarrowingPermitsMore(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8))
	random := func(n int) (out []string) {
		for range 1 + rnd.IntN(n) {
			a := uint32(0xc6336400 + rnd.IntN(512))
			out = append(out, Range{v4(a).addr(), v4(a + uint32(rnd.IntN(100))).addr()}.String())
		}
		return out
	}
	narrowed := 0
	for range 500 {
		s := newScope(t, ScopeConfig{Owned: random(4), Excluded: random(3)})
		owned, excluded := s.Owned(), s.Excluded()
		scopes := []*Scope{s}
		for range 5 {
			if n, err := s.Narrow(random(1)); err == nil {
				scopes = append(scopes, n)
				narrowed++
			}
		}
		for i := range 700 {
			a := v4(0xc6336400 - 20 + uint32(i)).addr()
			for _, x := range scopes {
				if x.Check(a) == nil && (!owned.Contains(a) || excluded.Contains(a)) {
					require.Fail(t, "permitted", "%s", a)
				}
			}
			require.Equal(t, owned.Contains(a) && !excluded.Contains(a), s.Check(a) == nil)
		}
	}
	require.Greater(t, narrowed, 100)
}

func TestWalkHasIPv6ThatIsListed(t *testing.T) {
	list := filepath.Join(t.TempDir(), "v6.txt")
	require.NoError(t, os.WriteFile(list, []byte("2001:db8:40::25\n2001:db8:40::80/124\n2001:db8:41::/112\n"), 0o600))
	s := newScope(t, ScopeConfig{Owned: []string{"198.51.100.0/28", "2001:db8:40::/48"}, OwnedFiles: []string{list}, Excluded: []string{"2001:db8:40::81"}})
	require.Equal(t, []string{"198.51.100.0/28", "2001:db8:40::25", "2001:db8:40::80", "2001:db8:40::82-2001:db8:40::8f", "2001:db8:41::/112"}, rangesOf(s.Walk()))
	require.NoError(t, s.Check(addr("2001:db8:40:1::1")), "owned, and may be contacted by check")
	var nw *NotWalkableError
	require.ErrorAs(t, s.Walkable(), &nw)
	require.EqualValues(t, 16+1+1+14+65536, nw.Rest)

	s = newScope(t, ScopeConfig{Owned: []string{"2001:db8:40::/48", "2001:db8:42::/111"}})
	require.True(t, s.Walk().IsEmpty())
	require.EqualError(t, s.Walkable(), "too many IPv6 addresses to visit one by one: 2001:db8:40::/48, 2001:db8:42::/111; "+
		"list the addresses in use with --range or in scope.owned_files, in prefixes of at most a /112")
	n, err := s.Narrow([]string{"2001:db8:40::/112", "2001:db8:40::1:0/112"})
	require.NoError(t, err)
	require.NoError(t, n.Walkable())
	require.EqualValues(t, 2<<16, n.Walk().Count())
}

func TestScopeCheckAllocatesNothing(t *testing.T) {
	s := newScope(t, ScopeConfig{Owned: []string{"198.51.100.0/24", "2001:db8::/48"}, Excluded: []string{"198.51.100.7"}})
	a, b := addr("198.51.100.9"), addr("2001:db8::9")
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if s.Check(a) != nil || s.Check(b) != nil {
			t.Fatal("refused")
		}
	}))
}

func TestManyExclusions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "opt-out.txt")
	var b strings.Builder
	for i := range 200_000 {
		b.WriteString(v4(0x0a000000+5*uint32(i)).addr().String() + "\n")
	}
	require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o600))
	s := newScope(t, ScopeConfig{Owned: []string{"10.0.0.0/8"}, ExcludedFiles: []string{path}})
	require.EqualValues(t, 1<<24-200_000, s.Walk().Count())
	requireRefused(t, s, "10.0.0.5", Excluded)
	require.Equal(t, path+":2", s.Explain(addr("10.0.0.5")).Excluded.Source.String())
}
