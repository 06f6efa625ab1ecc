package main

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks"
)

func TestRulesList(t *testing.T) {
	r := run(t, "", "rules", "list", "--format", "json")
	require.Equal(t, exitComplete, r.status, r.errout)
	var list []checks.RuleInfo
	require.NoError(t, json.Unmarshal([]byte(r.out), &list))
	require.NotEmpty(t, list)
	text := run(t, "", "rules", "list").out
	require.Equal(t, len(list)+1, strings.Count(text, "\n"), "a head and one line a rule")
	for _, rule := range list {
		require.Contains(t, text, rule.Rule)
		require.Contains(t, text, rule.Title)
	}
}

// TestExplain shows the sum of a host whose every number is known.
func TestExplain(t *testing.T) {
	policy := checks.Policy{Prior: 0.001, Suspect: 0.05, Match: 0.99}
	traits := []checks.Trait{
		{Rule: "own/mail", Group: "mail", Weight: 3, Counted: true, Title: "a mail server"},
		{Rule: "own/mail-too", Group: "mail", Weight: 1, Title: "a second sign of it"},
		{Rule: "own/store", Group: "store", Weight: 4.5, Counted: true, Title: "a database"},
	}
	a := checks.Assessment{Verdict: checks.Suspect, Score: logistic(logit(0.001) + 7.5), Prior: 0.001, Groups: []string{"mail", "store"},
		Traits: traits, Reason: "both on one host", Packs: []string{"own@1"}}
	f := checks.Finding{Assessment: a}
	f.Address = netip.MustParseAddr("198.51.100.7")
	f.Score, f.Packs = 0.5, []string{"own@0", "x\x1b[31m"}
	var out bytes.Buffer
	require.NoError(t, explain(&out, &f, a, policy))
	require.Equal(t, `198.51.100.7

GROUP  ADDS    LOG-ODDS  PROBABILITY  BECAUSE
               -6.91     0.0010       prior: before anything is seen
mail   +3.00   -3.91     0.0197       own/mail: a mail server
mail   (1.00)                         own/mail-too: a second sign of it; not added, a stronger trait of its group is
store  +4.50   +0.59     0.6441       own/store: a database

score    0.6441
verdict  suspect: score 0.6441 and 2 independent groups of traits; a suspect needs 0.05, a match 0.99 and 3 groups
reason   both on one host
packs    own@1
note     the report says suspect with 0.5000, by own@0, x\x1b[31m and a prior of 0.001

`, out.String())

	a.Traits[0].Hard, a.Verdict = true, checks.Match
	require.Equal(t, "a live indicator (own/mail) is enough by itself", because(a, policy))
}

func TestExplainReadsWhatASweepWrites(t *testing.T) {
	r := run(t, suspectHost+suspectHost, "rules", "explain", "-")
	require.Equal(t, exitComplete, r.status, r.errout)
	require.Equal(t, 2, strings.Count(r.out, "198.51.100.7\n"))
	require.Contains(t, r.out, "meliorator/mongodb-reachable", "the rules are applied anew")
}

func TestChance(t *testing.T) {
	for p, want := range map[float64]string{0.5: "0.5000", 0.99999: "above 0.9999", 1: "1.0000", 0.00001: "1.0e-05", 0: "0.0000"} {
		require.Equal(t, want, chance(p))
	}
}
