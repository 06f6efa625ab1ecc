package sweep

import (
	"math"
	"sync"

	"github.com/netschouw/netschouw/checks/probe/dial"
)

// How the pace gives way: it is halved at a sign of trouble, down to slowest, and comes back in equal steps, one each
// second, after a time without any (additive increase, multiplicative decrease, as RFC 5681 does it for one connection).
const (
	slowest    = 1.0 / 64
	step       = 1.0 / 32
	deaf       = 3    // seconds after a cut in which signs are of what was sent before it
	patience   = 10   // seconds after the last cut before the pace comes back
	localShare = 0.02 // of attempts that this machine could not make: trouble
	localLeast = 20   // and at least so many in a second
)

// governor slows the tour when the network, or this machine, shows that it cannot bear the pace. What makes it possible
// to tell is the random order: every second's addresses are a fair sample of all, so that the share that answers does not
// drift by itself. An address that answers is decided at once, and a silent one by its timeout: hence addresses are weighed
// in cohorts, as the order fed them, and a cohort when its last one is decided. It knows no clock: somebody calls second
// once a second.
type governor struct {
	mu      sync.Mutex
	signs   [signs]drift
	cohorts map[uint64]*cohort
	factor  float64
	since   int // seconds since the last cut
	local   uint64
	retried uint64
	tries   uint64
}

// The signs.
const (
	hostsSilent      = iota // hosts that did not answer, of all
	portsSilent             // ports that did not answer, of those of hosts that did
	hostsUnreachable        // hosts that the network called unreachable, of all
	signs
)

var signNames = [signs]string{"fewer hosts answer", "fewer ports answer on hosts that do", "more hosts are called unreachable"}

// cohort is addresses that stand together in the order.
type cohort struct {
	noted int
	signs [signs]struct{ sum, n float64 }
}

const (
	cohortSize  = 64
	mostCohorts = 1 << 14 // beyond it, those that will never be whole are forgotten: a resumed run skips what was done
)

func newGovernor() *governor {
	return &governor{factor: 1, since: math.MaxInt32, cohorts: make(map[uint64]*cohort)}
}

// note takes what discovery found of a host.
func (g *governor) note(a dial.Answer, state HostState) {
	var tried, lost float64
	for _, o := range a.Outcomes {
		switch {
		case o == dial.TimedOut:
			lost++
			tried++
		case o.Reached():
			tried++
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.cohortOf(a.Index)
	switch state {
	case Assessed:
		c.add(hostsSilent, 0)
		c.add(hostsUnreachable, 0)
		if tried > 0 {
			c.add(portsSilent, lost/tried)
		}
	case Silent:
		c.add(hostsSilent, 1)
		c.add(hostsUnreachable, 0)
	case Unreachable:
		c.add(hostsSilent, 1) // else an answer of a router would read as one of a host
		c.add(hostsUnreachable, 1)
	}
	if c.noted++; c.noted < cohortSize {
		return
	}
	for i, x := range c.signs {
		g.signs[i].add(x.sum, x.n)
	}
	delete(g.cohorts, a.Index/cohortSize)
}

func (g *governor) cohortOf(index uint64) *cohort {
	c := g.cohorts[index/cohortSize]
	if c == nil {
		if len(g.cohorts) >= mostCohorts {
			clear(g.cohorts)
		}
		c = new(cohort)
		g.cohorts[index/cohortSize] = c
	}
	return c
}

// add takes an observation of 0 ... 1.
func (c *cohort) add(sign int, x float64) {
	c.signs[sign].sum += x
	c.signs[sign].n++
}

// second weighs the signs of the last one, and returns the part of the pace to keep, and why when that is less than
// before. now is discovery's load.
func (g *governor) second(now dial.Load) (factor float64, why string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	failed := now.Retried + now.LocalErrors - g.retried - g.local
	tried := now.Attempts - g.tries
	g.retried, g.local, g.tries = now.Retried, now.LocalErrors, now.Attempts
	if failed >= localLeast && float64(failed) > localShare*float64(tried+failed) {
		why = "this machine cannot make all attempts"
	}
	for i := range g.signs {
		if rising := g.signs[i].weigh(); rising && why == "" {
			why = signNames[i]
		}
	}
	if g.since < math.MaxInt32 {
		g.since++
	}
	switch {
	case g.since <= deaf:
		why = ""
	case why != "":
		g.factor = max(slowest, g.factor/2)
		g.since = 0
	case g.since > patience && g.factor < 1:
		g.factor = min(1, g.factor+step)
	}
	return g.factor, why
}

// drift tells whether a share rises. It learns what is usual, and compares samples large enough to tell.
type drift struct {
	usual  float64
	weight float64 // of usual, in observations
	sum, n float64 // of the sample so far
}

const (
	learn     = 256  // observations before anything is said
	remember  = 4096 // observations that usual is an average of, about
	telling   = 50   // variance of a sample's sum that can tell
	mostAsked = 8192 // observations of a sample, whatever its variance
	deviation = 4    // standard deviations that are no chance
)

// add takes n observations of 0 ... 1 by their sum.
func (d *drift) add(sum, n float64) {
	d.sum += sum
	d.n += n
}

// weigh compares the sample with what is usual, when it is large enough, and begins another.
func (d *drift) weigh() (rising bool) {
	if d.n == 0 {
		return false
	}
	if d.weight >= learn {
		spread := max(d.usual*(1-d.usual), 0.01)
		if d.n*spread < telling && d.n < mostAsked {
			return false
		}
		// The spread of 0-or-1 observations is the largest that any have, so that this errs to the quiet side.
		limit := d.usual + deviation*math.Sqrt(spread/d.n) + 0.02*(1-d.usual)
		rising = d.sum/d.n > limit
	}
	n := d.n
	if rising {
		n /= 8 // what lasts becomes usual, slowly: a part of the network that is down is not our pace's doing
	}
	d.weight = min(d.weight+n, remember)
	d.usual += (d.sum/d.n - d.usual) * min(1, n/d.weight)
	d.sum, d.n = 0, 0
	return rising
}
