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
	Reached uint64 // addresses that answered, in this run
	// Verdicts counts the assessed hosts of this run.
	Verdicts map[checks.Verdict]uint64
	Attempts uint64        // connection attempts of discovery, in this run
	Rate     float64       // attempts per second, over the last few seconds
	InHand   int           // addresses between the order and the sink
	Elapsed  time.Duration // since this run began or was resumed
	// ETA is the time that is left at the speed so far; negative while nothing can be said.
	ETA time.Duration
}

// Progress tells how far the run is. It may be called at any time, by any goroutine.
func (t *Tour) Progress() Progress {
	s := t.Summary()
	_, inHand := t.mark.cursor()
	p := Progress{Run: s.Run, Total: s.Total, Verdicts: s.Verdicts, Attempts: s.Attempts,
		Rate: math.Float64frombits(t.rate.Load()), InHand: inHand, Elapsed: time.Since(t.began), ETA: -1}
	var done uint64
	for state, n := range s.Hosts {
		if state != Interrupted {
			done += n
		}
	}
	p.Reached = s.Hosts[Assessed] + s.Hosts[Failed]
	p.Done = s.From + done
	if p.Done >= p.Total {
		p.ETA = 0
	} else if done > 0 {
		p.ETA = time.Duration(float64(p.Elapsed) / float64(done) * float64(p.Total-p.Done))
	}
	return p
}
