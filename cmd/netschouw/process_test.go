package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/report"
	"github.com/netschouw/netschouw/sweep"
)

// process is netschouw as a process of its own.
type process struct {
	*exec.Cmd
	out    io.ReadCloser
	errout lockedBuffer
}

func start(t *testing.T, args ...string) *process {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	p := &process{Cmd: exec.CommandContext(t.Context(), exe, args...)} //nolint:gosec // ourselves
	p.Env = append(os.Environ(), asNetschouw+"=1")
	p.Stderr = &p.errout
	p.out, err = p.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.Start())
	return p
}

// rest reads standard output to its end and waits for the process.
func (p *process) rest(t *testing.T) (out string, status int) {
	t.Helper()
	b, err := io.ReadAll(p.out)
	require.NoError(t, err)
	err = p.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return string(b), p.ProcessState.ExitCode()
}

// slowTour sweeps 256 loopback addresses on one port, slowly enough to be stopped: all refuse, and with --all each is
// written.
func slowTour(t *testing.T, state, rate string, more ...string) []string {
	t.Helper()
	return append([]string{"sweep", "--config", os.DevNull, "--owned", "127.9.0.0/24", "--port", closedPort, "--rate", rate, "--rate-per-24", "unlimited",
		"--state", state, "--format", "jsonl", "--all", "--quiet"}, more...)
}

// closedPort is one on which nobody listens on 127.9.0.0/24: tcpmux (RFC 1078), which is given up (RFC 7805).
const closedPort = "1"

func addresses(t *testing.T, jsonl string) map[string]int {
	t.Helper()
	found, err := report.Read(strings.NewReader(jsonl))
	require.NoError(t, err, "what was written is whole")
	seen := map[string]int{}
	for _, f := range found {
		seen[f.Address.String()]++
	}
	return seen
}

// TestStopAndResume stops a tour in each way there is, resumes it, and finds every host in the report exactly once.
func TestStopAndResume(t *testing.T) {
	for name, tc := range map[string]struct {
		signal syscall.Signal
		status int
	}{
		"Ctrl-C":  {syscall.SIGINT, exitStopped},
		"SIGTERM": {syscall.SIGTERM, exitStopped},
		"kill -9": {syscall.SIGKILL, -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state := filepath.Join(t.TempDir(), "state")
			p := start(t, slowTour(t, state, "40/s")...)
			lines := bufio.NewReader(p.out)
			var first bytes.Buffer
			for range 5 {
				line, err := lines.ReadString('\n')
				require.NoError(t, err, p.errout.String())
				first.WriteString(line)
			}
			require.NoError(t, p.Process.Signal(tc.signal))
			_, err := io.Copy(&first, lines)
			require.NoError(t, err)
			_, status := p.rest(t)
			require.Equal(t, tc.status, status, p.errout.String())
			stopped := addresses(t, first.String())
			require.Less(t, len(stopped), 256)
			if status == exitStopped {
				require.Contains(t, p.errout.String(), "netschouw: stopped early")
				require.Contains(t, p.errout.String(), "hint: go on with: netschouw sweep --resume")
			}

			p = start(t, slowTour(t, state, "unlimited", "--resume")...)
			out, status := p.rest(t)
			require.Equal(t, exitComplete, status, p.errout.String())
			all := addresses(t, out)
			require.Len(t, all, 256, "the report is of the whole run")
			for a, n := range all {
				require.Equal(t, 1, n, a)
			}
			if tc.signal == syscall.SIGKILL {
				require.Regexp(t, "the lock of a run that ended without giving it back is taken over.* owner=.process [0-9]+ on ", p.errout.String())
			} else {
				require.NotContains(t, p.errout.String(), "taken over")
			}

			// Killed after the last host and before its report was whole: the report is written again, and nobody is visited.
			cursor := filepath.Join(state, "run.json")
			st, err := sweep.LoadState(cursor)
			require.NoError(t, err)
			require.True(t, st.Complete() && st.Told)
			st.Told = false
			require.NoError(t, st.Save(cursor))
			p = start(t, slowTour(t, state, "1/h", "--resume")...)
			out, status = p.rest(t)
			require.Equal(t, exitComplete, status, p.errout.String())
			require.Equal(t, all, addresses(t, out))

			p = start(t, slowTour(t, state, "unlimited", "--resume")...)
			_, status = p.rest(t)
			require.Equal(t, exitUsage, status, "there is nothing left to resume")
		})
	}
}

