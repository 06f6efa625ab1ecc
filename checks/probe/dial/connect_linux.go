package dial

import (
	"container/heap"
	"context"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

const (
	maxBurst   = 64   // attempts made between two looks at what has come back
	maxDelayed = 1024 // targets that wait for their neighbourhood's rate or a local error to pass
)

// loop is one event loop: sockets that connect, and the epoll instance that watches them.
type loop struct {
	*Engine
	feed  Feed
	found func(Answer)

	ep, wake int // the epoll instance, and the eventfd that ends its wait

	slots          []slot
	free           []int32
	oldest, newest int32
	under          int // attempts under way

	current *job // the target whose ports are being tried
	delayed delayed
	jobs    int // targets in hand
	feedEnd bool
	pause   time.Time     // no attempt before
	backoff time.Duration // the last pause after a local error

	events []unix.EpollEvent
	sa4    unix.SockaddrInet4 // reused: a fresh one for each attempt would be an allocation
	sa6    unix.SockaddrInet6
}

func (e *Engine) discover(ctx context.Context, feed Feed, found func(Answer)) error {
	l := &loop{Engine: e, feed: feed, found: found, oldest: none, newest: none, events: make([]unix.EpollEvent, 512)}
	if err := l.init(); err != nil {
		return err
	}
	defer l.close()
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
		idle := l.start(time.Now())
		if l.feedEnd && l.jobs == 0 {
			return nil
		}
		if err := l.poll(idle); err != nil {
			return err
		}
		l.expire(time.Now())
	}
	return ctx.Err()
}

func (l *loop) init() error {
	var err error
	if l.ep, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	if l.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err == nil {
		err = unix.EpollCtl(l.ep, unix.EPOLL_CTL_ADD, l.wake, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: none})
	}
	if err != nil {
		_ = unix.Close(l.ep)
		return fmt.Errorf("eventfd: %w", err)
	}
	return nil
}

// close gives up what is under way.
func (l *loop) close() {
	for l.oldest != none {
		s := l.release(l.oldest)
		_ = unix.Close(s.fd)
		s.job.drop()
	}
	for _, j := range append(l.delayed, l.current) {
		if j != nil {
			j.drop()
		}
	}
	_ = unix.Close(l.ep)
	_ = unix.Close(l.wake)
}

// start makes attempts until something must be waited for, and returns for how long at most; 0 means that there is
// more to do.
func (l *loop) start(now time.Time) time.Duration {
	for range maxBurst {
		if wait := l.pause.Sub(now); wait > 0 {
			return wait
		}
		if l.under+int(l.waiting.Load()) >= l.opts.Outstanding {
			return holdPoll
		}
		j, wait := l.pick(now)
		if j == nil {
			return wait
		}
		l.try(j, now)
	}
	return 0
}

// pick is the target to go on with: the one at hand, else one whose delay is over, else a new one. With none it says
// how long that may last.
func (l *loop) pick(now time.Time) (*job, time.Duration) {
	if j := l.current; j != nil {
		return j, 0
	}
	wait := time.Second
	if len(l.delayed) > 0 {
		if wait = l.delayed[0].at.Sub(now); wait <= 0 {
			l.current = heap.Pop(&l.delayed).(*job)
			return l.current, 0
		}
	}
	if l.feedEnd || len(l.delayed) >= maxDelayed {
		return nil, wait
	}
	switch t, turn := l.feed.Target(); turn {
	case Next:
		l.jobs++
		l.current = l.newJob(t)
		return l.current, 0
	case Hold:
		return nil, min(wait, holdPoll)
	default:
		l.feedEnd = true
		return nil, wait
	}
}

// try makes the next attempt of the current job, or sets the job aside.
func (l *loop) try(j *job, now time.Time) {
	port, tries, _ := j.peek()
	outcome, wait, everyone := l.permit(j.addr)
	switch {
	case outcome != NotLookedAt:
		j.advance()
		l.decide(j, port, outcome)
	case wait > 0 && everyone:
		l.pause = now.Add(wait)
		return
	case wait > 0:
		l.delay(now.Add(wait))
		return
	default:
		j.advance()
		l.connect(j, port, tries, now)
	}
	if _, _, more := j.peek(); !more && l.current == j {
		l.current = nil
	}
}

// delay sets the current job aside.
func (l *loop) delay(until time.Time) {
	l.current.at = until
	heap.Push(&l.delayed, l.current)
	l.current = nil
}

// connect makes one attempt.
func (l *loop) connect(j *job, port, tries int, now time.Time) {
	addr := netip.AddrPortFrom(j.addr, l.opts.Ports[port])
	fd, err := l.socket(addr)
	switch err {
	case nil, unix.EINPROGRESS, unix.EINTR:
	default:
		l.fail(j, port, tries, err, now)
		return
	}
	i := l.acquire(slot{job: j, port: port, tries: tries, fd: fd, deadline: now.Add(l.dialer.opts.ConnectTimeout)})
	ev := unix.EpollEvent{Events: unix.EPOLLOUT | unix.EPOLLONESHOT, Fd: i, Pad: l.slots[i].gen}
	if err := unix.EpollCtl(l.ep, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		l.release(i)
		_ = unix.Close(fd)
		l.fail(j, port, tries, err, now)
		return
	}
	l.attempts.Add(1)
	l.backoff = 0
}

