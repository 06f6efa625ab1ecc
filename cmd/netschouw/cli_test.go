package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files of testdata anew")

// result is how one run of the command ended.
type result struct {
	status      int
	out, errout string
}

// run runs the command in this process, in the current folder.
func run(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	var out, errout bytes.Buffer
	status := Run(t.Context(), append([]string{"netschouw"}, args...), strings.NewReader(stdin), &out, &errout)
	return result{status, out.String(), errout.String()}
}

// normalisers replace what differs from run to run or machine to machine.
var normalisers = []struct {
	what *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`go1\.[0-9.]+`), "go1.X"},
	{regexp.MustCompile(`(linux|darwin|freebsd|openbsd)/[a-z0-9]+`), "OS/ARCH"},
	{regexp.MustCompile(`netschouw (devel|[v0-9][0-9][^ ]*)( commit [0-9a-f]{12}( \(modified\))?)?`), "netschouw VERSION"},
	{regexp.MustCompile(`[0-9]+ cases`), "N cases"},
	{regexp.MustCompile(`meliorator@[0-9]+`), "meliorator@N"},
	{regexp.MustCompile(`[0-9A-HJKMNP-TV-Z]{26}`), "ULID"},
	{regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z`), "TIME"},
}

func normalise(s, folder string) string {
	s = strings.ReplaceAll(s, folder, "$FOLDER")
	for _, n := range normalisers {
		s = n.what.ReplaceAllString(s, n.with)
	}
	return s
}

const goodConfig = "scope:\n  owned: [198.51.100.0/24, \"2001:db8:40::/120\"]\n  excluded: [198.51.100.7]\n"

// suspectHost is one host as a sweep writes it: mail and a database, judged by an older pack.
const suspectHost = `{"schema":"netschouw.host/v1","run":"01JD0000000000000000000000","address":"198.51.100.7",
"observed_at":"2026-01-02T03:04:05Z","owner":null,"network":{"asn":null,"as_org":null,"country":null,"ptr":null,"ptr_confirmed":null},
"services":[{"port":27017,"transport":"tcp","protocol":"mongodb","status":"ok","tls":null,"banner":"MongoDB 7.0","fields":{},"connections":1},
{"port":9222,"transport":"tcp","protocol":"cdp","status":"ok","tls":null,"banner":"","fields":{"browser":"Chrome/124.0"},"connections":1}],
"verdict":"suspect","score":0.2,"groups":["store"],"traits":[],"reason":"","packs":["meliorator@0"],"prior":0.0001}
`

// TestGolden keeps what a person sees: per case the exit status, standard output and standard error.
func TestGolden(t *testing.T) {
	for name, tc := range map[string]struct {
		files map[string]string
		lines []string // command lines, run in order; "|" after one gives standard input
	}{
		"init": {nil, []string{"init --owned 198.51.100.0/24 --contact https://noc.example.net/netschouw", "init",
			"init --force --config other.yaml", "init --owned 198.51.100.0/24 --resolver dns.example.net --config third.yaml",
			"init --owned 198.51.100.0/24 --config -"}},
		"help": {nil, []string{"", "help", "--help", "help scope", "scope --help", "scope show -h", "sweep --help", "help swep", "help scope shw"}},
		"mistakes": {map[string]string{"netschouw.yaml": goodConfig, "bad.yaml": "scope:\n  ownd: [198.51.100.0/24]\n"}, []string{
			"vresion", "swep", "findings", "scope", "scope shw", "--quiet sweep", "version extra", "version --formt json", "version --format",
			"version --format xml", "scope show --config bad.yaml", "scope show --config none.yaml", "scope show 198.51.100.300",
			"scope show --owned 198.51.100.0/33", "scope show --range 203.0.113.0/24", "scope show --exclude 198.51.100.1/24",
			"sweep --asn 64500", "sweep --out none/report.txt --state here", "sweep --format jsonl --out . --state here", "init --config none/n.yaml", "sweep --rate 10000", "sweep --resume --state here", "sweep --state netschouw.yaml/x", "sweep --raet 1/s", "check",
			"check 198.51.100.7", "scope verify", "completion tcsh", "completion"}},
		"no-owned": {map[string]string{"netschouw.yaml": "scope:\n  excluded: [198.51.100.7]\n"}, []string{"scope show"}},
		"scope": {map[string]string{"netschouw.yaml": goodConfig,
			"out.txt": "# opted out\n198.51.100.64/26   # C1042\n198.51.100.9-198.51.100.11\n", "bad.txt": "198.51.100.64/26\n198.51.100.300\n"}, []string{
			"scope show", "scope show --exclude-file out.txt", "scope show --exclude-file bad.txt", "scope show --range 198.51.100.0/30",
			"scope show 198.51.100.7 198.51.100.8 192.0.2.1 2001:db8:40::1", "scope show 198.51.100.8 --range 198.51.100.0/30",
			"scope show --format json --range 198.51.100.0/29"}},
		"rules": {map[string]string{"host.json": suspectHost, "bad/pack.yaml": "pack: bad\nversion: one\n", "empty/x": ""}, []string{
			"rules list --pack melioratr", "rules lint", "rules lint bad", "rules lint none", "rules lint empty", "rules test",
			"rules explain none.json", "rules explain empty/x", "rules explain --prior 5 host.json", "rules explain"}},
		"version": {nil, []string{"version", "--version", "-v", "version --format json"}},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			for file, body := range tc.files {
				require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(folder, file)), 0o700))
				require.NoError(t, os.WriteFile(filepath.Join(folder, file), []byte(body), 0o600))
			}
			golden, err := filepath.Abs(filepath.Join("testdata", name+".golden"))
			require.NoError(t, err)
			t.Chdir(folder)
			var got strings.Builder
			for _, line := range tc.lines {
				r := run(t, "", strings.Fields(line)...)
				fmt.Fprintf(&got, "$ netschouw %s\n%s", line, normalise(r.out, folder))
				if r.errout != "" {
					got.WriteString("--- stderr\n" + normalise(r.errout, folder))
				}
				fmt.Fprintf(&got, "--- exit %d\n\n", r.status)
			}
			compare(t, golden, got.String())
		})
	}
}

// compare holds a text against a golden file, or writes the file when -update is given.
func compare(t *testing.T, golden, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errout bytes.Buffer
	require.Equal(t, exitComplete, Run(ctx, []string{"netschouw", "version"}, strings.NewReader(""), &out, &errout))
}