func TestResumeOfAnotherTourIsRefused(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	p := start(t, slowTour(t, state, "40/s")...)
	_, err := bufio.NewReader(p.out).ReadString('\n')
	require.NoError(t, err)

	second := start(t, slowTour(t, state, "40/s")...)
	_, status := second.rest(t)
	require.Equal(t, exitUsage, status)
	host, err := os.Hostname()
	require.NoError(t, err)
	require.Regexp(t, fmt.Sprintf(`another run uses the state folder \S+: process %d on %s, for [0-9]+s \(since 2`, p.Process.Pid, regexp.QuoteMeta(host)),
		second.errout.String(), "whose lock it is, and how old")

	require.NoError(t, p.Process.Signal(syscall.SIGINT))
	_, _ = p.rest(t)
	p = start(t, slowTour(t, state, "unlimited", "--resume", "--prior", "0.5")...)
	out, status := p.rest(t)
	require.Equal(t, exitUsage, status)
	require.Empty(t, out)
	require.Contains(t, p.errout.String(), "configuration has changed since the run began: rules.prior: 0.0001 -> 0.5: restore it")
	p = start(t, slowTour(t, state, "unlimited", "--resume", "--port", "2", "--range", "127.9.0.0/25")...)
	_, status = p.rest(t)
	require.Equal(t, exitUsage, status)
	require.Contains(t, p.errout.String(), "sweep.range: nothing -> 127.9.0.0/25; sweep.ports: 1 -> 1, 2")

	p = start(t, slowTour(t, state, "unlimited", "--resume", "--exclude", "127.9.0.128/25")...)
	out, status = p.rest(t)
	require.Equal(t, exitComplete, status, p.errout.String())
	require.Less(t, len(addresses(t, out)), 256, "a new exclusion counts at once, on resume too")
}

// TestResumedReportCountsTheWholeRun looks at the summary: a run that was stopped, or killed, knows what it did before.
func TestResumedReportCountsTheWholeRun(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			state := filepath.Join(t.TempDir(), "state")
			p := start(t, slowTour(t, state, "30/s", "--format", "csv")...)
			drained := make(chan error, 1)
			go func() { _, err := io.Copy(io.Discard, p.out); drained <- err }()
			require.Eventually(t, func() bool { // until there is something to count from: the state is saved every second
				st, err := sweep.LoadState(filepath.Join(state, "run.json"))
				return err == nil && st.Counts.Done() > 0
			}, 20*time.Second, 10*time.Millisecond)
			require.NoError(t, p.Process.Signal(signal))
			require.NoError(t, <-drained)
			require.Error(t, p.Wait())
			st, err := sweep.LoadState(filepath.Join(state, "run.json"))
			require.NoError(t, err)
			before := st.Counts.Done()
			require.NotZero(t, before)
			p = start(t, slowTour(t, state, "unlimited", "--resume", "--format", "json")...)
			out, status := p.rest(t)
			require.Equal(t, exitComplete, status, p.errout.String())
			var doc struct{ Summary report.Summary }
			require.NoError(t, json.Unmarshal([]byte(out), &doc))
			require.Equal(t, uint64(256), doc.Summary.Hosts.Assessed)
			require.Equal(t, uint64(256), doc.Summary.Verdicts.Clear)
			require.Equal(t, uint64(256), doc.Summary.Ports["refused"])
			require.True(t, doc.Summary.Complete)
		})
	}
}

// TestSecondInterrupt has a host in hand that never answers: the first Ctrl-C waits for it, the second does not.
func TestSecondInterrupt(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close() //nolint:errcheck // of no use to anyone
	reached := make(chan net.Conn, 64)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			reached <- c
		}
	}()
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	p := start(t, "sweep", "--config", os.DevNull, "--owned", "127.0.0.1", "--port", port, "--state", t.TempDir(), "--format", "json", "--quiet",
		"--handshake-timeout", "50s")
	select {
	case <-reached:
	case <-time.After(20 * time.Second):
		t.Fatal("nobody came")
	}
	require.NoError(t, p.Process.Signal(syscall.SIGINT))
	time.Sleep(20 * time.Millisecond) // two that wait would be one for the kernel
	require.NoError(t, p.Process.Signal(syscall.SIGINT), "the same wish again, as a parent passes it on")
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		out, status := p.rest(t)
		require.Equal(t, exitStopped, status, p.errout.String())
		require.True(t, json.Valid([]byte(out)), "the report is whole: %s", out)
	}()
	select {
	case <-ended:
		t.Fatal("the first Ctrl-C must finish the host in hand")
	case <-time.After(500 * time.Millisecond):
	}
	require.NoError(t, p.Process.Signal(syscall.SIGINT))
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Fatal("the second Ctrl-C did not end it")
	}
}

// TestDemo is the demo as a person runs it.
func TestDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("takes about ten seconds")
	}
	t.Parallel()
	keep := filepath.Join(t.TempDir(), "files")
	p := start(t, "demo", "--keep", keep)
	out, status := p.rest(t)
	require.Equal(t, exitComplete, status, p.errout.String())
	require.Regexp(t, `textbook +(\d+) +(\d+) +0 +0 +0\n`, out, "every textbook server is a match")
	require.Regexp(t, `benign +\d+ +0 `, out, "no benign host is accused")
	require.Contains(t, p.errout.String(), "demo: ")
	for _, name := range []string{"netschouw.yaml", "customers.csv", "truth.jsonl", "asn.mmdb", "country.mmdb", "state/findings.jsonl"} {
		require.FileExists(t, filepath.Join(keep, name))
	}
	info, err := os.Stat(filepath.Join(keep, "state", "findings.jsonl"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}
