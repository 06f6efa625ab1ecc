package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"
)

// tally is how far a tour is.
type tally struct {
	done, total uint64 // addresses
	found       uint64 // matches and suspects
	begun       uint64 // done before this run: a resumed tour does not begin at zero
}

// The pace of progress: a bar that moves, or a line that a log can bear.
const (
	barEvery  = 200 * time.Millisecond
	lineEvery = time.Minute
)

// progress tells how far a tour is, on a console.
type progress struct {
	console *console
	started time.Time
	read    func() tally
	stopped chan struct{}
	ended   sync.WaitGroup
}

// startProgress begins to tell; stop ends it. read may be called at any time until then.
func startProgress(c *console, quiet bool, read func() tally) (stop func()) {
	if quiet {
		return func() {}
	}
	p := &progress{console: c, started: time.Now(), read: read, stopped: make(chan struct{})}
	p.ended.Add(1)
	go p.run()
	return func() {
		close(p.stopped)
		p.ended.Wait()
		c.bar("")
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
		case now := <-tick.C:
			t, age := p.read(), now.Sub(p.started)
			if p.console.terminal {
				p.console.bar(barLine(t, age, p.console.width))
			} else {
				p.console.line(logLine(t, age))
			}
		}
	}
}

// logLine is progress for a log: everything in one sentence.
func logLine(t tally, age time.Duration) string {
	return fmt.Sprintf("%s of %s addresses done (%s), %s found, %s/s, %s", grouped(t.done), grouped(t.total),
		percent(t), grouped(t.found), grouped(pace(t, age)), left(t, age))
}

// barLine is progress for a terminal of so many columns. Facts come before decoration: a narrow one has no bar.
func barLine(t tally, age time.Duration, width int) string {
	facts := fmt.Sprintf("%4s  %s/%s addresses  %s found  %s/s  %s", percent(t), grouped(t.done), grouped(t.total),
		grouped(t.found), grouped(pace(t, age)), left(t, age))
	room := min(width-1-len(facts)-3, 40)
	if room < 5 {
		return facts[:min(len(facts), max(width-1, 0))]
	}
	full := 0
	if t.total > 0 {
		full = int(uint64(room) * min(t.done, t.total) / t.total)
	}
	return "[" + strings.Repeat("#", full) + strings.Repeat("-", room-full) + "] " + facts
}

func percent(t tally) string {
	if t.total == 0 {
		return "0%"
	}
	return strconv.FormatUint(100*min(t.done, t.total)/t.total, 10) + "%"
}

// pace is addresses per second since the run began.
func pace(t tally, age time.Duration) uint64 {
	if age <= 0 || t.done < t.begun {
		return 0
	}
	return uint64(float64(t.done-t.begun) / age.Seconds())
}

func left(t tally, age time.Duration) string {
	fresh := t.done - min(t.begun, t.done)
	if fresh == 0 || age <= 0 {
		return "time left unknown"
	}
	rest := t.total - min(t.done, t.total)
	d := time.Duration(float64(age) / float64(fresh) * float64(rest)).Round(time.Second)
	return d.String() + " left"
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
