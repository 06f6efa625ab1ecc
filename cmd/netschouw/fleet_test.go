package main

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/fixtures/fleet"
	"github.com/netschouw/netschouw/fixtures/fleet/profile"
	"github.com/netschouw/netschouw/report"
)

// TestOnTheFleet sweeps and checks single hosts of a living fleet, in this process, on high ports.
func TestOnTheFleet(t *testing.T) {
	s, err := raise(t.Context(), t.TempDir(), 1, 300, false)
	require.NoError(t, err)
	t.Cleanup(s.fall)
	truth := s.fleet.Truth()
	first := func(fits func(fleet.Truth) bool) fleet.Truth {
		for _, h := range truth {
			if fits(h) {
				return h
			}
		}
		t.Fatal("the fleet has no such host")
		return fleet.Truth{}
	}
	textbook := first(func(h fleet.Truth) bool { return h.Label == profile.Textbook })
	benign := first(func(h fleet.Truth) bool {
		return h.Label == profile.Benign && !h.OptedOut && len(h.PTR) > 0 && !h.EveryPort
	})
	optedOut := first(func(h fleet.Truth) bool { return h.OptedOut })
	conf := []string{"--config", s.path("netschouw.yaml"), "--quiet"}
	with := func(words ...string) []string { return append(words, conf...) }

	t.Run("check a misused server", func(t *testing.T) {
		r := run(t, "", with("check", textbook.Address.String(), "--format", "jsonl")...)
		require.Equal(t, exitComplete, r.status, r.errout)
		found, err := report.Read(strings.NewReader(r.out))
		require.NoError(t, err)
		require.Len(t, found, 1)
		require.Equal(t, checks.Match, found[0].Verdict)
		require.Equal(t, textbook.Customer, found[0].Owner.Customer)
		require.Equal(t, uint32(demoASN), *found[0].Network.ASN)
		require.Equal(t, textbook.PTR, found[0].Network.PTR)
		explained := run(t, r.out, "rules", "explain", "-")
		require.Contains(t, explained.out, "agrees with this calculation")
	})
	t.Run("check a domain", func(t *testing.T) {
		r := run(t, "", with("check", strings.ToUpper(benign.PTR[0])+".")...)
		require.Equal(t, exitComplete, r.status, r.errout)
		require.Contains(t, r.out, benign.Address.String())
		require.Contains(t, r.out, benign.PTR[0])
		r = run(t, "", with("check", "nowhere.example.org")...)
		require.Equal(t, exitUsage, r.status)
		require.Contains(t, r.errout, "nowhere.example.org")
	})
	t.Run("check contacts nobody else", func(t *testing.T) {
		before := s.fleet.Accepted(optedOut.Address)
		r := run(t, "", with("check", optedOut.Address.String(), "192.0.2.1")...)
		require.Equal(t, exitUsage, r.status)
		require.Contains(t, r.errout, "is excluded")
		require.Contains(t, r.errout, "192.0.2.1 is not in scope.owned")
		require.Contains(t, r.errout, "none of the targets may be contacted")
		require.Equal(t, before, s.fleet.Accepted(optedOut.Address))
	})
	t.Run("a resolver that does not answer is told of", func(t *testing.T) {
		dead := with("check", benign.Address.String(), "--resolver", "127.0.0.1:9", "--format", "json")
		r := run(t, "", dead...)
		require.Equal(t, exitComplete, r.status, r.errout)
		require.Contains(t, r.errout, "no resolver answered")
		var doc struct{ Summary report.Summary }
		require.NoError(t, json.Unmarshal([]byte(r.out), &doc))
		require.NotZero(t, doc.Summary.Unanswered)
		r = run(t, "", append(dead, "--format", "text")...)
		require.Contains(t, r.out, "not answered by the resolvers")
	})
	t.Run("sweep a part with --fail-on", func(t *testing.T) {
		out := filepath.Join(t.TempDir(), "report.json")
		words := with("sweep", "--range", textbook.Address.String(), "--fail-on", "match", "--format", "json", "--out", out, "--state", t.TempDir())
		r := run(t, "", words...)
		require.Equal(t, exitFound, r.status, r.errout)
		require.Empty(t, r.out, "the report is in the file")
		require.Empty(t, r.errout, "a status needs no message")
		info, err := os.Stat(out)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		body, err := os.ReadFile(out)
		require.NoError(t, err)
		require.True(t, json.Valid(body))
		left, err := filepath.Glob(filepath.Join(filepath.Dir(out), ".*"))
		require.NoError(t, err)
		require.Empty(t, left, "no half file stays behind")
		r = run(t, "", with("sweep", "--range", benign.Address.String(), "--fail-on", "suspect", "--state", t.TempDir())...)
		require.Equal(t, exitComplete, r.status, r.errout)
	})
}

