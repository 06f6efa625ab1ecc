package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/sweep"
)

// TestABadOutKeepsTheOldRun: a slip of the pen in --out must not cost the run that --resume would go on with.
func TestABadOutKeepsTheOldRun(t *testing.T) {
	state := t.TempDir()
	cursor := filepath.Join(state, "run.json")
	old := sweep.State{Schema: sweep.StateSchema, Run: "01JD0000000000000000000000", Total: 256, Started: time.Unix(0, 0).UTC()}
	require.NoError(t, old.Save(cursor))
	before, err := os.ReadFile(cursor)
	require.NoError(t, err)
	for _, format := range []string{"text", "jsonl"} {
		out := filepath.Join(state, "none", "report")
		r := run(t, "", "sweep", "--config", os.DevNull, "--owned", "127.9.0.0/30", "--port", closedPort, "--state", state, "--format", format, "--out", out)
		require.Equal(t, exitUsage, r.status)
		require.Contains(t, r.errout, "cannot write "+out+": no such file or directory")
		require.Contains(t, r.errout, "hint: make the folder first: mkdir -p "+filepath.Dir(out))
		after, err := os.ReadFile(cursor)
		require.NoError(t, err)
		require.Equal(t, string(before), string(after))
	}
}
