package sweep

import (
	"errors"
	"sync"

	"github.com/netschouw/netschouw/checks/probe/dial"
)

// ErrBlind is wrapped by the error of a run that ended because this machine could not see: its own network failed, or a
// canary was not seen.
var ErrBlind = errors.New("this machine cannot see the network")

// blindAfter is how many hosts in a row this machine must have failed to try before a run is given up. Some addresses
// can never be tried, such as the broadcast addresses of this machine's own links (RFC 1122 section 3.3.6): these come
// one at a time, with others between them, because the order is random.
const blindAfter = 16

// doubt holds the hosts from which nothing came back until there is reason to believe that it was they who were silent,
// and not this machine that could not see. What it holds is in hand: a run that ends in doubt visits it again on resume.
//
// A host is held until the batch that it came in is closed, and then until a sign is good that was asked for after that.
// The sign is a round of canaries, when there are any, else a second in which this machine could send.
type doubt struct {
	tally    *tally
	canaries bool

	mu     sync.Mutex
	open   *batch   // what comes in
	closed []*batch // waits for the sign that is being asked for
	held   int      // hosts in all of them
	dead   bool     // no sign can be good any more

	// Of this second: hosts that answered, hosts that did not, hosts that could not be tried.
	reached, quiet, failed int
	row                    int // hosts that could not be tried, since the last that was
	tried                  bool
}

func newDoubt(t *tally, canaries bool) *doubt {
	return &doubt{tally: t, canaries: canaries, open: t.newBatch()}
}

// see notes that a host answered.
func (d *doubt) see() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reached++
	d.tried = true
}

// hold takes what discovery found of a host from which nothing came back.
func (d *doubt) hold(a dial.Answer, state HostState) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if state == LocalErrors {
		d.failed++
	} else {
		d.quiet++
		d.tried = true
	}
	d.held++
	d.open.add(a, state)
}

// holding is how many hosts wait for a sign.
func (d *doubt) holding() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.held
}

// turn closes the batch: what is in it may be believed when the sign that is asked for now is good.
func (d *doubt) turn() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.turnLocked()
}

func (d *doubt) turnLocked() {
	if len(d.open.places) > 0 {
		d.closed = append(d.closed, d.open)
		d.open = d.tally.newBatch()
	}
}

// good believes what was closed when the sign was asked for.
func (d *doubt) good() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.goodLocked()
}

func (d *doubt) goodLocked() {
	if d.dead || d.row > 0 {
		return // wait for the next sign
	}
	for _, b := range d.closed {
		d.held -= len(b.places)
		d.tally.merge(b)
	}
	d.closed = nil
}

// bad says that no sign will be good any more. It tells how many hosts are not believed.
func (d *doubt) bad() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dead = true
	return d.held
}

// second is called once a second. It tells whether this machine has lost the network.
func (d *doubt) second() (blind bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.reached > 0, d.quiet > 0 && d.failed == 0:
		d.row = 0
	default:
		d.row += d.failed
	}
	// Hosts that were asked before the network went may still turn out to be silent; when none do any more, it is sure.
	blind = d.row >= blindAfter && d.quiet == 0
	d.reached, d.quiet, d.failed = 0, 0, 0
	if !d.canaries && !blind {
		d.goodLocked()
		if d.row == 0 {
			d.turnLocked()
		}
	}
	return blind
}

// last is called at the end, when discovery has nothing under way. It tells whether this machine has lost the network;
// if not, and no canary is to be asked first, what is held is believed.
func (d *doubt) last() (blind bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.row += d.failed; d.reached > 0 || d.quiet > 0 && d.failed == 0 {
		d.row = 0
	}
	d.reached, d.quiet, d.failed = 0, 0, 0
	if blind = d.row >= blindAfter || d.row > 0 && !d.tried; blind {
		return true
	}
	d.row = 0
	if !d.canaries {
		d.turnLocked()
		d.goodLocked()
	}
	return false
}
