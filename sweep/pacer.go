package sweep

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/netschouw/netschouw/checks/probe/dial"
)

// Pace says how fast the tour may go, in connection attempts. What the kernel sends again by itself after a second
// without an answer (RFC 6298) is the same attempt.
type Pace struct {
	// Rate is the most attempts in any second, 0 for no bound.
	Rate float64
	// Neighbourhood is the most attempts in any second on one /24 (IPv4) or /64 (IPv6): what one router or switch of the
	// provider sees. 0 for no bound.
	Neighbourhood float64
	// PerHost is the most attempts on one address in the run, default 64.
	PerHost int
}

// neighbourhoods are these prefix lengths.
const (
	bits4 = 24
	bits6 = 64
)

// Pacer keeps the pace. It remembers a neighbourhood while that has attempts to make up for, and an address until Done.
type Pacer struct {
	epoch   time.Time // with a monotonic reading: a clock that is set changes no pace
	rate    float64   // as configured, 0 for no bound
	perHost int

	mu       sync.Mutex
	unslowed float64 // while slowed: the rate that Slow takes a part of
	all      bucket
	allTAT   time.Duration
	near     bucket
	nearTAT  map[netip.Addr]time.Duration // by the first address of the neighbourhood
	prune    int                          // the size of nearTAT at which it is pruned next
	spent    map[netip.Addr]int
	granted  map[netip.Addr]*grant
	exempt   map[netip.Addr]bool
	blocked  int // callers of Wait that the global rate holds up; they go first
	total    uint64
}

// grant is what one address may have beyond the others.
type grant struct {
	budget int
	pace   bucket
	tat    time.Duration
	until  time.Duration // no attempt after it; 0: no end
}

var _ dial.Taker = (*Pacer)(nil)

// NewPacer returns a Pacer that has spent nothing.
func NewPacer(p Pace) *Pacer {
	if p.PerHost <= 0 {
		p.PerHost = 64
	}
	return &Pacer{epoch: time.Now(), rate: p.Rate, perHost: p.PerHost, all: newBucket(p.Rate), near: newBucket(p.Neighbourhood),
		nearTAT: make(map[netip.Addr]time.Duration), prune: 256, spent: make(map[netip.Addr]int),
		granted: make(map[netip.Addr]*grant), exempt: make(map[netip.Addr]bool)}
}

// bucket is a rate in the form of the generic cell rate algorithm (ITU-T I.371): attempts stand interval apart, and may run
// ahead of that by at most ahead. The zero value is no bound.
type bucket struct{ interval, ahead time.Duration }

// newBucket allows bursts of rate/100, ten milliseconds' worth, because timers are not finer than a millisecond. A burst
// of b and then 1/interval a second would be b-1 too many in the second that begins with the burst, so that the interval
// is that of rate-(b-1): in no second, wherever it begins, are there more than rate.
func newBucket(rate float64) bucket {
	if rate <= 0 {
		return bucket{}
	}
	ahead := max(1, int64(rate/100)) - 1
	interval := time.Duration(float64(time.Second)/(rate-float64(ahead))) + 1
	return bucket{interval, time.Duration(ahead) * interval}
}

// wait is how long an attempt at now must wait, given the theoretical arrival time of the next.
func (b bucket) wait(tat, now time.Duration) time.Duration { return max(0, tat-b.ahead-now) }

// Take spends one attempt at addr, or says how long to wait; see dial.Taker. It lets callers of Wait go first: they
// finish hosts that the tour has in hand.
func (p *Pacer) Take(addr netip.Addr) (wait time.Duration, everyone bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.blocked > 0 {
		return max(p.all.interval, time.Millisecond), true, nil
	}
	return p.take(addr)
}

