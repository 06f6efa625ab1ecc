package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/sweep"
)

// TestASlipKeepsTheOldRun: a slip of the pen in --out, or a format that lacks a setting, must not cost the run that
// --resume would go on with.
func TestASlipKeepsTheOldRun(t *testing.T) {
	state := t.TempDir()
	cursor := filepath.Join(state, "run.json")
	old := sweep.State{Schema: sweep.StateSchema, Run: "01JD0000000000000000000000", Total: 256, Started: time.Unix(0, 0).UTC()}
	require.NoError(t, old.Save(cursor))
	before, err := os.ReadFile(cursor)
	require.NoError(t, err)
	sweepTo := func(format, out string) result {
		return run(t, "", "sweep", "--config", os.DevNull, "--owned", "127.9.0.0/30", "--port", closedPort, "--state", state, "--format", format, "--out", out)
	}
	for _, format := range []string{"text", "jsonl"} {
		out := filepath.Join(state, "none", "report")
		r := sweepTo(format, out)
		require.Equal(t, exitUsage, r.status)
		require.Contains(t, r.errout, "cannot write "+out+": no such file or directory")
		require.Contains(t, r.errout, "hint: make the folder first: mkdir -p "+filepath.Dir(out))
		same(t, before, cursor)
	}
	r := sweepTo("xarf", filepath.Join(t.TempDir(), "report"))
	require.Equal(t, exitUsage, r.status)
	require.Contains(t, r.errout, "report.reporter.org is not set")
	same(t, before, cursor)
}

func same(t *testing.T, want []byte, path string) {
	t.Helper()
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}
