package dial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"sync/atomic"
)

// ErrRawNotPermitted is returned by NewSYN when this process may not send packets of its own making.
var ErrRawNotPermitted = errors.New("this process may not send raw packets: it lacks CAP_NET_RAW")

// ErrRawUnsupported is returned by NewSYN on systems other than Linux.
var ErrRawUnsupported = errors.New("raw packets are supported on Linux only")

// SYNOptions bounds a SYN engine. A zero field takes its default.
type SYNOptions struct {
	// Ports are tried on every target, at least one.
	Ports []uint16
	// Retries is how often a SYN that nothing answered is sent again, default 2, negative for never, at most 15. The
	// rounds divide the dialer's connect timeout evenly. With 2 % of packets lost each way a probe goes unanswered with
	// probability 0.04, and all three with 0.00006.
	Retries int
	// Window is the most ports in hand, default 2^21: an address is forgotten when its last port is decided. An address
	// takes about 150 bytes and one for each port.
	Window int
	// Log hears of slow-downs; default: nobody.
	Log *slog.Logger
}

const (
	sourcePorts = 64      // of which each probe has one, and a second try the next
	maxHosts    = 1 << 19 // addresses in hand
	ringPackets = 1 << 15 // answers that wait to be read, for each IP version
)

// SYN is a stateless SYN engine: it sends each port a SYN of its own making, and knows the answers by a keyed cookie; the
// kernel, which has no such connection, answers a SYN-ACK with a RST. Every packet passes the gate and the pace of its
// Dialer before it is built. Its answers bear no connections: an open port must be dialled.
//
// Of an address it remembers which ports are not decided yet, until all are or the connect timeout has passed, so that
// memory depends on the speed and not on the number of addresses.
type SYN struct {
	dialer *Dialer
	pace   Taker // nil: no pace
	opts   SYNOptions
	rounds int
	ports  []uint16 // each once
	place  []int    // of the caller's ports, their place among ports
	where  map[uint16]int
	counters
}

// Signals is a snapshot of what a SYN engine has met so far.
type Signals struct {
	Sent        uint64 // SYNs that left, those sent again included
	Resent      uint64 // SYNs sent because the one before was not answered in its round
	Answered    uint64 // ports decided by an answer
	Repaired    uint64 // of these, by an answer to a SYN sent again: the first, or its answer, was lost
	Late        uint64 // answers of our own that came after the address was decided
	Unexplained uint64 // answers to our source ports that no probe of ours explains; dropped
	Lost        uint64 // packets that found our receive buffer full; more than 0 means that answers may be missing
	SendErrors  uint64 // packets that this machine could not send at first
	SlowDowns   uint64 // times that the speed was lowered
	// Ceiling is the speed in SYNs per second that the last slow-down left, 0 when there is none.
	Ceiling float64
	// Errors counts ICMP errors by what they said.
	Errors map[ICMPError]uint64
}

// ICMPError is an ICMP (RFC 792, RFC 1812) or ICMPv6 (RFC 4443) error.
type ICMPError struct {
	Version    uint8 // of IP: 4 or 6
	Type, Code uint8
}

func (e ICMPError) String() string {
	name := icmpNames[e]
	if name == "" {
		name = "error"
	}
	return fmt.Sprintf("%s (icmp%d %d/%d)", name, e.Version, e.Type, e.Code)
}

var icmpNames = map[ICMPError]string{
	{4, 3, 0}: "network unreachable", {4, 3, 1}: "host unreachable", {4, 3, 2}: "protocol unreachable", {4, 3, 3}: "port unreachable",
	{4, 3, 4}: "too big", {4, 3, 9}: "network prohibited", {4, 3, 10}: "host prohibited", {4, 3, 13}: "administratively prohibited",
	{4, 4, 0}: "source quench", {4, 11, 0}: "hop limit exceeded",
	{6, 1, 0}: "no route", {6, 1, 1}: "administratively prohibited", {6, 1, 2}: "beyond scope", {6, 1, 3}: "host unreachable",
	{6, 1, 4}: "port unreachable", {6, 1, 5}: "source address refused", {6, 1, 6}: "route rejected", {6, 3, 0}: "hop limit exceeded",
}

// Prohibited tells whether somebody forbids our packets, rather than not knowing the way.
func (e ICMPError) Prohibited() bool {
	if e.Version == 6 {
		return e.Type == 1 && (e.Code == 1 || e.Code == 5 || e.Code == 6)
	}
	return e.Type == 3 && (e.Code == 9 || e.Code == 10 || e.Code == 13)
}

// outcome is what an error says of a port; from says that the probed address itself sent it. Errors that say nothing of
// the port, such as "too big", leave it as it was.
func (e ICMPError) outcome(itself bool) (o Outcome, decided bool) {
	switch {
	case e.Version == 4 && e.Type == 3 && e.Code == 4, e.Version == 4 && e.Type == 4:
		return TimedOut, false
	case itself && (e == ICMPError{4, 3, 3} || e == ICMPError{6, 1, 4}):
		return Refused, true // as the kernel reads it (RFC 1122 section 4.2.3.9), when it is the host that speaks
	}
	return Unreachable, true
}

