package dial

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"
)

// ErrTooMuch is returned by Read once the peer has sent as much as one connection may: it is endless, or lies.
var ErrTooMuch = errors.New("peer sent more than one connection may")

// Conn is one bounded conversation. It ends at its lifetime whatever deadlines a probe sets, and reads no more than
// its byte cap. The socket is not embedded: its ReadFrom and WriteTo would go around the cap. Close resets the
// connection rather than leaving it in TIME_WAIT, which a scan could not afford, unless the peer has closed first.
type Conn struct {
	raw      *net.TCPConn
	addr     netip.AddrPort
	lifetime time.Duration
	until    time.Time
	left     int64
	ctx      context.Context // of the conversation; its end is the conversation's end
	stop     func() bool
}

var _ net.Conn = (*Conn)(nil)

// past is a deadline that has gone by: it ends a Read that is under way.
var past = time.Unix(1, 0)

func (d *Dialer) bound(ctx context.Context, raw *net.TCPConn, addr netip.AddrPort) *Conn {
	c := &Conn{raw: raw, addr: addr, lifetime: d.opts.Lifetime, left: d.opts.MaxBytes}
	_ = raw.SetLinger(0)
	c.Begin(ctx)
	return c
}

// Begin starts the conversation's lifetime, and ties it to ctx, from now on: a connection that discovery opened may have
// waited for its turn. It must not be called while a Read or Write is under way.
func (c *Conn) Begin(ctx context.Context) {
	if c.stop != nil {
		c.stop()
	}
	c.ctx, c.until = ctx, time.Now().Add(c.lifetime)
	_ = c.raw.SetDeadline(c.until)
	// Cancellation must end a Read that is under way, not only the next one.
	c.stop = context.AfterFunc(ctx, func() { _ = c.raw.SetDeadline(past) })
}

// Peer is the address and port at the other end.
func (c *Conn) Peer() netip.AddrPort { return c.addr }

// Read reads from the peer and returns ErrTooMuch once the byte cap is reached.
func (c *Conn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, ErrTooMuch
	}
	if int64(len(p)) > c.left {
		p = p[:c.left]
	}
	n, err := c.raw.Read(p)
	c.left -= int64(n)
	return n, err
}

// Write sends to the peer.
func (c *Conn) Write(p []byte) (int, error) { return c.raw.Write(p) }

// LocalAddr is our end of the connection.
func (c *Conn) LocalAddr() net.Addr { return c.raw.LocalAddr() }

// RemoteAddr is Peer as net.Conn wants it.
func (c *Conn) RemoteAddr() net.Addr { return c.raw.RemoteAddr() }

// SetDeadline sets both deadlines, never later than the conversation's own end; the zero time means that end.
func (c *Conn) SetDeadline(t time.Time) error { return c.settle(c.raw.SetDeadline(c.clamp(t))) }

// SetReadDeadline is SetDeadline for reads.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.settle(c.raw.SetReadDeadline(c.clamp(t))) }

// SetWriteDeadline is SetDeadline for writes.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	return c.settle(c.raw.SetWriteDeadline(c.clamp(t)))
}

func (c *Conn) clamp(t time.Time) time.Time {
	if t.IsZero() || t.After(c.until) {
		return c.until
	}
	return t
}

// settle keeps a cancellation that came while a deadline was being set: the later deadline must not undo it.
func (c *Conn) settle(err error) error {
	if c.ctx.Err() != nil {
		return c.raw.SetDeadline(past)
	}
	return err
}

// Close ends the conversation.
func (c *Conn) Close() error {
	c.stop()
	return c.raw.Close()
}
