package sweep

import (
	"time"

	"github.com/netschouw/netschouw/checks/probe/dial"
)

// How many silent hosts may wait for the canaries: from the first number on they are asked at once, from the second on
// nothing else begins.
const (
	askEarly = 1 << 16
	mostHeld = 1 << 18
)

// feed hands the order out to discovery, and holds it back while enough is in hand. Between the places of the order it
// hands out the canaries: all of them before the first place, now and then, and after the last answer.
type feed struct {
	*Tour
	stop  <-chan struct{}
	given uint64       // places handed out
	aside *dial.Target // begun, but its address is being asked as a canary
	final bool         // the last round of canaries has begun
	ended bool
}

// Target is what to look at next; see dial.Feed.
func (f *feed) Target() (dial.Target, dial.Turn) {
	if c := f.canaries; c != nil && (f.given > 0 || !f.stopping()) {
		if !f.final && c.round(time.Now(), f.doubt.holding() >= askEarly) {
			f.doubt.turn()
		}
		if t, ok := c.next(); ok {
			return t, dial.Next
		}
		if c.anxious() {
			return dial.Target{}, dial.Hold
		}
	}
	if f.aside != nil {
		return f.give(*f.aside)
	}
	for {
		left, inHand := f.mark.left(f.order.Len())
		held := f.doubt.holding()
		switch {
		case left == 0, f.stopping():
			return dial.Target{}, f.end()
		case inHand-held >= f.cfg.InHand, held >= mostHeld, f.waiting.Load() >= int64(f.cfg.Waiting):
			return dial.Target{}, dial.Hold
		}
		i := f.mark.begin()
		t := dial.Target{Addr: f.cfg.Targets.At(f.order.At(i)), Index: i}
		if !f.tally.stands(t) {
			return f.give(t)
		}
	}
}

func (f *feed) stopping() bool {
	select {
	case <-f.stop:
		return true
	default:
		return false
	}
}

func (f *feed) give(t dial.Target) (dial.Target, dial.Turn) {
	if f.canaries != nil && !f.canaries.begin(t.Addr) {
		f.aside = &t
		return dial.Target{}, dial.Hold
	}
	f.aside = nil
	f.given++
	return t, dial.Next
}

// end is what to say when no place is left to hand out: with canaries, hold until every place is answered, ask them once
// more, and only then end.
func (f *feed) end() dial.Turn {
	if f.canaries != nil && f.given > 0 {
		switch {
		case f.answered.Load() < f.given:
			return dial.Hold
		case !f.final:
			if f.final = f.canaries.round(time.Now(), true); f.final {
				f.blindAtLast()
				f.doubt.turn()
			}
			return dial.Hold
		case f.canaries.asking():
			return dial.Hold
		}
	}
	f.ended = true
	return dial.End
}
