package dial

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/netschouw/netschouw/checks/probe/dial/internal/raw"
)

// synLoop is one run of a SYN engine: a single goroutine sends a batch, reads what came back, and so on.
type synLoop struct {
	*SYN
	feed    Feed
	found   func(Answer)
	began   time.Time
	spacing time.Duration // between two SYNs to the same port, and after the last one

	window  *window
	current int32 // the host whose packets are being sent
	feedEnd bool
	most    int           // hosts in hand
	pause   time.Duration // nothing is sent before
	silent  []Outcome
	fatal   error

	held    *raw.Ports
	cookie  *raw.Cookie
	router  *raw.Router
	batches [raw.Ways]*raw.Batch[tag]
	rings   [2]*raw.Ring // for IPv4 and IPv6, opened when they are needed first
	wake    int          // the eventfd that ends a wait

	governor   governor
	seen       sample // the counters at the last sample
	looked     time.Duration
	backoff    time.Duration // the last pause after a local fault
	prohibited uint64        // ICMP errors that forbid
	failed     uint64        // packets that this machine had no room for
}

// tag says what a packet in a batch is.
type tag struct {
	host  int32
	port  int32
	first bool // the port's first SYN, which the host's budget pays
}

func rawPermitted() error {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return ErrRawNotPermitted
	case err != nil:
		return fmt.Errorf("packet socket: %w", err)
	}
	return unix.Close(fd)
}

func (s *SYN) discover(ctx context.Context, feed Feed, found func(Answer)) error {
	l := &synLoop{SYN: s, feed: feed, found: found, began: time.Now(), window: newWindow(len(s.ports)), current: nowhere, wake: -1, most: s.Hosts(),
		spacing: s.dialer.opts.ConnectTimeout / time.Duration(s.rounds), silent: make([]Outcome, len(s.ports))}
	for i := range l.silent {
		l.silent[i] = TimedOut
	}
	defer l.close()
	if err := l.init(); err != nil {
		return err
	}
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(woken)
		_, _ = unix.Write(l.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	})
	defer func() {
		if !stop() { // the wake-up is under way, and needs its descriptor
			<-woken
		}
	}()
	for ctx.Err() == nil {
		now := time.Since(l.began)
		l.fire(now)
		idle := l.send(now)
		l.flush()
		if l.fatal != nil {
			return l.fatal
		}
		l.outstanding.Store(int64(l.window.inHand))
		if l.feedEnd && l.window.inHand == 0 {
			return nil
		}
		if !l.receive() && idle > 0 {
			if err := l.sleep(idle); err != nil {
				return err
			}
			l.receive()
		}
		l.look(time.Since(l.began))
	}
	return ctx.Err()
}

func (l *synLoop) init() (err error) {
	if l.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return fmt.Errorf("eventfd: %w", err)
	}
	if l.held, err = raw.HoldPorts(sourcePorts); err != nil {
		return err
	}
	l.cookie = raw.NewCookie(raw.NewKey(), l.held.List)
	l.router, err = raw.NewRouter()
	return err
}

// close gives everything back, and says what may be missing.
func (l *synLoop) close() {
	l.outstanding.Store(0)
	l.drops()
	if n := l.missed.Load(); n > 0 {
		l.opts.Log.Warn("the receive buffer overflowed, answers may be missing: lower the rate", "packets", n)
	}
	for _, r := range l.rings {
		if r != nil {
			r.Close()
		}
	}
	for _, b := range l.batches {
		if b != nil {
			b.Close()
		}
	}
	if l.router != nil {
		l.router.Close()
	}
	if l.held != nil {
		l.held.Close()
	}
	if l.wake >= 0 {
		_ = unix.Close(l.wake)
	}
}

// fire ends the rounds whose time is over.
func (l *synLoop) fire(now time.Duration) {
	w := l.window
	for i := w.waiting.first; i != nowhere && w.hosts[i].at <= now; i = w.waiting.first {
		h := &w.hosts[i]
		switch {
		case h.failed && h.faults < maxTries: // this round again: a part of it never left
			h.faults++
		case int(h.round)+1 == l.rounds:
			l.finish(i)
			continue
		default:
			h.round++
		}
		w.leave(i)
		h.next, h.failed, h.state = 0, false, hostDue
		w.link(&w.due, i)
	}
}

// send puts packets into the batches until a batch is full or something must be waited for, and returns for how long at
// most; 0 means that there is more to do.
func (l *synLoop) send(now time.Duration) time.Duration {
	for {
		if wait := max(l.pause-now, l.governor.wait(now)); wait > 0 {
			return wait
		}
		i, wait := l.pick(now)
		if i == nowhere {
			return wait
		}
		if full := l.round(i, now); full {
			return 0
		}
	}
}

