package main

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/cmd/netschouw/config"
	"github.com/netschouw/netschouw/sweep"
)

// lockedBuffer is a buffer that goroutines can share.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestProgressLines(t *testing.T) {
	half := sweep.Progress{Done: 32768, Total: 65536, Rate: 3276.8, ETA: 10*time.Second + 200*time.Millisecond,
		Verdicts: map[checks.Verdict]uint64{checks.Match: 2, checks.Suspect: 10, checks.Clear: 999}}
	require.Equal(t, "32,768 of 65,536 addresses done (50%), 12 found, 3,276 tries/s, 10s left", logLine(half))
	require.Equal(t, "0 of 65,536 addresses done (0%), 0 found, 0 tries/s, time left unknown", logLine(sweep.Progress{Total: 65536, ETA: -1}))
	require.Equal(t, "["+strings.Repeat("#", 20)+strings.Repeat("-", 20)+"]  50%  32,768/65,536 addresses  12 found  3,276 tries/s  10s left", barLine(half, 120))
	for width := range 200 {
		require.LessOrEqual(t, len(barLine(half, width)), max(width-1, 0), "a bar never wraps")
	}
	require.Equal(t, " 50%  32,768/65,536  12 found  10s left", barLine(half, 42))
	require.Equal(t, " 50%  32,768/65,536", barLine(half, 24), "a fact that does not fit is left out whole")
	require.Equal(t, "32,768 of 65,536 addresses done: 2 match, 10 suspect, 999 clear", lastLine(half))
	slow := sweep.Progress{Done: 8, Total: 10, InHand: 2, Elapsed: time.Minute}
	require.Contains(t, logLine(slow), "0 tries/s, waiting for the last 2 hosts")
	slow.Done, slow.InHand = 9, 1
	require.Contains(t, logLine(slow), "waiting for the last host")
	for name, change := range map[string]func(*sweep.Progress){
		"just begun": func(p *sweep.Progress) { p.Elapsed = time.Second }, "still trying": func(p *sweep.Progress) { p.Rate = 100 },
		"not all begun": func(p *sweep.Progress) { p.InHand = 0 }, "done": func(p *sweep.Progress) { p.Done, p.InHand = 10, 0 },
	} {
		p := slow
		change(&p)
		require.NotContains(t, logLine(p), "waiting", name)
	}
	require.NotPanics(t, func() { barLine(sweep.Progress{Done: 5, Total: 3}, 80) })
}

func TestConsoleKeepsLogsAboveTheBar(t *testing.T) {
	var out lockedBuffer
	c := &console{terminal: true, width: 80, out: &out}
	c.bar("BAR1")
	logger(c, config.Log{Level: "info", Format: "json"}).Info("hello")
	c.bar("BAR2")
	c.bar("")
	got := out.String()
	require.Regexp(t, `^BAR1\r\x1b\[K\{.*"msg":"hello"\}\nBAR1\r\x1b\[KBAR2\r\x1b\[K$`, got)
}

func TestProgressIsQuietWhenAsked(t *testing.T) {
	var out lockedBuffer
	stop := startProgress(&console{terminal: true, width: 80, out: &out}, true, nil, func() sweep.Progress { panic("nobody looks") })
	stop()
	require.Empty(t, out.String())
}

func TestProgressOnATerminal(t *testing.T) {
	var out lockedBuffer
	stop := startProgress(&console{terminal: true, width: 80, out: &out}, false, nil, func() sweep.Progress { return sweep.Progress{Done: 1, Total: 2} })
	require.Eventually(t, func() bool { return strings.Contains(out.String(), "1/2 addresses") }, 5*time.Second, 10*time.Millisecond)
	stop()
	require.True(t, strings.HasSuffix(out.String(), "\r\x1b[K1 of 2 addresses done: 0 match, 0 suspect, 0 clear\n"), "the bar is gone at the end")
}

// TestProgressAnswersCtrlC: whoever stops a tour is told what it still waits for, once.
func TestProgressAnswersCtrlC(t *testing.T) {
	for _, terminal := range []bool{true, false} {
		var out lockedBuffer
		wish := make(chan struct{})
		stop := startProgress(&console{terminal: terminal, width: 80, out: &out}, false, wish, func() sweep.Progress { return sweep.Progress{} })
		close(wish)
		require.Eventually(t, func() bool { return strings.Contains(out.String(), stopping+"\n") }, 5*time.Second, 10*time.Millisecond)
		stop()
		require.Equal(t, 1, strings.Count(out.String(), stopping))
	}
}

func TestLogger(t *testing.T) {
	for _, tc := range []struct {
		cfg  config.Log
		want string
	}{
		{config.Log{Level: "info", Format: "text"}, "info warn"},
		{config.Log{Level: "debug", Format: "text"}, "debug info warn"},
		{config.Log{Level: "error", Format: "text"}, ""},
		{config.Log{Level: "debug", Format: "json", Quiet: true}, "warn"},
	} {
		var out bytes.Buffer
		log := logger(&out, tc.cfg)
		for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn} {
			log.Log(t.Context(), level, "x"+strings.ToLower(level.String())+"x")
		}
		var got []string
		for _, word := range []string{"debug", "info", "warn"} {
			if strings.Contains(out.String(), "x"+word+"x") {
				got = append(got, word)
			}
		}
		require.Equal(t, tc.want, strings.Join(got, " "), "%+v", tc.cfg)
	}
}