func (p *Pacer) take(addr netip.Addr) (wait time.Duration, everyone bool, err error) {
	now := time.Since(p.epoch)
	own := p.granted[addr]
	if p.over(addr, own, now) {
		return 0, false, dial.ErrBudget
	}
	if wait := p.all.wait(p.allTAT, now); wait > 0 {
		return wait, true, nil
	}
	if own != nil {
		if wait := own.pace.wait(own.tat, now); wait > 0 {
			return wait, false, nil
		}
	}
	if p.near.interval > 0 {
		hood := neighbourhood(addr)
		tat := p.nearTAT[hood]
		if wait := p.near.wait(tat, now); wait > 0 {
			return wait, false, nil
		}
		p.remember(hood, max(tat, now)+p.near.interval, now)
	}
	if own != nil {
		own.tat = max(own.tat, now) + own.pace.interval
	}
	p.allTAT = max(p.allTAT, now) + p.all.interval
	p.spent[addr]++
	p.total++
	return 0, false, nil
}

// over tells whether the address has had what it may have.
func (p *Pacer) over(addr netip.Addr, own *grant, now time.Duration) bool {
	switch {
	case p.exempt[addr]:
		return false
	case own == nil:
		return p.spent[addr] >= p.perHost
	}
	return p.spent[addr] >= own.budget || own.until > 0 && now > own.until
}

// Grant gives an address a budget of its own until Done, with at most rate attempts in any second on it (0: no bound of
// its own), and no attempt after lasting (0: no end). The other bounds hold for it as for all.
func (p *Pacer) Grant(addr netip.Addr, budget int, rate float64, lasting time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := &grant{budget: budget, pace: newBucket(rate)}
	if lasting > 0 {
		g.until = time.Since(p.epoch) + lasting
	}
	p.granted[addr] = g
}

// Exempt takes the budget, and no other bound, off an address: a canary is asked throughout the run.
func (p *Pacer) Exempt(addr netip.Addr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.exempt[addr] = true
}

// Slow keeps this part, above 0 and at most 1, of the configured rate, or where there is none of what is measured when it
// first slows. It returns the rate that holds now, 0 for no bound, and whether that is the configured one again.
func (p *Pacer) Slow(part, measured float64) (rate float64, full bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if part >= 1 {
		p.all, p.unslowed = newBucket(p.rate), 0
		return p.rate, true
	}
	if p.unslowed == 0 {
		if p.unslowed = p.rate; p.rate <= 0 {
			p.unslowed = max(measured, 1)
		}
	}
	rate = part * p.unslowed
	p.all = newBucket(rate)
	return rate, false
}

// remember files a neighbourhood's time, and now and then drops those whose time has passed: they are as new.
func (p *Pacer) remember(hood netip.Addr, tat, now time.Duration) {
	p.nearTAT[hood] = tat
	if len(p.nearTAT) < p.prune {
		return
	}
	for h, tat := range p.nearTAT {
		if tat <= now {
			delete(p.nearTAT, h)
		}
	}
	p.prune = 2*len(p.nearTAT) + 256
}

func neighbourhood(addr netip.Addr) netip.Addr {
	n := bits6
	if addr.Is4() {
		n = bits4
	}
	p, _ := addr.Prefix(n) // no error: the length fits the family
	return p.Addr()
}

// Wait blocks until an attempt at addr may be made and spends it; see dial.Pacer.
func (p *Pacer) Wait(ctx context.Context, addr netip.Addr) error {
	for {
		p.mu.Lock()
		wait, everyone, err := p.take(addr)
		if everyone {
			p.blocked++
		}
		p.mu.Unlock()
		if err != nil || wait <= 0 {
			return err
		}
		err = sleep(ctx, wait)
		if everyone {
			p.mu.Lock()
			p.blocked--
			p.mu.Unlock()
		}
		if err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Return gives one attempt back to addr's budget; see dial.Taker. The rates keep it: they may only err to the slow side.
func (p *Pacer) Return(addr netip.Addr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.spent[addr] > 0 {
		p.spent[addr]--
		p.total--
	}
}

// Done forgets addr, whose part in the run is over.
func (p *Pacer) Done(addr netip.Addr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.spent, addr)
	delete(p.granted, addr)
}

// Total is the number of attempts spent so far.
func (p *Pacer) Total() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.total
}
