package dial

import (
	"context"
	"net"
	"net/netip"
)

// Opened is an established connection on which nobody has spoken yet. It is cheap to keep: a descriptor and no more.
// It has one receiver, who calls Conn or Close, once.
type Opened struct {
	engine *Engine
	addr   netip.AddrPort
	sock   socket
}

// socket is an established connection before it is a Conn.
type socket interface {
	// tcp gives the socket to the runtime; on an error the socket is closed.
	tcp() (*net.TCPConn, error)
	// abandon closes the socket with a reset, which leaves nothing in TIME_WAIT.
	abandon()
}

// Peer is the address and port at the other end.
func (o *Opened) Peer() netip.AddrPort { return o.addr }

// Conn begins the conversation: its lifetime runs from now, and ends with ctx. The error is an *Error.
func (o *Opened) Conn(ctx context.Context) (*Conn, error) {
	raw, err := o.take().tcp()
	if err != nil {
		return nil, &Error{o.addr, LocalError, err}
	}
	return o.engine.dialer.bound(ctx, raw, o.addr), nil
}

// Close resets the connection.
func (o *Opened) Close() { o.take().abandon() }

// take gives the socket away. A second receiver would close a descriptor that is somebody else's by then: that is worth
// a panic.
func (o *Opened) take() socket {
	if o.sock == nil {
		panic("dial: an opened connection was taken twice")
	}
	s := o.sock
	o.sock = nil
	o.engine.waiting.Add(-1)
	return s
}

// keep files an established connection under its job, or closes it when too many wait already.
func (e *Engine) keep(j *job, addr netip.AddrPort, s socket) {
	if e.waiting.Load() >= int64(e.opts.Waiting) {
		s.abandon()
		return
	}
	e.waiting.Add(1)
	j.open = append(j.open, &Opened{engine: e, addr: addr, sock: s})
}

// drop closes the connections of a job that will not be answered.
func (j *job) drop() {
	for _, o := range j.open {
		o.Close()
	}
	j.open = nil
}
