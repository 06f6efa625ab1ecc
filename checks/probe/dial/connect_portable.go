package dial

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"
)

// maxGoroutines bounds what is outstanding where each attempt is a goroutine: more of them are slower.
const maxGoroutines = 1024

// maxTries bounds how often one port is tried when this machine is at fault.
const maxTries = 6

// holdPoll is how soon a feed on hold, or a full table, is asked again.
const holdPoll = 2 * time.Millisecond

// portable is the engine for systems without epoll: a goroutine for each attempt. Linux builds and tests it too.
type portable struct {
	*Engine
	ctx   context.Context
	found func(Answer)
	slots chan struct{}
	wg    sync.WaitGroup
	mu    sync.Mutex // of the jobs, and of found
}

func (e *Engine) discoverPortably(ctx context.Context, feed Feed, found func(Answer)) error {
	p := &portable{Engine: e, ctx: ctx, found: found, slots: make(chan struct{}, min(e.opts.Outstanding, maxGoroutines))}
	defer p.wg.Wait()
	for ctx.Err() == nil {
		t, turn := feed.Target()
		switch turn {
		case Next:
			p.try(e.newJob(t))
		case Hold:
			pause(ctx, holdPoll)
		default:
			p.wg.Wait()
			return ctx.Err()
		}
	}
	return ctx.Err()
}

// try begins an attempt on each port of a job, at the dialer's pace.
func (p *portable) try(j *job) {
	for port := range j.outcomes {
		select {
		case p.slots <- struct{}{}:
		case <-p.ctx.Done():
			p.abort(j)
			return
		}
		if o := p.wait(j.addr); o != NotLookedAt {
			<-p.slots
			p.decide(j, port, o)
			continue
		}
		p.outstanding.Add(1)
		p.wg.Go(func() {
			defer func() { p.outstanding.Add(-1); <-p.slots }()
			p.attempt(j, port)
		})
	}
}

// wait is permit for a caller that may block.
func (p *portable) wait(addr netip.Addr) Outcome {
	for {
		o, wait, _ := p.permit(addr)
		if o != NotLookedAt || wait <= 0 {
			return o
		}
		if !pause(p.ctx, wait) {
			return LocalError
		}
	}
}

// attempt tries one port until it has an outcome that is not this machine's fault, a bounded number of times.
func (p *portable) attempt(j *job, port int) {
	addr := netip.AddrPortFrom(j.addr, p.opts.Ports[port])
	nd := net.Dialer{Timeout: p.dialer.opts.ConnectTimeout, KeepAlive: -1}
	for tries := 1; ; tries++ {
		raw, err := nd.DialContext(p.ctx, "tcp", addr.String())
		o := Classify(err)
		if o != LocalError {
			p.attempts.Add(1)
			p.settle(j, port, o, addr, raw)
			return
		}
		if p.pace != nil {
			p.pace.Return(j.addr)
		}
		if tries == maxTries || !pause(p.ctx, 5*time.Millisecond<<tries) {
			p.local.Add(1)
			p.decide(j, port, LocalError)
			return
		}
		p.retried.Add(1)
		if o := p.wait(j.addr); o != NotLookedAt {
			p.decide(j, port, o)
			return
		}
	}
}

func (p *portable) settle(j *job, port int, o Outcome, addr netip.AddrPort, raw net.Conn) {
	if o == Open {
		p.mu.Lock()
		p.keep(j, addr, ready{raw.(*net.TCPConn)})
		p.mu.Unlock()
	}
	p.decide(j, port, o)
}

func (p *portable) decide(j *job, port int, o Outcome) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx.Err() != nil { // an aborted target is not answered
		j.drop()
		return
	}
	if j.decide(port, o) {
		p.found(j.answer())
	}
}

func (p *portable) abort(j *job) {
	p.mu.Lock()
	defer p.mu.Unlock()
	j.drop()
}

// pause waits for d and tells whether ctx is still going on.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// ready is a socket that the runtime knows already.
type ready struct{ conn *net.TCPConn }

func (r ready) tcp() (*net.TCPConn, error) { return r.conn, nil }

func (r ready) abandon() {
	_ = r.conn.SetLinger(0)
	_ = r.conn.Close()
}
