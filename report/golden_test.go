package report

import (
	"bytes"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks"
)

var update = flag.Bool("update", false, "write the golden files of this package")

// golden compares with a file in testdata, or writes it with -update.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run: go test ./report -update")
	require.Equal(t, string(want), string(got))
}

// reporter is who reports in tests.
var reporter = Reporter{Org: "Example Hosting B.V.", Contact: "abuse@hosting.example.org", Domain: "hosting.example.org"}

// asked are options as a caller gives them for a format: those that say who reports are told.
func asked(f Format, opts Options) Options {
	if f.Signed && opts.Reporter == (Reporter{}) {
		opts.Reporter = reporter
	}
	return opts
}

// render writes findings in one format.
func render(t testing.TB, format string, opts Options, s Summary, findings ...checks.Finding) []byte {
	t.Helper()
	var b bytes.Buffer
	f, err := ByName(format)
	require.NoError(t, err)
	w, err := New(format, &b, asked(f, opts))
	require.NoError(t, err)
	for _, f := range findings {
		require.NoError(t, w.Finding(f))
	}
	require.NoError(t, w.Close(s))
	return b.Bytes()
}

// TestGolden shows every format on the same cases.
func TestGolden(t *testing.T) {
	evil := hostile("\x1b[31m=cmd|'/C calc'!A0\u202e\r\n\xff")
	found := []checks.Finding{benign(), evasive(), textbook()}
	for _, f := range Formats() {
		t.Run(f.Name, func(t *testing.T) {
			golden(t, "found"+f.Extension, render(t, f.Name, Options{}, testSummary(), found...))
			golden(t, "all"+f.Extension, render(t, f.Name, Options{All: true}, testSummary(), found...))
			golden(t, "hostile"+f.Extension, render(t, f.Name, Options{}, testSummary(), evil))
			golden(t, "nothing"+f.Extension, render(t, f.Name, Options{}, nothing(), benign()))
		})
	}
}

// TestGoldenText shows what only the text has: colour, Dutch, the full view of one host, a run that was stopped.
func TestGoldenText(t *testing.T) {
	found := []checks.Finding{benign(), evasive(), textbook()}
	stopped := testSummary()
	stopped.Complete, stopped.Stopped, stopped.Hosts.Silent, stopped.Hosts.Interrupted = false, "interrupted by SIGINT", 110, 4
	stopped.Earlier, stopped.Hosts.OverBudget, stopped.Hosts.Failed, stopped.Unanswered = 40, 3, 1, 17
	one := Summary{Version: "1.2.3", Started: at("03:04:00"), Ended: at("03:04:04"), Ranges: []string{"198.51.100.23"}, Addresses: 1,
		Hosts: HostCounts{Assessed: 1}, Verdicts: VerdictCounts{Match: 1}, Packs: []string{"meliorator@1"}, Complete: true}
	silent := one
	silent.Hosts, silent.Verdicts = HostCounts{Silent: 1}, VerdictCounts{}

	second := textbook()
	second.Address, second.Score = netip.MustParseAddr("198.51.100.24"), 0.95

	golden(t, "two.txt", render(t, "text", Options{}, testSummary(), second, textbook()))
	golden(t, "colour.txt", render(t, "text", Options{Color: true}, testSummary(), found...))
	golden(t, "dutch.txt", render(t, "text", Options{Lang: "nl", All: true}, stopped, found...))
	golden(t, "narrow.txt", render(t, "text", Options{Width: 64}, testSummary(), found...))
	golden(t, "wide.txt", render(t, "text", Options{Width: 120}, testSummary(), found...))
	golden(t, "detail.txt", render(t, "text", Options{Detail: true}, one, textbook()))
	golden(t, "detail-clear.txt", render(t, "text", Options{Detail: true}, one, benign()))
	golden(t, "detail-silent.txt", render(t, "text", Options{Detail: true}, silent))
}