// counters are written by the engine and read by anybody.
type counters struct {
	attempts, retried, local                                    atomic.Uint64
	sent, resent, answered, repaired, late, unexplained, missed atomic.Uint64
	sendErrors, slowDowns                                       atomic.Uint64
	ceiling                                                     atomic.Uint64
	outstanding                                                 atomic.Int64
	errors                                                      [2][256]atomic.Uint64 // IPv4 by type*16+code, IPv6 likewise, as far as they fit
}

// icmp is the counter of an error.
func (c *counters) icmp(e ICMPError) *atomic.Uint64 {
	return &c.errors[(e.Version-4)/2&1][min(e.Type, 15)<<4|min(e.Code, 15)]
}

// NewSYN returns a SYN engine on the dialer's gate, pace and limits. Its error is ErrRawUnsupported or ErrRawNotPermitted, or
// tells what is wrong with the options.
func (d *Dialer) NewSYN(opts SYNOptions) (*SYN, error) {
	if len(opts.Ports) == 0 {
		return nil, errors.New("discovery needs at least one port")
	}
	if err := rawPermitted(); err != nil {
		return nil, err
	}
	switch {
	case opts.Retries == 0:
		opts.Retries = 2
	case opts.Retries < 0:
		opts.Retries = 0
	}
	if opts.Window <= 0 {
		opts.Window = 1 << 21
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	s := &SYN{dialer: d, opts: opts, rounds: min(opts.Retries, 15) + 1, where: make(map[uint16]int)}
	for _, p := range opts.Ports {
		i, seen := s.where[p]
		if !seen {
			i = len(s.ports)
			s.where[p], s.ports = i, append(s.ports, p)
		}
		s.place = append(s.place, i)
	}
	if len(s.ports) == len(s.place) {
		s.place = nil
	}
	switch p := d.pacer.(type) {
	case nil:
	case Taker:
		s.pace = p
	default:
		return nil, fmt.Errorf("pacer %T cannot be asked without blocking", p)
	}
	return s, nil
}

// Ports are the ports tried, in the order of Answer.Outcomes. Callers must not change them.
func (s *SYN) Ports() []uint16 { return s.opts.Ports }

// Hosts is the bound on the addresses in hand.
func (s *SYN) Hosts() int { return max(16, min(maxHosts, s.opts.Window/len(s.ports))) }

// Load tells what the engine does at this moment: attempts are ports, whatever the number of SYNs that each one took.
func (s *SYN) Load() Load {
	return Load{Attempts: s.attempts.Load(), Retried: s.retried.Load(), LocalErrors: s.local.Load(), Outstanding: int(s.outstanding.Load())}
}

// Signals tells what the engine has met so far.
func (s *SYN) Signals() Signals {
	c := &s.counters
	sig := Signals{Sent: c.sent.Load(), Resent: c.resent.Load(), Answered: c.answered.Load(), Repaired: c.repaired.Load(), Late: c.late.Load(),
		Unexplained: c.unexplained.Load(), Lost: c.missed.Load(), SendErrors: c.sendErrors.Load(), SlowDowns: c.slowDowns.Load(),
		Ceiling: float64(c.ceiling.Load()), Errors: map[ICMPError]uint64{}}
	for v := range c.errors {
		for i := range c.errors[v] {
			if n := c.errors[v][i].Load(); n > 0 {
				sig.Errors[ICMPError{uint8(4 + 2*v), uint8(i >> 4), uint8(i & 15)}] = n //nolint:gosec // fits
			}
		}
	}
	return sig
}

// Discover takes targets from feed until its End and gives found one Answer for each, from the calling goroutine; found must
// not block, nor change the outcomes, which answers may share. It returns nil once every target has been answered. When
// ctx ends first it returns its error at once; targets in hand are then not answered.
func (s *SYN) Discover(ctx context.Context, feed Feed, found func(Answer)) error {
	return s.discover(ctx, feed, found)
}

// permit asks the gate, then the pacer, for one packet. A port's first SYN spends one attempt of the address's budget; those
// sent again count for the rates only, as a kernel's own would.
func (s *SYN) permit(h *synHost, addr netip.Addr, again bool) (outcome Outcome, wait wait) {
	if s.dialer.gate.Check(addr) != nil {
		return OutOfScope, wait
	}
	if s.pace == nil {
		return NotLookedAt, wait
	}
	if again && !h.credit {
		s.pace.Return(addr)
		h.credit = true
	}
	var err error
	wait.d, wait.everyone, err = s.pace.Take(addr)
	switch {
	case errors.Is(err, ErrBudget):
		return OverBudget, wait
	case err != nil:
		return LocalError, wait
	case wait.d <= 0:
		h.credit = false
	}
	return NotLookedAt, wait
}

// answerOf is the answer for a target, given the outcomes of the engine's ports. Silence is the commonest answer by far: all
// silent targets share one.
func (s *SYN) answerOf(t Target, outcomes, silent []Outcome) Answer {
	if s.place == nil {
		if slices.Equal(outcomes, silent) {
			return Answer{Target: t, Outcomes: silent}
		}
		return Answer{Target: t, Outcomes: slices.Clone(outcomes)}
	}
	all := make([]Outcome, len(s.place))
	for i, p := range s.place {
		all[i] = outcomes[p]
	}
	return Answer{Target: t, Outcomes: all}
}

// Reach tells how this machine reaches an address, for the choice of an engine: whether packets to it leave the machine.
func Reach(addr netip.Addr) (leaves bool, err error) { return reach(addr.Unmap()) }
