package dial

import (
	"fmt"
	"time"
)

// governor lowers the speed when the network or this machine shows that it is too high, and raises it again slowly. The
// pace that was configured is never exceeded: this is a second bound below it.
type governor struct {
	ceiling float64       // SYNs per second, 0: none
	before  float64       // the speed at which the trouble began
	tat     time.Duration // theoretical arrival time of the next SYN, as in the generic cell rate algorithm
	until   time.Duration // what comes before answers SYNs that were sent before the last change
	calm    int           // good samples since then
	last    uint64        // answers in the sample before
	floor   float64       // the lowest share of lost answers seen: what the path loses at any speed
	banned  float64       // the mean share of prohibitions
	samples int
}

// sample is what happened in a stretch of time.
type sample struct {
	took                                           time.Duration
	sent, answered, repaired, prohibited, quenched uint64
	failed                                         uint64 // packets that this machine had no room for
}

const (
	sampleEvery = time.Second
	enough      = 100                   // answers, below which their shares mean nothing
	ahead       = 10 * time.Millisecond // how far the sender may run ahead of the ceiling: timers are not finer than 1 ms
	calmSamples = 5                     // good samples after which the speed is raised by a quarter
)

// wait is how long the next SYN must wait.
func (g *governor) wait(now time.Duration) time.Duration {
	if g.ceiling == 0 {
		return 0
	}
	return max(0, g.tat-ahead-now)
}

// spend counts a SYN.
func (g *governor) spend(now time.Duration) {
	if g.ceiling != 0 {
		g.tat = max(g.tat, now) + time.Duration(float64(time.Second)/g.ceiling)
	}
}

// change is a decision of the governor; why is "" when the speed is raised.
type change struct {
	from, to float64 // SYNs per second; to is 0 when there is no ceiling any more
	why      string
}

// look judges a sample. settle is how long after a change its effect shows in the answers.
func (g *governor) look(now time.Duration, s sample, settle time.Duration) (c change, changed bool) {
	why := g.trouble(s)
	if now < g.until && s.failed == 0 {
		return change{}, false
	}
	rate := float64(s.sent) / s.took.Seconds()
	if why != "" {
		g.calm, g.until = 0, now+settle
		if g.ceiling == 0 {
			g.before, g.ceiling = rate, rate
		}
		c = change{from: g.ceiling, why: why}
		if g.ceiling = min(rate, g.ceiling) / 2; g.ceiling < max(100, g.before/16) {
			g.ceiling = max(100, g.before/16)
		}
		c.to = g.ceiling
		return c, c.to < c.from
	}
	if g.ceiling == 0 {
		return change{}, false
	}
	if g.calm++; g.calm < calmSamples {
		return change{}, false
	}
	g.calm = 0
	c = change{from: g.ceiling}
	if g.ceiling *= 1.25; g.ceiling >= g.before {
		g.ceiling = 0
	}
	c.to = g.ceiling
	return c, true
}

// trouble names what shows that the speed is too high, "" when nothing does.
func (g *governor) trouble(s sample) string {
	// An answer to a SYN that was sent again belongs with the first answers of a round ago.
	of := max(s.answered, g.last)
	g.last = s.answered
	switch {
	case s.failed > 0 && s.failed*100 > s.sent:
		return fmt.Sprintf("this machine had no room for %d packets", s.failed)
	case s.quenched > 0:
		return fmt.Sprintf("%d routers or hosts asked for less (ICMP source quench)", s.quenched)
	case of < enough:
		return ""
	}
	lost, banned := float64(s.repaired)/float64(of), float64(s.prohibited)/float64(of)
	if g.samples == 0 {
		g.floor, g.banned = lost, banned
	}
	g.samples++
	usual := g.banned
	g.banned += (banned - g.banned) / 8
	limit := min(0.25, 2*g.floor+0.05)
	g.floor = min(g.floor, lost)
	switch {
	case lost > limit:
		return fmt.Sprintf("%.0f %% of the answers came to a second SYN only", 100*lost)
	case g.samples > 4 && banned > 0.5 && usual < 0.1:
		return fmt.Sprintf("%.0f %% of the answers prohibit (ICMP), which they did not before", 100*banned)
	}
	return ""
}
