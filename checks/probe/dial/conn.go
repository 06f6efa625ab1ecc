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
// its byte cap. Close resets the connection rather than leaving it in TIME_WAIT, which a scan could not afford,
// unless the peer has closed first.
type Conn struct {
	*net.TCPConn
	addr  netip.AddrPort
	until time.Time
	left  int64
	stop  func() bool
}

func (d *Dialer) bound(ctx context.Context, raw *net.TCPConn, addr netip.AddrPort) *Conn {
	c := &Conn{TCPConn: raw, addr: addr, until: time.Now().Add(d.opts.Lifetime), left: d.opts.MaxBytes}
	_ = raw.SetDeadline(c.until)
	_ = raw.SetLinger(0)
	// Cancellation must end a Read that is under way, not only the next one.
	c.stop = context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) })
	return c
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
	n, err := c.TCPConn.Read(p)
	c.left -= int64(n)
	return n, err
}

// SetDeadline sets both deadlines, never later than the conversation's own end; the zero time means that end.
func (c *Conn) SetDeadline(t time.Time) error { return c.TCPConn.SetDeadline(c.clamp(t)) }

// SetReadDeadline is SetDeadline for reads.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.TCPConn.SetReadDeadline(c.clamp(t)) }

// SetWriteDeadline is SetDeadline for writes.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.TCPConn.SetWriteDeadline(c.clamp(t)) }

func (c *Conn) clamp(t time.Time) time.Time {
	if t.IsZero() || t.After(c.until) {
		return c.until
	}
	return t
}

// Close ends the conversation.
func (c *Conn) Close() error {
	c.stop()
	return c.TCPConn.Close()
}
