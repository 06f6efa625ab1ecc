package main

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/report"
)

func finding(address string, v checks.Verdict) checks.Finding {
	f := checks.Finding{Schema: checks.HostSchema, Run: "01JD0000000000000000000000"}
	f.Address, f.Verdict, f.Score, f.ObservedAt = netip.MustParseAddr(address), v, 0.5, time.Unix(0, 0).UTC()
	return f
}

// TestSpool has a run that was killed: its spool has hosts from beyond the cursor, and half a line. The resumed run visits
// these hosts again, and each stands in the report once.
func TestSpool(t *testing.T) {
	path := filepath.Join(t.TempDir(), "findings.jsonl")
	lines := func() string {
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		return string(b)
	}
	tour := func(resume bool, list ...checks.Finding) (told string, r *results) {
		var out bytes.Buffer
		writer, err := report.New("jsonl", &out, report.Options{})
		require.NoError(t, err)
		r = &results{report: writer}
		require.NoError(t, r.keep(path, resume))
		for _, f := range list {
			require.NoError(t, r.Host(f))
		}
		require.NoError(t, r.Flush())
		require.NoError(t, r.close())
		return out.String(), r
	}
	_, r := tour(false, finding("192.0.2.1", checks.Match), finding("192.0.2.2", checks.Clear), finding("192.0.2.3", checks.Suspect))
	require.Equal(t, report.VerdictCounts{Match: 1, Suspect: 1, Clear: 1}, r.counts)
	require.Equal(t, 2, strings.Count(lines(), "\n"), "clear hosts are not kept without --all")
	half, err := json.Marshal(finding("192.0.2.4", checks.Match))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, append([]byte(lines()), half[:len(half)/2]...), 0o600))

	told, r := tour(true, finding("192.0.2.3", checks.Suspect), finding("192.0.2.4", checks.Match), finding("192.0.2.5", checks.Match))
	require.Equal(t, report.VerdictCounts{Match: 3, Suspect: 1}, r.counts)
	require.Equal(t, told, lines(), "the spool is the report")
	require.Equal(t, 4, strings.Count(told, "\n"))
	for _, a := range []string{"192.0.2.1", "192.0.2.3", "192.0.2.4", "192.0.2.5"} {
		require.Equal(t, 1, strings.Count(told, `"`+a+`"`), a)
	}

	require.NoError(t, os.WriteFile(path, []byte("{}\n"), 0o600))
	require.ErrorContains(t, (&results{}).keep(path, true), "findings of the run to resume")
	_, r = tour(false)
	require.Empty(t, lines(), "a new run begins anew")
	require.Zero(t, r.counts)
}

func TestWholeLines(t *testing.T) {
	for body, want := range map[string]int64{"": 0, "x": 0, "\n": 1, "a\nb": 2, "a\nb\n": 4, "a\n" + strings.Repeat("x", 200<<10): 2, strings.Repeat("x", 200<<10): 0} {
		f, err := os.Create(filepath.Join(t.TempDir(), "f"))
		require.NoError(t, err)
		_, err = f.WriteString(body)
		require.NoError(t, err)
		got, err := wholeLines(f)
		require.NoError(t, err)
		require.Equal(t, want, got, "%.20q", body)
		require.NoError(t, f.Close())
	}
}

func TestFailOn(t *testing.T) {
	for _, tc := range []struct {
		counts report.VerdictCounts
		on     string
		want   error
	}{
		{report.VerdictCounts{Match: 1}, "match", errFound},
		{report.VerdictCounts{Match: 1}, "suspect", errFound},
		{report.VerdictCounts{Match: 1, Suspect: 1}, "never", nil},
		{report.VerdictCounts{Suspect: 1}, "match", nil},
		{report.VerdictCounts{Suspect: 1}, "suspect", errFound},
		{report.VerdictCounts{Clear: 9}, "suspect", nil},
	} {
		require.Equal(t, tc.want, (&results{counts: tc.counts}).failed(tc.on), "%+v", tc)
	}
}

func TestReplacement(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.txt")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o644))
	read := func() string {
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		return string(b)
	}
	for _, tc := range []struct {
		finish func(*replacement)
		want   string
	}{
		{func(r *replacement) { r.discard() }, "old"},
		{func(r *replacement) { require.NoError(t, r.commit()) }, "new"},
	} {
		r, err := replaceFile(path, 0o600)
		require.NoError(t, err)
		_, err = r.WriteString("new")
		require.NoError(t, err)
		require.Equal(t, "old", read(), "not before it is whole")
		tc.finish(r)
		require.Equal(t, tc.want, read())
	}
	list, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, list, 1, "nothing stays behind")
	r, err := replaceFile(os.DevNull, 0o600)
	require.NoError(t, err)
	require.NoError(t, r.commit(), "what is no regular file is written directly")
}
