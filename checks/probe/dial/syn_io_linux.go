package dial

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/netschouw/netschouw/checks/probe/dial/internal/raw"
)

// family is the place of an IP version.
func family(six bool) int {
	if six {
		return 1
	}
	return 0
}

// open opens the sockets that a packet needs: the receiving one first.
func (l *synLoop) open(way raw.Way, six bool) (err error) {
	if r := &l.rings[family(six)]; *r == nil {
		list := l.held.List
		if *r, err = raw.NewRing(six, list[0], list[len(list)-1], ringPackets); err != nil {
			return err
		}
	}
	if l.batches[way] == nil {
		l.batches[way], err = raw.NewBatch[tag](way)
	}
	return err
}

// flush sends what is in the batches.
func (l *synLoop) flush() {
	for _, b := range l.batches {
		if b == nil || b.Len() == 0 {
			continue
		}
		tries := 0
		sent := b.Flush(func(t tag, err unix.Errno) (again bool) {
			l.sendErrors.Add(1)
			switch err {
			case unix.ENOBUFS, unix.EAGAIN, unix.ENOMEM: // the device's or the socket's queue is full
				l.failed++
				if tries++; tries < maxTries {
					time.Sleep(time.Millisecond << tries)
					return true
				}
			case unix.ENETDOWN, unix.ENODEV, unix.ENXIO:
				l.router.Forget()
			}
			l.unsent(t, err)
			return false
		})
		if l.sent.Add(uint64(sent)); sent > 0 { //nolint:gosec // a count
			l.backoff = 0
		} else {
			l.backoff = min(max(2*l.backoff, 5*time.Millisecond), 500*time.Millisecond)
			l.pause = time.Since(l.began) + l.backoff
		}
	}
}

// unsent deals with a packet that could not be sent.
func (l *synLoop) unsent(t tag, err error) {
	h := &l.window.hosts[t.host]
	switch o := ofSending(err); {
	case o != LocalError: // there is no way to the host
		if l.window.decide(t.host, int(t.port), o) {
			l.finish(t.host)
		}
	case t.first:
		l.attempts.Add(^uint64(0))
		if l.pace != nil {
			l.pace.Return(h.addr())
		}
		if o := &l.window.of(t.host)[t.port]; *o&undecided != 0 {
			*o = undecided | LocalError
		}
		fallthrough
	default:
		if h.failed = true; h.faults < maxTries {
			l.retried.Add(1)
		}
	}
}

// receive reads what has come back, and tells whether anything had.
func (l *synLoop) receive() (any bool) {
	for _, r := range l.rings {
		if r != nil && r.Read(ringPackets, l.packet) > 0 {
			any = true
		}
	}
	return any
}

// packet reads one packet that passed the filter.
func (l *synLoop) packet(b []byte) {
	a, ok := raw.Parse(b)
	if !ok || !l.cookie.Mine(a.LocalPort) {
		return
	}
	round, ok := l.cookie.Round(&a, l.rounds)
	if !ok {
		l.unexplained.Add(1)
		return
	}
	outcome, decided := Open, true
	switch a.Kind {
	case raw.RST:
		outcome = Refused
	case raw.ICMP:
		e := ICMPError{4 + 2*uint8(family(a.Peer.Is6())), a.Type, a.Code} //nolint:gosec // 4 or 6
		l.icmp(e).Add(1)
		if e.Prohibited() {
			l.prohibited++
		}
		outcome, decided = e.outcome(a.From == a.Peer)
	}
	if !decided {
		return
	}
	i := l.window.find(a.Peer)
	port, known := l.where[a.PeerPort]
	if i == nowhere || !known {
		l.late.Add(1)
		return
	}
	was := &l.window.of(i)[port]
	switch {
	case *was&undecided != 0:
		l.answered.Add(1)
		if round > 0 {
			l.repaired.Add(1)
		}
		if l.window.decide(i, port, outcome) {
			l.finish(i)
		}
	case *was == Unreachable && outcome != Unreachable: // a router was wrong: the host speaks
		*was = outcome
	}
}

// finish answers for a host: what is undecided is what it seems.
func (l *synLoop) finish(i int32) {
	outcomes := l.window.of(i)
	for p := range outcomes {
		if outcomes[p] &^= undecided; outcomes[p] == LocalError {
			l.local.Add(1)
		}
	}
	a := l.answerOf(l.window.hosts[i].target, outcomes, l.silent)
	if l.current == i {
		l.current = nowhere
	}
	twins := l.window.drop(i)
	l.found(a)
	for _, t := range twins {
		a.Target = t
		l.found(a)
	}
}

// sleep waits until something comes in, or for d.
func (l *synLoop) sleep(d time.Duration) error {
	fds := make([]unix.PollFd, 1, 3)
	fds[0] = unix.PollFd{Fd: int32(l.wake), Events: unix.POLLIN} //nolint:gosec // a descriptor
	for _, r := range l.rings {
		if r != nil {
			fds = append(fds, unix.PollFd{Fd: int32(r.FD()), Events: unix.POLLIN}) //nolint:gosec // a descriptor
		}
	}
	timeout := unix.NsecToTimespec(int64(d))
	if _, err := unix.Ppoll(fds, &timeout, nil); err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("poll: %w", err)
	}
	return nil
}

// look takes a sample now and then, and has the governor judge it.
func (l *synLoop) look(now time.Duration) {
	if now-l.looked < sampleEvery {
		return
	}
	l.drops()
	sum := sample{sent: l.sent.Load(), answered: l.answered.Load(), repaired: l.repaired.Load(), prohibited: l.prohibited,
		quenched: l.icmp(ICMPError{4, 4, 0}).Load(), failed: l.failed}
	s := sample{took: now - l.looked, sent: sum.sent - l.seen.sent, answered: sum.answered - l.seen.answered,
		repaired: sum.repaired - l.seen.repaired, prohibited: sum.prohibited - l.seen.prohibited, quenched: sum.quenched - l.seen.quenched,
		failed: sum.failed - l.seen.failed}
	l.looked, l.seen = now, sum
	if l.feedEnd { // what comes now answers what was sent before, and the end is near
		return
	}
	c, changed := l.governor.look(now, s, l.dialer.opts.ConnectTimeout+sampleEvery)
	if !changed {
		return
	}
	l.ceiling.Store(uint64(c.to))
	from, to := int(c.from), int(c.to)
	switch {
	case c.why != "":
		l.slowDowns.Add(1)
		l.opts.Log.Warn("discovery slows down", "why", c.why, "from_per_second", from, "to_per_second", to)
	case to == 0:
		l.opts.Log.Info("discovery is back at the configured pace")
	default:
		l.opts.Log.Info("discovery speeds up again", "from_per_second", from, "to_per_second", to)
	}
}

// drops counts the packets that the kernel had no room for.
func (l *synLoop) drops() {
	var n uint64
	for _, r := range l.rings {
		if r != nil {
			n += r.Drops()
		}
	}
	l.missed.Store(n)
}

func reach(addr netip.Addr) (leaves bool, err error) {
	r, err := raw.NewRouter()
	if err != nil {
		return false, err
	}
	defer r.Close()
	return r.Leaves(addr)
}