// TestDemoOnHighPorts is the whole demo where there can be no network of its own. The fleet is the same, so the verdicts
// must be.
func TestDemoOnHighPorts(t *testing.T) {
	if testing.Short() {
		t.Skip("takes about ten seconds")
	}
	r := run(t, "", "demo") // the streams are a test's own, so that the program cannot be run again in its place
	require.Equal(t, exitComplete, r.status, r.errout)
	require.Contains(t, r.errout, "demo: ports are moved up by 20000, because a network of its own is not to be had here: ")
	require.Regexp(t, `textbook +(\d+) +(\d+) +0 +0 +0\n`, r.out, "every textbook server is a match")
	require.Regexp(t, `benign +\d+ +0 `, r.out, "no benign host is accused")
	require.Contains(t, r.out, "29222 ", "evidence names the port that was asked")
	require.Regexp(t, `found (\d+) of (\d+) misused servers`, r.out)
}

func TestRefusalIsWorded(t *testing.T) {
	for cause, want := range map[error]string{
		syscall.ENOSPC: "user.max_user_namespaces", syscall.EPERM: "does not permit user namespaces", syscall.EINVAL: "invalid argument",
	} {
		require.ErrorContains(t, refusal(&os.PathError{Op: "fork/exec", Path: "/x", Err: cause}), want)
	}
}

func TestCheckRefusesBeforeItAsks(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("netschouw.yaml", []byte(goodConfig), 0o600))
	for words, want := range map[string]string{
		"198.51.100.0/24":       "for a whole range use: netschouw sweep --range 198.51.100.0/24",
		"https://example.org/":  "write the name or address alone",
		"198.51.100.300":        "", // a host name by its form, and no such name: what matters is that it is refused
		"two words":             "is no target",
		"198.51.100.7":          "is excluded",
		"203.0.113.1":           "is not in scope.owned",
		"198.51.100.8/99":       "is no target",
		"--discovery=syn":       "has no flag --discovery",
		"198.51.100.8 --port 0": "is not a port",
	} {
		args := append([]string{"check"}, strings.Split(words, " ")...)
		if words == "two words" {
			args = []string{"check", words}
		}
		r := run(t, "", append(args, "--resolver", "127.0.0.1:9")...)
		require.Equal(t, exitUsage, r.status, words)
		require.Contains(t, r.errout, want, words)
		require.Empty(t, r.out, words)
	}
}

func TestCompareTruth(t *testing.T) {
	host := func(n byte, l profile.Label, out bool) fleet.Truth {
		return fleet.Truth{Address: netip.AddrFrom4([4]byte{127, 1, 0, n}), Label: l, Profile: string(l), OptedOut: out}
	}
	truth := []fleet.Truth{host(1, profile.Textbook, false), host(2, profile.Evasive, false), host(3, profile.Benign, false), host(4, profile.Benign, true), host(5, profile.Hostile, false)}
	none := func(netip.Addr) int { return 0 }
	good := verdicts{truth[0].Address: checks.Match, truth[1].Address: checks.Suspect, truth[2].Address: checks.Clear, truth[4].Address: checks.Match}
	m := compareTruth(truth, good, none)
	require.NoError(t, m.err())
	require.Empty(t, m.falls)
	var out bytes.Buffer
	require.NoError(t, m.write(&out))
	require.Contains(t, out.String(), "found 2 of 2 misused servers; of 1 benign host 0 accused and 0 left for a person to look at")

	for want, change := range map[string]func(verdicts){
		"1 of 1 textbook servers are no match":             func(v verdicts) { v[truth[0].Address] = checks.Suspect },
		"only 0 of 1 evasive servers are suspect or worse": func(v verdicts) { delete(v, truth[1].Address) },
		"1 benign host accused":                            func(v verdicts) { v[truth[2].Address] = checks.Match },
	} {
		bad := verdicts{}
		for a, v := range good {
			bad[a] = v
		}
		change(bad)
		m := compareTruth(truth, bad, none)
		require.EqualError(t, m.err(), want)
		require.Len(t, m.falls, 1)
	}
	m = compareTruth(truth, good, func(a netip.Addr) int { return map[bool]int{true: 1}[a == truth[3].Address] })
	require.ErrorContains(t, m.err(), "1 host contacted that opted out")
}
