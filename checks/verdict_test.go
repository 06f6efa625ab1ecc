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
		{"a researcher's blog beside an exposed MongoDB", hostOf(ssh(), blog, mail(true, "blog.test"), store()), Clear, "indicator mail panel store"},
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
		{"panel, mail for several domains, and store", hostOf(ssh(), mail(true, "first.test", "second.test"), panel(), store()), Suspect, "mail panel store"},
		{"panel, mail for several domains, and a spoofed browser", hostOf(ssh(), mail(true, "first.test", "second.test"), panel(), spoofedBrowser()), Match, "mail panel automation"},
		{"panel, store, a spoofed browser and proxies", hostOf(ssh(), panel(), store(), spoofedBrowser(), proxies(4)), Match, "panel store automation proxy"},

		// What is also innocent may never be a match, whatever stands beside it; and a suspect only where a look is due.
		{"a game with a brigadir, souls and thoughts, on its own box with mail and MongoDB", hostOf(ssh(), panel(), mail(true, "game.test"), store()), Suspect, "mail panel store"},
		{"the same, paid by crypto-currency", tagged(hostOf(ssh(), panel(), mail(true, "game.test"), store()), "prepaid-crypto"), Suspect, "mail panel store context"},
		{"the same with a proxy in place of mail", hostOf(ssh(), panel(), store(), squid()), Suspect, "panel store proxy"},
		{"a game's scripts with Taras, souls and thoughts", hostOf(web("game.test", seenIn("script", "taras", "souls", "thoughts")...), mail(true, "game.test"), store()), Suspect, "mail panel store"},
		{"a foreman called Taras, on a company's own mail server", hostOf(web("firm.test", seenIn("page", "brigadir", "taras")...), mail(true, "firm.test")), Clear, "mail panel"},
		{"English news of an Indonesian policeman, on shared hosting", hostOf(web("news.test", seenIn("page", "brigadir", "thoughts")...), mail(false, "news.test", "other.test")), Suspect, "mail panel"},
		{"the same where police is mentioned", hostOf(web("news.test", seenIn("page", "brigadir", "thoughts", "police")...), mail(false, "news.test", "other.test")), Clear, "mail"},
		{"a Russian newspaper", hostOf(web("news.test", seenIn("page", "meliorator", "brigadir", "taras", "souls", "thoughts", "mlrtr.com", "фбр")...), mail(true, "news.test")), Clear, "indicator mail panel"},
		{"a Dutch newspaper", hostOf(web("news.test", seenIn("page", "meliorator", "brigadir", "taras", "souls", "thoughts", "desinformatie")...), mail(true, "news.test"), store()), Clear, "mail panel store"},
		{"a Polish drainage firm's shared host", hostOf(web("firm.test", seenIn("title", "meliorator")...)), Clear, "panel"},
		{"a SOCKS seller with its own mail", hostOf(ssh(), proxies(20), mail(true, "seller.test")), Suspect, "mail proxy"},
		{"a SOCKS seller with its own mail and MongoDB", hostOf(ssh(), proxies(20), mail(true, "seller.test"), store()), Suspect, "mail store proxy"},
		{"a web agency: mail, an invoice printer, MongoDB", hostOf(ssh(), mail(false, "agency.test"), web("agency.test"), plainBrowser(), store()), Suspect, "mail store automation"},
		{"a developer's box: MongoDB, Chrome, squid", hostOf(ssh(), store(), plainBrowser(), squid()), Suspect, "store automation proxy"},
		{"a small firm that scrapes from its mail server", hostOf(ssh(), mail(false, "firm.test"), spoofedBrowser()), Clear, "mail automation"},
		{"a scraping firm with everything and tidy mail", hostOf(ssh(), spoofedBrowser(), proxies(20), store(), mail(false, "firm.test")), Suspect, "mail store automation proxy"},
		{"the same, the certificate self-made", hostOf(ssh(), spoofedBrowser(), proxies(20), store(), mail(true, "firm.test")), Suspect, "mail store automation proxy"},
		{"the same, paid by crypto-currency, with a seller's proxies", tagged(hostOf(ssh(), spoofedBrowser(), proxies(20), store(), mail(true, "firm.test")), "prepaid-crypto"), Suspect, "mail store automation proxy context"},
		{"a test farm that tries pages as a telephone", hostOf(ssh(), browser(126, 126, "android"), store()), Clear, "store automation"},
		{"a redirect to a seized domain", hostOf(redirecting("https://mlrtr.com/")), Suspect, "indicator"},
		{"a redirect to a seized domain on a shared host", hostOf(redirecting("https://mlrtr.com/"), mail(false, "a.test", "b.test")), Suspect, "indicator mail"},
		{"a recycled address", named(hostOf(ssh(), web("new.test")), "mail.mlrtr.com"), Suspect, "indicator"},
		{"a recycled address with the new customer's mail and MongoDB", named(hostOf(ssh(), mail(true, "new.test"), store()), "mail.mlrtr.com"), Suspect, "indicator mail store"},
		{"a reverse name, private mail for several domains, a spoofed browser", named(hostOf(ssh(), mail(true, "a.test", "b.test"), spoofedBrowser()), "mail.mlrtr.com"), Match, "indicator mail automation"},
		{"a redirect, a store, a spoofed browser and proxies", hostOf(redirecting("https://mlrtr.com/"), store(), spoofedBrowser(), proxies(4)), Match, "indicator store automation proxy"},
		{"the certificate of a seized domain", hostOf(mail(true, "mlrtr.com")), Match, "indicator mail"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := rs.Assess(tc.host, DefaultPolicy())
			require.Equal(t, tc.verdict, a.Verdict, "score %v, %s", a.Score, a.Reason)
			require.Equal(t, tc.groups, strings.Join(a.Groups, " "))
			require.NotEmpty(t, a.Reason)
			require.NotNil(t, a.Traits)
			require.Equal(t, []string{"meliorator@2"}, a.Packs)
			if tc.verdict == Match {
				require.Greater(t, a.Score, 0.9, "a match that reads as a doubt")
			}
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
	h := hostOf(ssh(), mail(false, "mlrtr.com"))
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

// TestHardRulesScoreAsTheySpeak: a verdict of match beside a score that reads as a doubt is believed by nobody.
func TestHardRulesScoreAsTheySpeak(t *testing.T) {
	rs, p := load(t), DefaultPolicy()
	for _, r := range rs.rules {
		if r.def.Hard {
			require.Greater(t, logistic(logit(p.Prior)+r.def.Weight), minHardScore, r.id)
		}
	}
}

// TestPanelRulesSpareTheSameArticles: a word that gives an article away counts in every rule of the group.
func TestPanelRulesSpareTheSameArticles(t *testing.T) {
	rs := load(t)
	everything := []string{"brigadir", "taras", "souls", "thoughts", "meliorator", "nemezida", "faker"}
	for _, word := range []string{"fbi", "фбр", "aivd", "mivd", "advisory", "disinformation", "desinformatie", "desinformation", "propaganda"} {
		s := web("blog.test", append(seenIn("page", append(everything, word)...), seenIn("script", everything...)...)...)
		require.Equal(t, []string{"meliorator/panel-words-in-article"}, traitNames(rs.Assess(hostOf(s), DefaultPolicy())), word)
	}
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
	require.Equal(t, "private mail for several domains with a self-made certificate, a page with the three published words of Meliorator's panel, "+
		"a MongoDB store, browser automation with a spoofed User-Agent and many proxy ports on one host; "+
		"5 independent groups of traits together fit the published pattern", a.Reason)
}

func TestPolicyIsChecked(t *testing.T) {
	require.NoError(t, DefaultPolicy().Validate())
	require.EqualError(t, Policy{Prior: 0, Suspect: .1, Match: .9}.Validate(), "rules.prior is 0; write a probability above 0 and below 1")
	require.EqualError(t, Policy{Prior: .1, Suspect: .9, Match: .5}.Validate(), "rules.suspect (0.9) is above rules.match (0.5); swap them")
}
