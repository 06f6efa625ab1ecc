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
	"github.com/netschouw/netschouw/sweep"
)

func finding(address string, v checks.Verdict) checks.Finding {
	f := checks.Finding{Schema: checks.HostSchema, Run: "01JD0000000000000000000000"}
	f.Address, f.Verdict, f.Score, f.ObservedAt = netip.MustParseAddr(address), v, 0.5, time.Unix(0, 0).UTC()
	return f
}

// TestSpool has a run that was killed: its spool has a host from beyond the mark, and half a line. The resumed run is told
// which host stands, and each is in the report once.
func TestSpool(t *testing.T) {
	path := filepath.Join(t.TempDir(), "findings.jsonl")
	lines := func() string {
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		return string(b)
	}
	tour := func(resume *sweep.State, list ...checks.Finding) (told string, r *results, marks []int64, standing int) {
		var out bytes.Buffer
		writer, err := report.New("jsonl", &out, report.Options{})
		require.NoError(t, err)
		s, err := openSpool(path, resume)
		require.NoError(t, err)
		standing = len(s.standing)
		r = &results{report: writer}
		require.NoError(t, r.keep(s, resume))
		for _, f := range list {
			require.NoError(t, r.Host(f))
			n, err := r.Mark()
			require.NoError(t, err)
			marks = append(marks, n)
		}
		require.NoError(t, r.Sync())
		require.NoError(t, r.close())
		return out.String(), r, marks, standing
	}
	_, r, marks, _ := tour(nil, finding("192.0.2.1", checks.Match), finding("192.0.2.2", checks.Clear), finding("192.0.2.3", checks.Suspect))
	require.Equal(t, report.VerdictCounts{Match: 1, Suspect: 1, Clear: 1}, r.counts)
	require.Equal(t, 2, strings.Count(lines(), "\n"), "clear hosts are not kept without --all")
	require.Equal(t, marks[0], marks[1])
	require.Equal(t, marks[2], int64(len(lines())))
	half, err := json.Marshal(finding("192.0.2.4", checks.Match))
	require.NoError(t, err)
	whole := lines()
	run := finding("192.0.2.1", checks.Match).Run

	for what, tail := range map[string]string{"nothing": "", "half a line": string(half[:len(half)/2]), "what a power cut leaves": strings.Repeat("\x00", 300),
		"the same with a line end": strings.Repeat("\x00", 300) + "\n", "a line of another run": strings.ReplaceAll(string(half), run, "01JD0000000000000000000001") + "\n"} {
		require.NoError(t, os.WriteFile(path, []byte(whole+tail), 0o600))
		told, r, _, standing := tour(&sweep.State{Run: run, Sink: marks[0]}, finding("192.0.2.4", checks.Match), finding("192.0.2.5", checks.Match))
		require.Equal(t, 1, standing, what)
		require.Equal(t, report.VerdictCounts{Match: 3, Suspect: 1}, r.counts, what)
		require.Equal(t, told, lines(), "the spool is the report: %s", what)
		for _, a := range []string{"192.0.2.1", "192.0.2.3", "192.0.2.4", "192.0.2.5"} {
			require.Equal(t, 1, strings.Count(told, `"`+a+`"`), "%s: %s", what, a)
		}
	}

	_, err = openSpool(path, &sweep.State{Run: run, Sink: 1 << 20})
	require.ErrorContains(t, err, "it was cut or replaced")
	require.NoError(t, os.WriteFile(path, []byte("{}\n"), 0o600))
	s, err := openSpool(path, &sweep.State{Run: run, Sink: 3})
	require.NoError(t, err)
	require.ErrorContains(t, (&results{}).keep(s, &sweep.State{}), "findings of the run to resume")
	require.NoError(t, s.close())
	_, r, _, _ = tour(nil)
	require.Empty(t, lines(), "a new run begins anew")
	require.Zero(t, r.counts)
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
