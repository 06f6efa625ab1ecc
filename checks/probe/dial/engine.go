package dial

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"
)

// Target is one address to look at. Index is the caller's and comes back with the Answer.
type Target struct {
	Addr  netip.Addr
	Index uint64
}

// Turn is what a Feed says beside a target.
type Turn uint8

// The turns of a Feed.
const (
	Next Turn = iota // here is a target
	Hold             // not now: the caller has enough in hand; ask again soon
	End              // there will be no more
)

// Feed hands out the targets. It is asked by one goroutine, must not block, and is not asked again after End.
// Back-pressure is its Hold.
type Feed interface {
	Target() (Target, Turn)
}

// Answer is what the attempts on all ports of one target came to.
type Answer struct {
	Target
	// Outcomes stands in the order of the engine's ports.
	Outcomes []Outcome
	// Open are the connections that the open ports gave, in no order. An open port that has none here was found while
	// too many connections waited for their conversation; it must be dialled again. The receiver owns them and must
	// turn each into a Conn or close it.
	Open []*Opened
}

// Taker is a Pacer that can also be asked without blocking, which an Engine needs to keep its other attempts going.
type Taker interface {
	Pacer
	// Take spends one attempt at addr, as Wait does, and returns 0; or it spends nothing and returns how long to wait
	// before asking again. everyone says that no other address may be attempted before then either. The error is
	// ErrBudget.
	Take(addr netip.Addr) (wait time.Duration, everyone bool, err error)
	// Return gives one attempt back to addr's budget: it was taken, and nothing was sent.
	Return(addr netip.Addr)
}

// EngineOptions bounds an Engine. A zero field takes its default.
type EngineOptions struct {
	// Ports are tried on every target, at least one.
	Ports []uint16
	// Outstanding is the most descriptors that attempts and waiting connections may use together, default 16384. It
	// is lowered to what the process may open less Reserve.
	Outstanding int
	// Reserve is the number of descriptors left for everything else: conversations, files. Default 1536, or half of
	// what the process may open where that is less.
	Reserve int
	// Waiting is the most established connections that may wait for their receiver, default 4096 and at most half of
	// Outstanding; beyond it a connection is closed at once and its port is reported open without one.
	Waiting int
}

// Engine makes very many connection attempts at once from few goroutines, each one through the gate and at the pace of
// its Dialer. It takes addresses from a Feed and answers for all ports of an address together.
type Engine struct {
	dialer *Dialer
	pace   Taker // nil: no pace
	opts   EngineOptions

	attempts    atomic.Uint64 // made, which is to say that a SYN may have left
	outstanding atomic.Int64
	waiting     atomic.Int64
	retried     atomic.Uint64
	local       atomic.Uint64
}

// Load is a snapshot of what an Engine does.
type Load struct {
	Attempts    uint64 // connection attempts made so far
	Retried     uint64 // attempts made again because this machine could not make them at first
	LocalErrors uint64 // ports given up because this machine could not try them
	Outstanding int    // attempts that are under way
	Waiting     int    // established connections that wait for their conversation
}

// NewEngine returns an Engine on the dialer's gate, pace and limits. It raises the soft limit of open files to the hard
// one, and fails when even that leaves too few.
func (d *Dialer) NewEngine(opts EngineOptions) (*Engine, error) {
	if len(opts.Ports) == 0 {
		return nil, errors.New("discovery needs at least one port")
	}
	if opts.Outstanding <= 0 {
		opts.Outstanding = 16384
	}
	if opts.Waiting <= 0 {
		opts.Waiting = 4096
	}
	files, err := raiseFiles()
	if err != nil {
		return nil, fmt.Errorf("limit of open files: %w", err)
	}
	if opts.Reserve <= 0 {
		opts.Reserve = min(1536, files/2)
	}
	if opts.Outstanding = min(opts.Outstanding, files-opts.Reserve); opts.Outstanding < 16 {
		return nil, fmt.Errorf("limit of open files is %d, of which %d are reserved: raise it with ulimit -n", files, opts.Reserve)
	}
	opts.Waiting = min(opts.Waiting, opts.Outstanding/2)
	e := &Engine{dialer: d, opts: opts}
	switch p := d.pacer.(type) {
	case nil:
	case Taker:
		e.pace = p
	default:
		return nil, fmt.Errorf("pacer %T cannot be asked without blocking", p)
	}
	return e, nil
}

