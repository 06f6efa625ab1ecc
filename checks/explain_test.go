package checks

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func finding(t testing.TB, rs *Ruleset, h *Host) *Finding {
	t.Helper()
	f := &Finding{Schema: HostSchema, Run: "01J", Host: *h, Assessment: rs.Assess(h, DefaultPolicy())}
	raw, err := json.Marshal(f)
	require.NoError(t, err)
	back := new(Finding)
	require.NoError(t, json.Unmarshal(raw, back), "an explanation is made from a written record")
	return back
}

func TestExplain(t *testing.T) {
	rs := load(t)
	f := finding(t, rs, tagged(hostOf(ssh(), mail(true, "first.test"), store(), proxies(4)), "prepaid-crypto"))
	e := rs.Explain(f, DefaultPolicy())
	require.True(t, e.Agrees, e.Notes)
	require.Empty(t, e.Notes)
	require.Equal(t, Suspect, e.Verdict)
	require.Equal(t, []string{"mail", "store", "proxy"}, e.Groups)
	require.Equal(t, `192.0.2.10: suspect, score 0.4725

  weight log-odds
            -9.21  prior: one host in 10000
   +2.80    -6.41  mail: A mail server with mailboxes and a self-made certificate [meliorator/mail-self-made-certificate, inference]
                   counted: the strongest of its group
  (1.80)    -6.41  mail: A mail server with mailboxes of its own (SMTP with IMAP or POP3) [meliorator/mail-server, inference]
                   not counted: meliorator/mail-self-made-certificate of the same group is stronger or as strong
   +2.40    -4.01  store: MongoDB answers from the network [meliorator/mongodb-reachable, inference]
                   counted: the strongest of its group
   +3.20    -0.81  proxy: Three or more proxy ports on one host [meliorator/proxy-several, inference]
                   counted: the strongest of its group
  (2.20)    -0.81  proxy: A SOCKS or HTTP proxy answers from the network [meliorator/proxy-any, inference]
                   not counted: meliorator/proxy-several of the same group is stronger or as strong
   +0.70    -0.11  context: The customer is tagged as unverified, or as paying without a name [meliorator/unverified-customer, inference]
                   counted; context is none of the groups that a match needs
            -0.11  sum; 1 / (1 + exp(0.11)) = 0.4725

groups:     mail, store, proxy (3; a match needs 3)
thresholds: suspect from 0.05, match from 0.99
verdict:    suspect: 3 of the 3 independent groups that a match needs, and the score is at or above 0.05 but below 0.99
record:     agrees with this calculation
`, e.String())
}

// TestExplainFindsWhatWasChanged has records that somebody, or another version, changed.
func TestExplainFindsWhatWasChanged(t *testing.T) {
	rs := load(t)
	h := hostOf(ssh(), mail(true, "first.test"), store(), proxies(4))
	for name, tc := range map[string]struct {
		change func(*Finding)
		note   string
		agrees bool
	}{
		"score":    {func(f *Finding) { f.Score = 0.9 }, "the record's score is 0.900000, the traits give", false},
		"NaN":      {func(f *Finding) { f.Score = math.NaN() }, "the record's score is NaN", false},
		"verdict":  {func(f *Finding) { f.Verdict = Match }, "the record's verdict is match, these thresholds give suspect", false},
		"counted":  {func(f *Finding) { f.Traits[0].Counted = false }, "the record says counted=false of meliorator/mail-self-made-certificate", false},
		"weight":   {func(f *Finding) { f.Traits[0].Weight = 9 }, "rule meliorator/mail-self-made-certificate is loaded with weight 2.8 in mail, the record has 9 in mail", false},
		"infinite": {func(f *Finding) { f.Traits[0].Weight = math.Inf(1) }, "the record says counted=true of", false},
		"version":  {func(f *Finding) { f.Packs = []string{"meliorator@0"} }, "the record was made with meliorator@0, loaded are meliorator@2", true},
		"rule":     {func(f *Finding) { f.Traits[0].Rule = "other/rule" }, "rule other/rule is not among the loaded ones", true},
		"group":    {func(f *Finding) { f.Traits[0].Group = "weather" }, "group weather of", false},
		"prior":    {func(f *Finding) { f.Prior = 0 }, "the record has no prior", true},
	} {
		t.Run(name, func(t *testing.T) {
			f := finding(t, rs, h)
			tc.change(f)
			e := rs.Explain(f, DefaultPolicy())
			require.Contains(t, strings.Join(e.Notes, "\n"), tc.note)
			require.Equal(t, tc.agrees, e.Agrees)
			require.False(t, math.IsNaN(e.Score))
		})
	}
}

