package checks

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks/probe"
	"github.com/netschouw/netschouw/checks/strict"
	"github.com/netschouw/netschouw/netinfo"
)

// FuzzLoad reads anything as a pack: no panic; either a rule set that can be tested, linted and used, or a bounded list
// of mistakes, each with a message.
func FuzzLoad(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yaml")
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(data)
	}
	f.Add([]byte("pack: old\rversion: one\rrules:\r- id: x\r"))
	f.Fuzz(func(t *testing.T, data []byte) {
		rs, err := loadFiles([]packSource{{"fuzz.yaml", data}})
		if err != nil {
			var list strict.Errors
			require.True(t, errors.As(err, &list))
			require.Nil(t, rs)
			require.NotEmpty(t, list)
			require.LessOrEqual(t, len(list), strict.MaxProblems+1)
			for _, p := range list {
				require.NotEmpty(t, p.Message)
				require.LessOrEqual(t, len(p.Value), 80)
				// The lexer takes a bare carriage return for a line's end, as YAML 1.2 section 5.4 does.
				require.LessOrEqual(t, p.Line, 1+strings.Count(string(data), "\n")+strings.Count(string(data), "\r"))
			}
			return
		}
		Test(rs)
		Lint(rs)
		rs.Assess(hostOf(ssh(), store(), web("example.org")), DefaultPolicy())
	})
}

// FuzzCondition compiles anything as a condition and runs it on a host of which much is known, and on the same host of
// which little is: no panic, and it never fires on the second without firing on the first.
func FuzzCondition(f *testing.F) {
	for _, when := range []string{
		`has("mongodb") && host.country != "NL"`, `any(host.tags, # == "vps")`, `len(host.ptr) == 0 || host.asn == 64500`,
		`word("brigadir") && words("a", "b") >= 1`, `host.mail_self_made ?? false`, `let x = host.ptr; any(x, # matches "^a+$")`,
		`[host][0].country != "NL"`, `(host.accepts_all ? host.country : "x") != "NL"`, `map(1..3, host.asn)[0] > 0`, `{"a": host.country}.a != "NL"`,
	} {
		f.Add(when)
	}
	no, country, org, asn := false, "NL", "Example", uint32(64500)
	known := tagged(hostOf(ssh(), mail(true, "first.test"), web("x.test", seenIn("page", "brigadir")...)), "vps")
	known.Network = netinfo.Network{PTR: []string{"a.example.org"}, PTRConfirmed: &no, Country: &country, ASOrg: &org, ASN: &asn}
	unknown := *known
	unknown.Owner, unknown.Network = nil, netinfo.Network{}
	f.Fuzz(func(t *testing.T, when string) {
		rs := &Ruleset{words: wordTable{number: map[string]int{}}, services: make([][]*rule, len(probe.Protocols()))}
		program, problems := newScope(eachHost, nil, &rs.words).compile(when, true, at(1))
		if len(problems) > 0 {
			require.Nil(t, program)
			return
		}
		r := &rule{def: &ruleDef{Group: "store", Weight: 1, Each: eachHost}, when: program, guard: guardOf(program.Node())}
		pk := &pack{rules: []*rule{r}}
		r.pack = pk
		rs.add(pk)
		rs.pool.New = func() any { return newEvaluator(rs) }
		p := DefaultPolicy()
		little, much := len(rs.Assess(&unknown, p).Traits), len(rs.Assess(known, p).Traits)
		r.guard = guard{}
		require.Equal(t, much, len(rs.Assess(known, p).Traits), "the guard kept a rule from firing")
		require.Equal(t, little, len(rs.Assess(&unknown, p).Traits), "the guard kept a rule from firing")
		require.GreaterOrEqual(t, much, little, "fires only while nothing was looked at")
	})
}