// Ports are the ports tried, in the order of Answer.Outcomes. Callers must not change them.
func (e *Engine) Ports() []uint16 { return e.opts.Ports }

// Outstanding is the bound in force on attempts and waiting connections together.
func (e *Engine) Outstanding() int { return e.opts.Outstanding }

// Load tells what the engine does at this moment.
func (e *Engine) Load() Load {
	return Load{Attempts: e.attempts.Load(), Retried: e.retried.Load(), LocalErrors: e.local.Load(),
		Outstanding: int(e.outstanding.Load()), Waiting: int(e.waiting.Load())}
}

// Discover takes targets from feed until its End and gives found one Answer for each, from one goroutine at a time;
// found must not block. It returns nil once every target has been answered. When ctx ends first it returns its error
// at once; targets in hand are then not answered, and their connections are closed.
func (e *Engine) Discover(ctx context.Context, feed Feed, found func(Answer)) error {
	return e.discover(ctx, feed, found)
}

// permit asks the gate, then the pacer, as Dialer.permit does, without blocking. NotLookedAt permits; a wait above 0 means
// ask again.
func (e *Engine) permit(addr netip.Addr) (outcome Outcome, wait time.Duration, everyone bool) {
	if e.dialer.gate.Check(addr) != nil {
		return OutOfScope, 0, false
	}
	if e.pace == nil {
		return NotLookedAt, 0, false
	}
	wait, everyone, err := e.pace.Take(addr)
	switch {
	case errors.Is(err, ErrBudget):
		return OverBudget, 0, false
	case err != nil:
		return LocalError, 0, false
	}
	return NotLookedAt, wait, everyone
}

// job is one target in hand.
type job struct {
	target   Target
	addr     netip.Addr // what is asked of the gate and contacted: never an IPv4 address dressed as IPv6
	next     int        // the first port not tried yet
	left     int        // ports without an outcome
	again    []again    // ports to try again after a local error
	at       time.Time  // while delayed: not before
	outcomes []Outcome
	open     []*Opened
}

// again is a port whose attempt failed for a local reason.
type again struct{ port, tries int }

func (e *Engine) newJob(t Target) *job {
	return &job{target: t, addr: t.Addr.Unmap(), left: len(e.opts.Ports), outcomes: make([]Outcome, len(e.opts.Ports))}
}

// peek is the port to try next and how often it was tried before; false when all have been tried.
func (j *job) peek() (port, tries int, ok bool) {
	if n := len(j.again); n > 0 {
		return j.again[n-1].port, j.again[n-1].tries, true
	}
	return j.next, 0, j.next < len(j.outcomes)
}

func (j *job) advance() {
	if n := len(j.again); n > 0 {
		j.again = j.again[:n-1]
		return
	}
	j.next++
}

// decide records a port's outcome and tells whether it was the last.
func (j *job) decide(port int, o Outcome) bool {
	j.outcomes[port] = o
	j.left--
	return j.left == 0
}

func (j *job) answer() Answer { return Answer{Target: j.target, Outcomes: j.outcomes, Open: j.open} }

// delayed is a heap of jobs by the time before which they must not go on.
type delayed []*job

func (d delayed) Len() int           { return len(d) }
func (d delayed) Less(i, k int) bool { return d[i].at.Before(d[k].at) }
func (d delayed) Swap(i, k int)      { d[i], d[k] = d[k], d[i] }
func (d *delayed) Push(x any)        { *d = append(*d, x.(*job)) }
func (d *delayed) Pop() any {
	old := *d
	j := old[len(old)-1]
	old[len(old)-1] = nil
	*d = old[:len(old)-1]
	return j
}