// pick is the host to go on with: the one at hand, else one that is due its next round, else one whose delay is over, else a
// new one. With none it says how long that may last.
func (l *synLoop) pick(now time.Duration) (int32, time.Duration) {
	w := l.window
	wait := time.Second
	switch {
	case l.current != nowhere:
		return l.current, 0
	case w.due.first != nowhere:
		l.current = w.due.first
		w.leave(l.current)
		return l.current, 0
	case len(w.delayed) > 0:
		i := w.delayed[0]
		if wait = w.hosts[i].at - now; wait <= 0 {
			heap.Pop((*delayedHosts)(w))
			w.hosts[i].state, l.current = hostSending, i
			return i, 0
		}
	}
	if w.waiting.first != nowhere {
		wait = min(wait, max(1, w.hosts[w.waiting.first].at-now))
	}
	if l.feedEnd || len(w.delayed) >= maxDelayed || w.inHand >= l.most {
		return nowhere, wait
	}
	switch t, turn := l.feed.Target(); turn {
	case Next:
		i, added := w.add(t)
		if !added { // answered with its double
			return nowhere, 1
		}
		l.current = i
		return i, 0
	case Hold:
		return nowhere, min(wait, holdPoll)
	default:
		l.feedEnd = true
		return nowhere, wait
	}
}

// round sends the current host's undecided ports a SYN each. It returns true when a batch is full.
func (l *synLoop) round(i int32, now time.Duration) (full bool) {
	h, outcomes := &l.window.hosts[i], l.window.of(i)
	addr := h.addr()
	path, unreachable := l.router.Path(addr, l.began.Add(now))
	for ; int(h.next) < len(outcomes); h.next++ {
		o := outcomes[h.next]
		if o&undecided == 0 {
			continue
		}
		again := o == undecided|TimedOut
		verdict, wait := l.permit(h, addr, again)
		switch {
		case wait.d > 0 && wait.everyone:
			l.pause = now + wait.d
			return false
		case wait.d > 0:
			l.current = nowhere
			l.window.delay(i, now+wait.d)
			return false
		case verdict == NotLookedAt && unreachable != nil:
			verdict = l.noWay(h, unreachable, again)
		case verdict == NotLookedAt:
			full = l.add(i, int(h.next), path, again, now) || full
			if full || l.governor.wait(now) > 0 {
				h.next++
				l.rest(i, now)
				return full
			}
			continue
		case again: // it was sent before, and silent; now it may not be sent any more
			verdict = TimedOut
		}
		if verdict == LocalError {
			if !again {
				outcomes[h.next] = undecided | LocalError
			}
			continue
		}
		if l.window.decide(i, int(h.next), verdict) {
			l.finish(i)
			return false
		}
	}
	l.rest(i, now)
	return false
}

// rest ends a host's round when its last port has been sent to.
func (l *synLoop) rest(i int32, now time.Duration) {
	if h := &l.window.hosts[i]; int(h.next) >= l.window.ports {
		l.current = nowhere
		l.window.wait(i, now+l.spacing)
	}
}

// ofSending is the outcome of a packet that did not leave. That there is no route at all is this machine's fault; a route that
// says "unreachable", or a neighbour that does not answer, is not.
func ofSending(err error) Outcome {
	if errors.Is(err, unix.ENETUNREACH) {
		return LocalError
	}
	return Classify(err)
}

// noWay deals with an address that this machine has no route to.
func (l *synLoop) noWay(h *synHost, err error, again bool) Outcome {
	o := ofSending(err)
	if o == LocalError {
		h.failed = true
		if !again && l.pace != nil {
			l.pace.Return(h.addr())
		}
	}
	return o
}

// add builds a packet. It returns true when its batch is full.
func (l *synLoop) add(i int32, port int, path *raw.Path, again bool, now time.Duration) (full bool) {
	h := &l.window.hosts[i]
	addr := h.addr()
	way, link := l.router.By(path, l.began.Add(now))
	b := l.batches[way]
	if b == nil || l.rings[family(addr.Is6())] == nil {
		if err := l.open(way, addr.Is6()); err != nil {
			l.fatal = err
			return true
		}
		b = l.batches[way]
	}
	dport := l.ports[port]
	sport, seq := l.cookie.Probe(path.Local, addr, dport, int(h.round))
	b.Add(path.Template, link, addr, sport, dport, seq, tag{host: i, port: int32(port), first: !again}) //nolint:gosec // at most 65536
	l.window.of(i)[port] = undecided | TimedOut
	l.governor.spend(now)
	if !again {
		l.attempts.Add(1)
	} else {
		l.resent.Add(1)
	}
	return b.Len() == raw.BatchSize
}
