package checks

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks/probe"
)

func TestVerdicts(t *testing.T) {
	rs := load(t)
	blog := web("blog.test", seenIn("page", "meliorator", "brigadir", "taras", "souls", "thoughts", "mlrtr.com", "fbi", "aivd", "advisory")...)
	for _, tc := range []struct {
		name    string
		host    *Host
		verdict Verdict
		groups  string
	}{
		{"nothing", hostOf(), Clear, ""},
		{"a web server", hostOf(ssh(), web("example.org")), Clear, ""},
		{"mailcow", hostOf(ssh(), mail(false, "example.org"), web("example.org")), Clear, "mail"},
		{"a company's own mail", hostOf(ssh(), mail(true, "example.org")), Clear, "mail"},
		{"shared hosting", hostOf(ssh(), mail(false, "first.test", "second.test"), web("first.test")), Clear, "mail"},
		{"an exposed MongoDB", hostOf(ssh(), store()), Clear, "store"},
		{"a PDF renderer", hostOf(ssh(), plainBrowser()), Clear, "automation"},
		{"a browser that pretends", hostOf(ssh(), spoofedBrowser()), Clear, "automation"},
		{"Selenium", hostOf(ssh(), selenium()), Clear, "automation"},
		{"squid", hostOf(ssh(), squid()), Clear, "proxy"},
		{"a seller of proxies", hostOf(ssh(), proxies(50)), Clear, "proxy"},
		{"a researcher's blog", hostOf(ssh(), blog, mail(true, "blog.test")), Clear, "indicator mail panel"},
		{"a researcher's blog beside an exposed MongoDB", hostOf(ssh(), blog, mail(true, "blog.test"), store()), Suspect, "indicator mail panel store"},
		{"a Ukrainian building firm", hostOf(web("firm.test", seenIn("page", "brigadir", "taras")...), mail(false, "firm.test")), Clear, "mail panel"},

		{"test farm with a store", hostOf(ssh(), plainBrowser(), store()), Clear, "store automation"},
		{"test farm that pretends, with a store", hostOf(ssh(), spoofedBrowser(), store()), Suspect, "store automation"},
		{"scraping firm", hostOf(ssh(), plainBrowser(), squid()), Clear, "automation proxy"},
		{"scraping firm that pretends, with many proxies", hostOf(ssh(), spoofedBrowser(), proxies(20)), Suspect, "automation proxy"},
		{"scraping firm with everything", hostOf(ssh(), spoofedBrowser(), proxies(20), store()), Suspect, "store automation proxy"},
		{"mail and a proxy", hostOf(ssh(), mail(true, "example.org"), squid()), Clear, "mail proxy"},
		{"the panel alone", hostOf(ssh(), panel()), Suspect, "panel"},

		{"textbook", hostOf(ssh(), mail(true, "first.test", "second.test"), panel(), store(), spoofedBrowser(), proxies(12)), Match, "mail panel store automation proxy"},
		{"textbook without a name on its panel", hostOf(ssh(), mail(true, "first.test", "second.test"), store(), spoofedBrowser(), proxies(12)), Match, "mail store automation proxy"},
		{"panel, mail and store", hostOf(ssh(), mail(true, "first.test"), panel(), store()), Match, "mail panel store"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := rs.Assess(tc.host, DefaultPolicy())
			require.Equal(t, tc.verdict, a.Verdict, "score %v, %s", a.Score, a.Reason)
			require.Equal(t, tc.groups, strings.Join(a.Groups, " "))
			require.NotEmpty(t, a.Reason)
			require.NotNil(t, a.Traits)
			require.Equal(t, []string{"meliorator@1"}, a.Packs)
		})
	}
	n, err := rs.Faults()
	require.NoError(t, err)
	require.Zero(t, n)
}

// weakest are the least that each structural group can show, strongest the most.
var weakest = map[string]func() []probe.Service{
	"mail":       func() []probe.Service { return mail(false, "example.org") },
	"panel":      func() []probe.Service { return web("panel.test", seenIn("page", "brigadir", "taras")...)[1:] },
	"store":      store,
	"automation": selenium,
	"proxy":      squid,
}

