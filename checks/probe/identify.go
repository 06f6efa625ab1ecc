package probe

import (
	"context"

	"github.com/netschouw/netschouw/checks/probe/dial"
)

// Options says how to ask.
type Options struct {
	Identity Identity
	Words    []string // see Session.Words
	Deep     bool     // see Session.Deep
}

// Prober identifies services through one dialer.
type Prober struct {
	dialer *dial.Dialer
	opts   Options
}

// New returns a Prober that reaches hosts through dialer only.
func New(dialer *dial.Dialer, opts Options) *Prober { return &Prober{dialer, opts} }

// Identify finds out what an open port speaks. conn is the connection that discovery opened, used for the first
// handshake; nil means that Identify dials. Identify closes it.
func (p *Prober) Identify(ctx context.Context, conn *dial.Conn) Service {
	panic("contract only")
}
