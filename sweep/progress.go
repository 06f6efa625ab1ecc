package sweep

import (
	"math"
	"time"

	"github.com/netschouw/netschouw/checks"
)

// Progress is a snapshot of a run.
type Progress struct {
	Run     string
	Done    uint64 // addresses that are finished, those of the runs before a resume included
	Total   uint64
	Reached uint64 // addresses that answered
	// Verdicts counts the assessed hosts.
	Verdicts map[checks.Verdict]uint64
	Attempts uint64        // connection attempts of discovery
	Rate     float64       // attempts per second, over the last few seconds
	Pace     float64       // the part of the configured rate that is used, 1 unless the network asked for less
	InHand   int           // addresses between the order and the sink
	Elapsed  time.Duration // since this run began or was resumed
	// ETA is the time that is left at the speed so far; negative while nothing can be said.
	ETA time.Duration
}

// Progress tells how far the run is. It may be called at any time, by any goroutine.
func (t *Tour) Progress() Progress {
	s := t.tally.summary()
	t.attempts(&s)
	_, inHand := t.mark.left(0)
	p := Progress{Run: s.Run, Total: s.Total, Verdicts: s.Verdicts, Attempts: s.Attempts,
		Rate: math.Float64frombits(t.rate.Load()), Pace: math.Float64frombits(t.pace.Load()), InHand: inHand, Elapsed: time.Since(t.began), ETA: -1}
	p.Reached = s.Hosts[Assessed] + s.Hosts[Failed]
	p.Done = s.Counts.Done()
	if done := p.Done - s.From; p.Done >= p.Total {
		p.ETA = 0
	} else if done > 0 {
		p.ETA = time.Duration(float64(p.Elapsed) / float64(done) * float64(p.Total-p.Done))
	}
	return p
}