// TestAnyThreeGroupsAreSuspect is what the pack promises of evasive servers: whatever part is missing or hidden, three
// groups at their weakest bring a host before a person. Two generic ones at their weakest do not.
func TestAnyThreeGroupsAreSuspect(t *testing.T) {
	rs, p := load(t), DefaultPolicy()
	names := []string{"mail", "panel", "store", "automation", "proxy"}
	for i, a := range names {
		for j, b := range names[:i] {
			two := rs.Assess(hostOf(ssh(), weakest[a](), weakest[b]()), p)
			require.Len(t, two.Groups, 2)
			require.NotEqual(t, Match, two.Verdict)
			if a != "panel" && b != "panel" {
				require.Equal(t, Clear, two.Verdict, "%s and %s: %v", a, b, two.Score)
			}
			for _, c := range names[:j] {
				three := rs.Assess(hostOf(ssh(), weakest[a](), weakest[b](), weakest[c]()), p)
				require.Len(t, three.Groups, 3)
				require.Equal(t, Suspect, three.Verdict, "%s, %s and %s: %v", a, b, c, three.Score)
			}
		}
	}
}

// TestNoPairIsAMatch has every pair of groups at its strongest, and of the generic ones every triple.
func TestNoPairIsAMatch(t *testing.T) {
	rs, p := load(t), DefaultPolicy()
	best := map[string]float64{}
	for _, r := range rs.rules {
		if !r.def.Hard {
			best[r.def.Group] = max(best[r.def.Group], r.def.Weight)
		}
	}
	generic := []string{"mail", "store", "automation", "proxy"}
	for i, a := range generic {
		for j, b := range generic[:i] {
			for _, c := range generic[:j] {
				score := logistic(logit(p.Prior) + best[a] + best[b] + best[c] + best["context"])
				require.Less(t, score, p.Match, "%s, %s, %s without a panel", a, b, c)
			}
		}
	}
	a := rs.Assess(tagged(hostOf(ssh(), panel(), mail(true, "first.test", "second.test")), "prepaid-crypto"), p)
	require.Equal(t, []string{"mail", "panel", "context"}, a.Groups)
	require.Equal(t, Suspect, a.Verdict, "context is no third group")
}

func TestHardIndicator(t *testing.T) {
	rs, p := load(t), DefaultPolicy()
	h := hostOf(ssh())
	h.Network.PTR = []string{"mail.mlrtr.com"}
	a := rs.Assess(h, p)
	require.Equal(t, Match, a.Verdict)
	require.True(t, a.Traits[0].Hard)
	require.Contains(t, a.Reason, "enough by itself")

	h = hostOf(ssh())
	h.DNSNames = []string{"mlrtr.com"}
	require.Equal(t, Clear, rs.Assess(h, p).Verdict, "the answer is the seizing agency's today")
	h.ObservedAt = h.ObservedAt.AddDate(-2, 0, 0)
	require.Equal(t, Match, rs.Assess(h, p).Verdict, "January 2024")
	h.ObservedAt = h.ObservedAt.AddDate(-2000, 0, 0)
	h.ObservedAt = Host{}.ObservedAt
	require.Equal(t, Clear, rs.Assess(h, p).Verdict, "a time that is not known is within no bounds")
}

func TestHostThatAcceptsAllIsJudgedByAnswers(t *testing.T) {
	rs, p := load(t), DefaultPolicy()
	h := hostOf(ssh(), mail(true, "first.test", "second.test"), panel(), store(), spoofedBrowser(), proxies(12))
	h.AcceptsAll = true
	require.Equal(t, Match, rs.Assess(h, p).Verdict, "every handshake came to its end")
	for i := range h.Services {
		h.Services[i].Status = probe.StatusTruncated
	}
	a := rs.Assess(h, p)
	require.Equal(t, Clear, a.Verdict, a.Reason)
	require.Empty(t, a.Traits)
}

func TestReasonReadsAsASentence(t *testing.T) {
	rs, p := load(t), DefaultPolicy()
	a := rs.Assess(hostOf(ssh(), mail(true, "first.test", "second.test"), panel(), store(), spoofedBrowser(), proxies(12)), p)
	require.Equal(t, "private mail for several domains with a self-made certificate, a panel with the published names of Meliorator's own, "+
		"a MongoDB store, browser automation with a spoofed User-Agent and many proxy ports on one host; "+
		"5 independent groups of traits together are the published pattern", a.Reason)
}

func TestPolicyIsChecked(t *testing.T) {
	require.NoError(t, DefaultPolicy().Validate())
	require.EqualError(t, Policy{Prior: 0, Suspect: .1, Match: .9}.Validate(), "rules.prior is 0; write a probability above 0 and below 1")
	require.EqualError(t, Policy{Prior: .1, Suspect: .9, Match: .5}.Validate(), "rules.suspect (0.9) is above rules.match (0.5); swap them")
}
