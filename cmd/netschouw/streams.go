package main

import (
	"io"
	"log/slog"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/netschouw/netschouw/cmd/netschouw/config"
	"github.com/netschouw/netschouw/report"
)

// terminalOf says whether a stream is a terminal, and how wide.
func terminalOf(stream any) (is bool, width int) {
	f, ok := stream.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return false, 0
	}
	if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
		return true, width
	}
	return true, 80
}

// console makes standard error fit for logs and a bar. A terminal that cannot move its cursor gets lines.
func (w *world) console() *console {
	is, width := terminalOf(w.stderr)
	return &console{terminal: is && w.getenv("TERM") != "dumb", width: width, out: w.stderr}
}

func (w *world) getenv(name string) string {
	for _, line := range w.env {
		if val, ok := strings.CutPrefix(line, name+"="); ok {
			return val
		}
	}
	return ""
}

// logger writes structured logs at the level and in the form that the configuration names.
func logger(out io.Writer, cfg config.Log) *slog.Logger {
	level := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}[cfg.Level]
	if cfg.Quiet {
		level = max(level, slog.LevelWarn)
	}
	opts := &slog.HandlerOptions{Level: level}
	if cfg.Format == "json" {
		return slog.New(slog.NewJSONHandler(out, opts))
	}
	return slog.New(slog.NewTextHandler(out, opts))
}

// reportOptions says how a report is to look on a stream: colour and width are a terminal's, and NO_COLOR
// (no-color.org) is honoured.
func (w *world) reportOptions(cfg config.Output, out any) report.Options {
	opts := report.Options{All: cfg.All, Lang: cfg.Lang, Reporter: cfg.Reporter}
	if is, width := terminalOf(out); is {
		opts.Width = width
		opts.Color = w.getenv("NO_COLOR") == "" && w.getenv("TERM") != "dumb"
	}
	return opts
}
