package main

import (
	"encoding/json"
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

func TestExplainReadsWhatASweepWrites(t *testing.T) {
	r := run(t, suspectHost+suspectHost, "rules", "explain", "-")
	require.Equal(t, exitComplete, r.status, r.errout)
	require.Equal(t, 2, strings.Count(r.out, "198.51.100.7: suspect, score 0.2000\n"))
	require.Equal(t, 2, strings.Count(r.out, "DIFFERS"), "a record without traits cannot have that score")
	r = run(t, suspectHost, "rules", "explain", "--format", "json", "--", "-")
	var e checks.Explanation
	require.NoError(t, json.Unmarshal([]byte(r.out), &e))
	require.Equal(t, checks.Clear, e.Verdict)
}
