package main

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/cmd/netschouw/config"
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
	half := tally{done: 32768, total: 65536, found: 12}
	require.Equal(t, "32,768 of 65,536 addresses done (50%), 12 found, 3,276/s, 10s left", logLine(half, 10*time.Second))
	require.Equal(t, "0 of 65,536 addresses done (0%), 0 found, 0/s, time left unknown", logLine(tally{total: 65536}, time.Second))
	resumed := tally{begun: 60000, done: 61000, total: 62000}
	require.Contains(t, logLine(resumed, 10*time.Second), "100/s, 10s left", "a resumed run counts its own pace")
	require.Equal(t, "["+strings.Repeat("#", 20)+strings.Repeat("-", 20)+"]  50%  32,768/65,536 addresses  12 found  3,276/s  10s left", barLine(half, 10*time.Second, 120))
	for width := range 200 {
		require.LessOrEqual(t, len(barLine(half, 10*time.Second, width)), max(width-1, 0), "a bar never wraps")
	}
	require.NotPanics(t, func() { barLine(tally{done: 5, total: 3, begun: 9}, -time.Second, 80) })
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
	stop := startProgress(&console{terminal: true, width: 80, out: &out}, true, func() tally { panic("nobody looks") })
	stop()
	require.Empty(t, out.String())
}

func TestProgressOnATerminal(t *testing.T) {
	var out lockedBuffer
	stop := startProgress(&console{terminal: true, width: 80, out: &out}, false, func() tally { return tally{done: 1, total: 2} })
	require.Eventually(t, func() bool { return strings.Contains(out.String(), "1/2 addresses") }, 5*time.Second, 10*time.Millisecond)
	stop()
	require.True(t, strings.HasSuffix(out.String(), "\r\x1b[K"), "the bar is gone at the end")
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
