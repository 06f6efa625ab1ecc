package main

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/report"
)

// chaosEnv says how many kills TestChaos makes; `make chaos` sets it to 50.
const chaosEnv = "NETSCHOUW_CHAOS"

// outcome of a run, as far as it must not depend on how often it was killed.
type toldOf struct {
	verdicts map[netip.Addr]checks.Verdict
	summary  report.Summary
}

func readReport(t *testing.T, path string) toldOf {
	t.Helper()
	body, err := os.ReadFile(path)
	require.NoError(t, err)
	var doc struct {
		Hosts   []checks.Finding
		Summary report.Summary
	}
	require.NoError(t, json.Unmarshal(body, &doc))
	told := toldOf{map[netip.Addr]checks.Verdict{}, doc.Summary}
	for _, f := range doc.Hosts {
		require.NotContains(t, told.verdicts, f.Address, "reported twice")
		told.verdicts[f.Address] = f.Verdict
	}
	return told
}

// TestChaos kills a sweep of a living fleet, with SIGKILL and at random moments, resumes it each time, and compares what it
// came to with a sweep that nobody disturbed.
func TestChaos(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	kills := 8
	if n, err := strconv.Atoi(os.Getenv(chaosEnv)); err == nil {
		kills = n
	}
	s, err := raise(t.Context(), t.TempDir(), 3, 120, false)
	require.NoError(t, err)
	t.Cleanup(s.fall)
	state, out := filepath.Join(t.TempDir(), "state"), filepath.Join(t.TempDir(), "report.json")
	begin := func(more ...string) *process {
		return start(t, append([]string{"sweep", "--config", s.path("netschouw.yaml"), "--quiet", "--all", "--format", "json", "--out", out}, more...)...)
	}
	finish := func(p *process) toldOf {
		_, status := p.rest(t)
		require.Equal(t, exitComplete, status, p.errout.String())
		return readReport(t, out)
	}
	want := finish(begin("--state", filepath.Join(t.TempDir(), "undisturbed")))

	random := rand.New(rand.NewPCG(1, 50)) //nolint:gosec // the same kills each time
	// So slow that the kills fall within the run, whatever the machine.
	rate := strconv.Itoa(max(200, int(want.summary.Addresses)*28/(2*kills))) + "/s"
	p, resumed := begin("--state", state, "--rate", rate), 0
	for range kills {
		timer := time.AfterFunc(time.Duration(random.Int64N(int64(2500*time.Millisecond))), func() { _ = p.Process.Signal(syscall.SIGKILL) })
		_, _ = io.Copy(io.Discard, p.out)
		_ = p.Wait()
		timer.Stop()
		if p.ProcessState.ExitCode() == exitComplete {
			break
		}
		more := []string{"--state", state, "--rate", rate}
		if _, err := os.Stat(filepath.Join(state, "run.json")); err == nil { // else it was killed before there was a run
			more = append(more, "--resume")
			resumed++
		}
		p = begin(more...)
	}
	require.Greater(t, resumed, kills/2)
	if p.ProcessState == nil {
		_ = p.Process.Signal(syscall.SIGKILL)
		_, _ = io.Copy(io.Discard, p.out)
		_ = p.Wait()
		p = begin("--state", state, "--resume")
	}
	got := finish(p)
	require.Equal(t, want.verdicts, got.verdicts)
	require.Equal(t, want.summary.Hosts, got.summary.Hosts)
	require.Equal(t, want.summary.Verdicts, got.summary.Verdicts)
	require.Equal(t, want.summary.AcceptAll, got.summary.AcceptAll)
	var tried, triedOnce uint64
	for name := range want.summary.Ports {
		triedOnce += want.summary.Ports[name]
		tried += got.summary.Ports[name]
	}
	require.Equal(t, triedOnce, tried, "the ports of every host are counted once")
	require.True(t, got.summary.Complete)
}
