package sweep

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/netschouw/netschouw/checks/probe/dial"
)

// canaryIndex marks a target that is asked as a canary, and not because its turn has come.
const canaryIndex = uint64(1) << 63

// canaryTries is how often in a row a canary may be missed: with 2 % loss each way, and no retransmission, three misses
// of one that is there happen once in 15,000 rounds. While one is missed nothing else is begun.
const canaryTries = 3

// CanaryError says that a canary was not seen. It wraps ErrBlind.
type CanaryError struct {
	Canary string
	Seen   time.Time // last; zero: never
	Held   int       // hosts that were silent and are not claimed as looked at
}

func (e *CanaryError) Error() string {
	since := "at the start"
	if !e.Seen.IsZero() {
		since = "since " + e.Seen.UTC().Format(time.RFC3339)
	}
	return fmt.Sprintf("%v: canary %s was not seen %s, asked %d times; %d addresses that were silent are not counted as looked at",
		ErrBlind, e.Canary, since, canaryTries, e.Held)
}

// Unwrap gives ErrBlind.
func (e *CanaryError) Unwrap() error { return ErrBlind }

// canary is an address of the provider's that must be seen: all of its ports open, or any answer when it has none.
type canary struct {
	addr   netip.Addr
	ports  []uint16
	seen   time.Time
	misses int
	out    bool // asked, and not answered
	place  bool // its own place in the order is being discovered
}

func (c *canary) String() string {
	if len(c.ports) == 0 {
		return c.addr.String()
	}
	return netip.AddrPortFrom(c.addr, c.ports[0]).String()
}

// sees tells whether an answer shows the canary; ports are those of the outcomes.
func (c *canary) sees(outcomes []dial.Outcome, ports []uint16) bool {
	if len(c.ports) == 0 {
		return slices.ContainsFunc(outcomes, dial.Outcome.Reached)
	}
	for _, want := range c.ports {
		if i := slices.Index(ports, want); i < 0 || outcomes[i] != dial.Open {
			return false
		}
	}
	return true
}

// canaries asks all of them in rounds, through the same discovery as everything else.
type canaries struct {
	ports []uint16
	every time.Duration

	mu      sync.Mutex
	list    []*canary
	queue   []*canary // of this round, to be asked
	waiting int       // of this round, not seen yet
	rounds  int       // that were good
	due     time.Time
}

func newCanaries(at []netip.AddrPort, ports []uint16, every time.Duration) *canaries {
	c := &canaries{ports: ports, every: every}
	for _, a := range at {
		addr := a.Addr().Unmap()
		one := c.of(addr)
		if one == nil {
			one = &canary{addr: addr}
			c.list = append(c.list, one)
		}
		if a.Port() != 0 {
			one.ports = append(one.ports, a.Port())
		}
	}
	return c
}

func (c *canaries) of(addr netip.Addr) *canary {
	for _, one := range c.list {
		if one.addr == addr {
			return one
		}
	}
	return nil
}

// round begins one, unless one is under way or, without must, none is due. It tells whether it did.
func (c *canaries) round(now time.Time, must bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting > 0 || !must && now.Before(c.due) {
		return false
	}
	c.queue, c.waiting, c.due = slices.Clone(c.list), len(c.list), now.Add(c.every)
	return true
}

// next is a canary to ask now.
func (c *canaries) next() (dial.Target, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, one := range c.queue {
		if !one.place { // one address is not discovered twice at once
			c.queue = slices.Delete(c.queue, i, i+1)
			one.out = true
			return dial.Target{Addr: one.addr, Index: canaryIndex}, true
		}
	}
	return dial.Target{}, false
}

// answered takes the answer of one that was asked. over says that all have now been seen; the error that one is lost.
func (c *canaries) answered(a dial.Answer, now time.Time) (over bool, err *CanaryError) {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := c.of(a.Addr.Unmap())
	one.out = false
	if one.sees(a.Outcomes, c.ports) {
		one.seen, one.misses = now, 0
		if c.waiting--; c.waiting == 0 {
			c.rounds++
		}
		return c.waiting == 0, nil
	}
	if one.misses++; one.misses >= canaryTries {
		return false, &CanaryError{Canary: one.String(), Seen: one.seen}
	}
	c.queue = append(c.queue, one)
	return false, nil
}

// anxious says that nothing else may begin now: no round was good yet, or a canary was missed.
func (c *canaries) anxious() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rounds == 0 || slices.ContainsFunc(c.list, func(one *canary) bool { return one.misses > 0 })
}

// asking says that a round is under way.
func (c *canaries) asking() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waiting > 0
}

// begin notes that the place of an address in the order is to be discovered, if it is a canary's; false says that it is
// being asked, and must be waited for.
func (c *canaries) begin(addr netip.Addr) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := c.of(addr.Unmap())
	if one == nil {
		return true
	}
	one.place = !one.out
	return one.place
}

// end notes that a place was discovered.
func (c *canaries) end(addr netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if one := c.of(addr.Unmap()); one != nil {
		one.place = false
	}
}
