package checks

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks/probe"
	"github.com/netschouw/netschouw/netinfo"
)

// parts are what random hosts are made of.
var parts = []func() []probe.Service{
	ssh, store, selenium, squid, panel, plainBrowser, spoofedBrowser,
	func() []probe.Service { return web("example.org") },
	func() []probe.Service { return web("blog.test", seenIn("page", "meliorator", "fbi", "mlrtr.com")...) },
	func() []probe.Service { return web("x.test", seenIn("script", "taras", "souls", "thoughts")...) },
	func() []probe.Service { return mail(true, "first.test", "second.test") },
	func() []probe.Service { return mail(false, "example.org") },
	func() []probe.Service { return mail(true, "mlrtr.com") },
	func() []probe.Service { return proxies(3) }, func() []probe.Service { return proxies(12) },
	func() []probe.Service { return proxies(40) }, // more than evidence has room for
}

// randomHost has up to six parts, each port once, and facts of the network that may or may not have been looked at.
func randomHost(rnd *rand.Rand) *Host {
	h := hostOf()
	taken := map[uint16]bool{}
	for range rnd.IntN(7) {
		for _, s := range parts[rnd.IntN(len(parts))]() {
			if !taken[s.Port] {
				taken[s.Port] = true
				h.Services = append(h.Services, s)
			}
		}
	}
	slices.SortFunc(h.Services, func(a, b probe.Service) int { return int(a.Port) - int(b.Port) })
	if rnd.IntN(2) == 0 {
		h.Network.PTR = []string{[]string{"static.example.org", "mx.otanmail.com"}[rnd.IntN(2)]}
		h.Network.PTRConfirmed = new(bool)
	}
	if rnd.IntN(2) == 0 {
		asn, country := uint32(64500), "NL"
		h.Network.ASN, h.Network.Country = &asn, &country
	}
	if rnd.IntN(2) == 0 {
		tagged(h, []string{"vps", "prepaid-crypto"}[rnd.IntN(2)])
	}
	return h
}

func traitNames(a Assessment) (list []string) {
	for _, t := range a.Traits {
		list = append(list, t.Rule)
	}
	return list
}

func TestOrderOfServicesDoesNotMatter(t *testing.T) {
	rs, p := load(t), DefaultPolicy()
	rnd := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		h := randomHost(rnd)
		want := rs.Assess(h, p)
		rnd.Shuffle(len(h.Services), func(i, j int) { h.Services[i], h.Services[j] = h.Services[j], h.Services[i] })
		before := slices.Clone(h.Services)
		require.Equal(t, want, rs.Assess(h, p))
		require.Equal(t, before, h.Services, "the host is not changed")
	}
}

func TestOrderOfRulesDoesNotMatter(t *testing.T) {
	rs, p := load(t), DefaultPolicy()
	rnd := rand.New(rand.NewPCG(2, 2))
	for range 100 {
		shuffled := &Ruleset{words: rs.words, services: make([][]*rule, len(rs.services))}
		pk := *rs.packs[0]
		pk.rules = slices.Clone(pk.rules)
		rnd.Shuffle(len(pk.rules), func(i, j int) { pk.rules[i], pk.rules[j] = pk.rules[j], pk.rules[i] })
		shuffled.add(&pk)
		shuffled.pool.New = func() any { return newEvaluator(shuffled) }
		h := randomHost(rnd)
		require.Equal(t, rs.Assess(h, p), shuffled.Assess(h, p))
	}
}

// TestNotLookedAtIsNoEvidence takes knowledge away, one fact at a time: no rule fires that did not fire before.
func TestNotLookedAtIsNoEvidence(t *testing.T) {
	rs, p := load(t), DefaultPolicy()
	forget := []func(*Host){
		func(h *Host) { h.Network.PTR = nil }, func(h *Host) { h.Network.PTRConfirmed = nil }, func(h *Host) { h.Network.ASN = nil },
		func(h *Host) { h.Network.Country = nil }, func(h *Host) { h.Owner = nil }, func(h *Host) { h.Network = netinfo.Network{} },
		func(h *Host) {
			for i := range h.Services {
				h.Services[i].TLS = nil
			}
		},
	}
	rnd := rand.New(rand.NewPCG(3, 3))
	fewer := 0
	for range 300 {
		h := randomHost(rnd)
		before := rs.Assess(h, p)
		forget[rnd.IntN(len(forget))](h)
		after := rs.Assess(h, p)
		require.Subset(t, traitNames(before), traitNames(after))
		require.LessOrEqual(t, after.Score, before.Score)
		if len(after.Traits) < len(before.Traits) {
			fewer++
		}
	}
	require.NotZero(t, fewer, "some of what is forgotten mattered")
}