// socket makes a socket and begins to connect it.
func (l *loop) socket(addr netip.AddrPort) (int, error) {
	family := unix.AF_INET6
	if addr.Addr().Is4() {
		family = unix.AF_INET
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		return -1, err
	}
	if family == unix.AF_INET {
		l.sa4.Port, l.sa4.Addr = int(addr.Port()), addr.Addr().As4()
		err = unix.Connect(fd, &l.sa4)
	} else {
		l.sa6.Port, l.sa6.Addr = int(addr.Port()), addr.Addr().As16()
		err = unix.Connect(fd, &l.sa6)
	}
	if err != nil && err != unix.EINPROGRESS && err != unix.EINTR {
		_ = unix.Close(fd)
	}
	return fd, err
}

// fail deals with an attempt of the current job that ended before anything was sent. This machine's own faults are
// tried again a little later, and are never told as the host's.
func (l *loop) fail(j *job, port, tries int, err error, now time.Time) {
	// Nothing was sent: that there is no route is this machine's fault. The network's own "unreachable" comes later.
	if o := Classify(err); o != LocalError && err != unix.ENETUNREACH {
		l.decide(j, port, o)
		return
	}
	if l.pace != nil {
		l.pace.Return(j.addr)
	}
	if tries++; tries >= maxTries {
		l.local.Add(1)
		l.decide(j, port, LocalError)
	} else {
		l.retried.Add(1)
		j.again = append(j.again, again{port, tries})
		l.delay(now.Add(5 * time.Millisecond << tries))
	}
	switch err {
	case unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM: // every other attempt would meet the same
		l.backoff = min(max(2*l.backoff, 5*time.Millisecond), 500*time.Millisecond)
		l.pause = now.Add(l.backoff)
	}
}

// decide records an outcome, and answers for the target when it was its last.
func (l *loop) decide(j *job, port int, o Outcome) {
	if j.decide(port, o) {
		l.jobs--
		l.found(j.answer())
	}
}

// poll waits until an attempt ends, at most idle, and deals with those that did.
func (l *loop) poll(idle time.Duration) error {
	if l.oldest != none {
		idle = min(idle, time.Until(l.slots[l.oldest].deadline))
	}
	ms := max(0, int((idle+time.Millisecond-1)/time.Millisecond))
	n, err := unix.EpollWait(l.ep, l.events, ms)
	if err != nil && err != unix.EINTR {
		return fmt.Errorf("epoll: %w", err)
	}
	for _, ev := range l.events[:max(n, 0)] {
		if ev.Fd == none || l.slots[ev.Fd].gen != ev.Pad {
			continue // the wake-up, or an event that came too late
		}
		s := l.release(ev.Fd)
		l.finish(s, ev.Events)
	}
	return nil
}

// finish reads how an attempt ended.
func (l *loop) finish(s slot, events uint32) {
	if events&(unix.EPOLLERR|unix.EPOLLHUP) != 0 {
		code, err := unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_ERROR)
		_ = unix.Close(s.fd)
		l.decide(s.job, s.port, verdict(unix.Errno(code), err)) //nolint:gosec // an errno
		return
	}
	port := l.opts.Ports[s.port]
	if port >= 1024 && selfConnected(s.fd) {
		_ = unix.Close(s.fd)
		l.decide(s.job, s.port, Refused)
		return
	}
	l.keep(s.job, netip.AddrPortFrom(s.job.addr, port), descriptor(s.fd))
	l.decide(s.job, s.port, Open)
}

// verdict tells the outcome from a socket's pending error. That error came from the network: what Classify would take
// for a fault of this machine is an ICMP message of a rarer kind (ICMPv6 "administratively prohibited" gives EACCES).
func verdict(pending unix.Errno, err error) Outcome {
	switch {
	case err != nil:
		return LocalError
	case pending == 0: // hung up without an error: it was opened and closed before we looked
		return Reset
	}
	if o := Classify(pending); o != LocalError {
		return o
	}
	return Unreachable
}

// selfConnected tells whether a socket met itself: a client port that equals the port asked for, on this machine's own
// address, where nobody listens (simultaneous open, RFC 9293 section 3.5).
func selfConnected(fd int) bool {
	local, err := unix.Getsockname(fd)
	if err != nil {
		return false
	}
	peer, err := unix.Getpeername(fd)
	if err != nil {
		return false
	}
	switch l := local.(type) {
	case *unix.SockaddrInet4:
		p, ok := peer.(*unix.SockaddrInet4)
		return ok && l.Port == p.Port && l.Addr == p.Addr
	case *unix.SockaddrInet6:
		p, ok := peer.(*unix.SockaddrInet6)
		return ok && l.Port == p.Port && l.Addr == p.Addr
	}
	return false
}

// expire gives up the attempts whose time is over. Linux may have kept an ICMP error as a soft one, which wakes nobody:
// it came while the socket was in use.
func (l *loop) expire(now time.Time) {
	for l.oldest != none && !l.slots[l.oldest].deadline.After(now) {
		s := l.release(l.oldest)
		outcome := TimedOut
		if code, err := unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_ERROR); err == nil && code != 0 {
			outcome = verdict(unix.Errno(code), nil) //nolint:gosec // an errno
		}
		_ = unix.Close(s.fd)
		l.decide(s.job, s.port, outcome)
	}
}