func TestExplainCleansARecord(t *testing.T) {
	rs := load(t)
	f := finding(t, rs, hostOf(store()))
	f.Traits[0].Title = "\x1b[2Jgone\u202e"
	f.Traits[0].Rule = "a\nb"
	f.Packs = []string{"\x1b]0;x\a"}
	f.Verdict = "\x1b[31mclear"
	for _, r := range rs.Explain(f, DefaultPolicy()).String() {
		require.True(t, r == '\n' || r >= ' ' && r != 0x7f && r != 0x202e, "%U", r)
	}
}

func TestLint(t *testing.T) {
	require.Empty(t, Lint(load(t)), "the shipped packs are clean")
	rs, err := loadTestdata(t, "suspicious.yaml")
	require.NoError(t, err)
	var lines []string
	for _, p := range Lint(rs) {
		lines = append(lines, p.Error())
	}
	require.Equal(t, []string{
		"suspicious.yaml:11:5: sources.unused: nothing refers to it; remove it, or name it where it belongs",
		"suspicious.yaml:16:5: indicators[0]: no condition asks for it; write a rule with listed_hash()",
		"suspicious.yaml:22:13: rules[0].weight: 9.5 is much for an inference; at most 9, or a source that states the fact",
		"suspicious.yaml:22:13: rules[0].weight: a match by this rule alone would read 0.57; at least 11.5, or no hard rule",
		"suspicious.yaml:23:11: rules[0].hard: a hard rule that rests on an inference; only a published fact is a match by itself",
		"suspicious.yaml:23:11: rules[0].hard: a hard rule that looks no indicator up; use listed(), listed_hash() or listed_address()",
		"suspicious.yaml:29:11: rules[0].when: is always the same; write what must be seen",
		"suspicious.yaml:33:7: rules[0].cases: FAIL  suspicious/always: a look-alike: fires on a look-alike; run netschouw rules test",
		"suspicious.yaml:43:13: rules[1].weight: 2 is much for a circumstance; at most 1.5, or another group",
		"suspicious.yaml:51:7: rules[1].when: a pattern repeats a repetition; simplify it",
	}, lines)
}

func TestList(t *testing.T) {
	list := load(t).List()
	seen := map[string]bool{}
	for _, r := range list {
		require.Equal(t, "meliorator@2", r.Pack)
		require.GreaterOrEqual(t, r.Cases, 2, r.Rule)
		require.NotEmpty(t, r.Sources, r.Rule)
		require.Positive(t, r.Line)
		seen[r.Group] = true
	}
	for _, g := range Groups() {
		require.Equal(t, g != "linkage", seen[g], "group %s: linkage is for the deeper look, every other is covered", g)
	}
}

// TestOnlyPublishedIndicators keeps values out of the shipped packs that no source publishes.
func TestOnlyPublishedIndicators(t *testing.T) {
	l := load(t).packs[0].listing
	require.Equal(t, map[string]bool{"mlrtr.com": true, "otanmail.com": true}, l.domains)
	require.Empty(t, l.hashes)
	require.Empty(t, l.addresses)
	require.Empty(t, l.prefixes)
}