// TestNegationOfTheUnknownDoesNotFire has the conditions that a careless author would write.
func TestNegationOfTheUnknownDoesNotFire(t *testing.T) {
	for _, when := range []string{
		`host.country != "NL"`, `!(host.country == "NL")`, `!host.ptr_confirmed`, `host.ptr_confirmed != true`, `host.ptr_confirmed == false`,
		`len(host.ptr) == 0`, `none(host.tags, # == "vps")`, `not ("vps" in host.tags)`, `host.asn != 64500`, `(host.country ?? "XX") == "XX"`,
		`host?.country == nil`, `host.mail_self_made != true`, `host.asn < 1`, `!any(host.ptr, # endsWith ".example.org")`,
		`host.customer == "" || host.country != "NL"`, `let c = host.country; c != "NL"`, `all(host.tags, false)`,
	} {
		t.Run(when, func(t *testing.T) {
			rs := oneRule(t, eachHost, nil, when)
			a := rs.Assess(hostOf(ssh()), DefaultPolicy())
			require.Empty(t, a.Traits)
			n, err := rs.Faults()
			require.Zero(t, n, "not looked at is no fault: %v", err)
		})
	}
}

// TestNoWayAroundTheUnknown has the ways to reach a fact without the loader seeing it: all are refused.
func TestNoWayAroundTheUnknown(t *testing.T) {
	for _, when := range []string{
		`get(host, "country") != "NL"`, `host[host.platform] != "NL"`, `$env.host.country != "NL"`, `$env["ho" + "st"].country != "NL"`,
		`$env[host.platform] != "NL"`, `any([host, 1], #.country != "NL")`, `{"a": host}.a.country != "NL"`,
		`{"a": host}["a"]["country"] != "NL"`, `first([host]).country != "NL"`, `(true ? host : 1).country != "NL"`, `known(host.country) == "NL"`,
	} {
		t.Run(when, func(t *testing.T) {
			_, problems := newScope(eachHost, nil, &wordTable{number: map[string]int{}}).compile(when, true, at(1))
			require.NotEmpty(t, problems)
		})
	}
}

// TestGuardsOnlySkipWhatCannotFire compares every rule of the pack with and without its guard.
func TestGuardsOnlySkipWhatCannotFire(t *testing.T) {
	guarded, open, p := load(t), load(t), DefaultPolicy()
	for _, r := range open.rules {
		r.guard = guard{}
	}
	rnd := rand.New(rand.NewPCG(4, 4))
	for range 500 {
		h := randomHost(rnd)
		require.Equal(t, open.Assess(h, p), guarded.Assess(h, p))
	}
}

// TestGuardsOfAlternatives has conditions of which only the second half is true, on a host without words.
func TestGuardsOfAlternatives(t *testing.T) {
	h := hostOf(ssh(), store())
	for when, fires := range map[string]bool{
		`word("souls") || has("mongodb")`:                          true,
		`has("redis") || has("mongodb")`:                           true,
		`(word("a") || word("b")) && has("mongodb")`:               false,
		`host.country == "NL" && has("mongodb")`:                   false,
		`has("mongodb") || host.country == "NL"`:                   true,
		`!word("souls")`:                                           true,
		`words("souls") >= 0 && count("redis") >= 0`:               true,
		`words("souls") == 0 && count("redis") < 1`:                true,
		`has("mongodb") ? true : host.country == "NL"`:             true,
		`any(host.ports, # == 22 || host.country == "NL")`:         true,
		`!(word("souls") && has("mongodb")) && !(has("redis"))`:    true,
		`count("mongodb") > 0 && (count("ssh") == 1 || word("x"))`: true,
	} {
		require.Equal(t, fires, len(oneRule(t, eachHost, nil, when).Assess(h, DefaultPolicy()).Traits) == 1, when)
	}
}

// TestScoreGrowsWithEvidence adds one trait to random ones: the score never falls, nor does the verdict get better.
func TestScoreGrowsWithEvidence(t *testing.T) {
	rs, p := load(t), DefaultPolicy()
	rank := map[Verdict]int{Clear: 0, Suspect: 1, Match: 2}
	rnd := rand.New(rand.NewPCG(5, 5))
	for range 500 {
		order := rnd.Perm(len(rs.rules))
		var hits []hit
		before := Assessment{Verdict: Clear, Score: p.Prior}
		for _, i := range order[:rnd.IntN(len(order))] {
			hits = append(hits, hit{rule: rs.rules[i]})
			after := Assessment{}
			after.traits(slices.Clone(hits), p)
			require.GreaterOrEqual(t, after.Score, before.Score)
			require.GreaterOrEqual(t, rank[after.Verdict], rank[before.Verdict])
			require.GreaterOrEqual(t, len(after.Groups), len(before.Groups))
			before = after
		}
	}
}

// oneRule compiles a rule set of one rule with this condition.
func oneRule(t testing.TB, each string, protocols []string, when string) *Ruleset {
	t.Helper()
	rs := &Ruleset{words: wordTable{number: map[string]int{}}, services: make([][]*rule, len(probe.Protocols()))}
	program, problems := newScope(each, protocols, &rs.words).compile(when, true, at(1))
	require.Empty(t, problems)
	def := &ruleDef{ID: "one", Group: "store", Title: "one", Phrase: "one", Weight: 1, Each: each, Protocol: protocols, In: nameKinds}
	r := &rule{def: def, id: "test/one", group: 3, when: program, guard: guardOf(program.Node()), in: nameKinds}
	pk := &pack{name: "test", stamp: "test@1", rules: []*rule{r}}
	r.pack = pk
	rs.add(pk)
	rs.pool.New = func() any { return newEvaluator(rs) }
	return rs
}
