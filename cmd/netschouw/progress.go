package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/sweep"
)

// The pace of progress: a bar that moves, or a line that a log can bear.
const (
	barEvery  = 200 * time.Millisecond
	lineEvery = time.Minute
)

// progress tells how far a tour is, on a console.
type progress struct {
	console *console
	read    func() sweep.Progress
	wish    <-chan struct{} // closed when somebody wishes the tour to stop; nil: nobody can
	stopped chan struct{}
	ended   sync.WaitGroup
}

// stopping answers the first Ctrl-C: without it, a tour that waits for a slow host seems not to listen.
const stopping = "stopping: the hosts in hand are finished first; Ctrl-C again ends at once"

// startProgress begins to tell; stop ends it, with what came out. read may be called at any time until then. When wish is closed it says
// what is being waited for.
func startProgress(c *console, quiet bool, wish <-chan struct{}, read func() sweep.Progress) (stop func()) {
	if quiet {
		return func() {}
	}
	p := &progress{console: c, read: read, wish: wish, stopped: make(chan struct{})}
	p.ended.Add(1)
	go p.run()
	return func() {
		close(p.stopped)
		p.ended.Wait()
		c.bar("")
		c.line(lastLine(read()))
	}
}

func (p *progress) run() {
	defer p.ended.Done()
	every := lineEvery
	if p.console.terminal {
		every = barEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-p.stopped:
			return
		case <-p.wish:
			p.wish = nil // said once
			p.console.line(stopping)
		case <-tick.C:
			if p.console.terminal {
				p.console.bar(barLine(p.read(), p.console.width))
			} else {
				p.console.line(logLine(p.read()))
			}
		}
	}
}

// logLine is progress for a log: everything in one sentence.
func logLine(p sweep.Progress) string {
	return fmt.Sprintf("%s of %s addresses done (%s), %s found, %s tries/s, %s", grouped(p.Done), grouped(p.Total),
		percent(p), grouped(found(p)), grouped(uint64(p.Rate)), left(p)) + slowed(p)
}

// slowed tells that the pace gave way, "" when it did not.
func slowed(p sweep.Progress) string {
	if p.Pace <= 0 || p.Pace >= 1 {
		return ""
	}
	return fmt.Sprintf(", slowed to %.0f%% of the pace", 100*p.Pace)
}

// lastLine is what came out of it, for whoever wrote the report to a file.
func lastLine(p sweep.Progress) string {
	return fmt.Sprintf("%s of %s addresses done: %s match, %s suspect, %s clear", grouped(p.Done), grouped(p.Total),
		grouped(p.Verdicts[checks.Match]), grouped(p.Verdicts[checks.Suspect]), grouped(p.Verdicts[checks.Clear]))
}

// barLine is progress for a terminal of so many columns. Facts come before decoration: a narrow one has no bar.
func barLine(p sweep.Progress, width int) string {
	const echo = 2 // room for the ^C that a terminal shows, so that it does not break the line
	width -= 1 + echo
	facts := barFacts(p, width)
	room := min(width-len(facts)-3, 40)
	if room < 5 {
		return facts
	}
	full := 0
	if p.Total > 0 {
		full = int(float64(room) * float64(min(p.Done, p.Total)) / float64(p.Total))
	}
	return "[" + strings.Repeat("#", full) + strings.Repeat("-", room-full) + "] " + facts
}

// barFacts is as many facts as fit into so many columns, whole ones: half a number is a wrong number.
func barFacts(p sweep.Progress, width int) string {
	share, done := fmt.Sprintf("%4s", percent(p)), grouped(p.Done)+"/"+grouped(p.Total)
	hits, rate := grouped(found(p))+" found", grouped(uint64(p.Rate))+" tries/s"
	for _, facts := range [][]string{{share, done + " addresses", hits, rate, left(p)}, {share, done + " addresses", hits, left(p)},
		{share, done, hits, left(p)}, {share, done, hits}, {share, done}, {share}} {
		if line := strings.Join(facts, "  "); len(line) <= width {
			return line
		}
	}
	return ""
}

// found is how many hosts want a person's look.
func found(p sweep.Progress) uint64 { return p.Verdicts[checks.Match] + p.Verdicts[checks.Suspect] }

func percent(p sweep.Progress) string {
	if p.Total == 0 {
		return "0%"
	}
	return strconv.Itoa(int(100*float64(min(p.Done, p.Total))/float64(p.Total))) + "%"
}

func left(p sweep.Progress) string {
	switch {
	case waiting(p):
		if p.Total-p.Done == 1 {
			return "waiting for the last host"
		}
		return "waiting for the last " + grouped(p.Total-p.Done) + " hosts"
	case p.ETA < 0:
		return "time left unknown"
	}
	return p.ETA.Round(time.Second).String() + " left"
}

// settling is how long a tour has before it can be said to wait.
const settling = 5 * time.Second

// waiting says that every address has been begun, and that what is left takes its time: hosts that answer slowly, or
// suspects whose ports are all being tried. How long that is, the speed so far does not tell.
func waiting(p sweep.Progress) bool {
	return p.Elapsed > settling && p.Done < p.Total && p.Rate < 1 && p.Done+uint64(max(p.InHand, 0)) >= p.Total //nolint:gosec // not negative
}

// grouped writes a number with commas between thousands.
func grouped(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// console is standard error, shared by log lines and a bar at its foot. It is safe for concurrent use.
type console struct {
	terminal bool
	width    int

	mu    sync.Mutex
	out   io.Writer
	shown string
}

// Write writes log lines above the bar.
func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wipe()
	n, err := c.out.Write(p)
	_, _ = io.WriteString(c.out, c.shown) // progress is not worth an error
	return n, err
}

func (c *console) line(s string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wipe()
	_, _ = io.WriteString(c.out, s+"\n"+c.shown) // as above
}

// bar shows a line at the foot of the terminal in place of the one before; "" takes it away.
func (c *console) bar(s string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wipe()
	c.shown = s
	_, _ = io.WriteString(c.out, s) // as above
}

// wipe takes the bar off the screen: back to the first column, erase to the end of the line (ECMA-48 EL).
func (c *console) wipe() {
	if c.shown != "" {
		_, _ = io.WriteString(c.out, "\r\x1b[K") // as above
	}
}
