package dial

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// Gate decides whether an address may be contacted at all. A nil error permits it. *netinfo.Scope is the real one.
type Gate interface {
	Check(netip.Addr) error
}

// Pacer spends one connection attempt of the global rate, of the rate of the address's neighbourhood, and of the
// host's budget. It blocks until the attempt may be made, and returns ErrBudget when the host's budget is used up, or
// the context's error.
type Pacer interface {
	Wait(ctx context.Context, addr netip.Addr) error
}

// ErrBudget is returned by a Pacer, and by Dial, for a host whose connection budget is used up.
var ErrBudget = errors.New("connection budget of this host is used up")

// Error is what Dial returns: the attempt that failed and how it ended. Unwrap gives the cause.
type Error struct {
	Addr    netip.AddrPort
	Outcome Outcome
	Err     error
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %s: %v", e.Addr, e.Outcome, e.Err) }
func (e *Error) Unwrap() error { return e.Err }

// Options bounds every connection. A zero field takes its default.
type Options struct {
	ConnectTimeout time.Duration // default 2s: one SYN retransmission (RFC 6298: after 1s) still fits
	Lifetime       time.Duration // default 15s: the longest that one conversation may last, whatever the peer does
	MaxBytes       int64         // default 1 MiB: the most that is read from one connection, TLS records included
}

func (o Options) withDefaults() Options {
	if o.ConnectTimeout <= 0 {
		o.ConnectTimeout = 2 * time.Second
	}
	if o.Lifetime <= 0 {
		o.Lifetime = 15 * time.Second
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 1 << 20
	}
	return o
}

// Dialer opens bounded TCP connections to addresses that its gate permits, at the pace of its pacer.
type Dialer struct {
	gate  Gate
	pacer Pacer
	opts  Options
}

// New returns a Dialer. The gate is required: without one, nothing may be contacted, and New panics, because that
// is a fault of the program and not of its user. A nil pacer means no pace and no budget.
func New(gate Gate, pacer Pacer, opts Options) *Dialer {
	if gate == nil {
		panic("dial: a Dialer needs a gate")
	}
	return &Dialer{gate: gate, pacer: pacer, opts: opts.withDefaults()}
}

// Dial connects to one port of one address. The error is always an *Error.
func (d *Dialer) Dial(ctx context.Context, addr netip.AddrPort) (*Conn, error) {
	if err := d.permit(ctx, addr); err != nil {
		return nil, err
	}
	nd := net.Dialer{Timeout: d.opts.ConnectTimeout, KeepAlive: -1}
	raw, err := nd.DialContext(ctx, "tcp", addr.String())
	if err != nil {
		return nil, &Error{addr, Classify(err), err}
	}
	return d.bound(ctx, raw.(*net.TCPConn), addr), nil
}

// permit asks the gate, then the pacer. The gate comes first: an address out of scope costs no budget and no wait.
func (d *Dialer) permit(ctx context.Context, addr netip.AddrPort) error {
	if err := d.gate.Check(addr.Addr()); err != nil {
		return &Error{addr, OutOfScope, err}
	}
	if d.pacer == nil {
		return nil
	}
	if err := d.pacer.Wait(ctx, addr.Addr()); err != nil {
		outcome := LocalError
		if errors.Is(err, ErrBudget) {
			outcome = OverBudget
		}
		return &Error{addr, outcome, err}
	}
	return nil
}

// Classify tells how a connection attempt or a conversation ended from the error it gave; Open for nil.
func Classify(err error) Outcome {
	var timeout interface{ Timeout() bool }
	switch {
	case err == nil:
		return Open
	case errors.Is(err, ErrBudget):
		return OverBudget
	case errors.Is(err, syscall.ECONNREFUSED):
		return Refused
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNABORTED):
		return Reset
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTDOWN),
		errors.Is(err, syscall.ENOPROTOOPT), errors.Is(err, syscall.EPROTO):
		return Unreachable
	case errors.Is(err, syscall.ETIMEDOUT), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout():
		return TimedOut
	}
	return LocalError
}
