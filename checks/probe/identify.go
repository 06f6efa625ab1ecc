package probe

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/netschouw/netschouw/checks/probe/dial"
)

// Options says how to ask. A zero field takes its default.
type Options struct {
	Identity Identity
	Words    []string // see Session.Words
	Deep     bool     // see Session.Deep
	// Handshake is how long a peer may stay silent after it was asked: default 5s. Once it has begun to answer, the
	// lifetime of the connection bounds it.
	Handshake time.Duration
	// Quiet is how long an open port without a hint is given to speak first before it is asked: default 1s. A
	// slower greeter is still recognised by its answer to what it is asked next.
	Quiet time.Duration

	index *wordIndex // of Words, made once
}

// MaxConnections is the most that one look at one open port may cost, discovery's own connection included. A port
// that speaks the protocol its number suggests costs one; docs/operations.md has the table.
const MaxConnections = 6

// Prober identifies services through one dialer. It is safe for concurrent use.
type Prober struct {
	dialer *dial.Dialer
	opts   Options
}

// New returns a Prober that reaches hosts through dialer only.
func New(dialer *dial.Dialer, opts Options) *Prober {
	if opts.Handshake <= 0 {
		opts.Handshake = 5 * time.Second
	}
	if opts.Quiet <= 0 {
		opts.Quiet = time.Second
	}
	opts.index = newWordIndex(opts.Words)
	return &Prober{dialer, opts}
}

// Deep returns a Prober that looks at pages more closely; see Session.Deep.
func (p *Prober) Deep() *Prober {
	opts := p.opts
	opts.Deep = true
	return &Prober{p.dialer, opts}
}

// Identify finds out what an open port speaks, beginning on the connection that discovery opened. It closes conn.
func (p *Prober) Identify(ctx context.Context, conn *dial.Conn) Service {
	return p.inquire(ctx, conn.Peer(), conn)
}

// IdentifyAt is Identify for a port that discovery found open without keeping a connection.
func (p *Prober) IdentifyAt(ctx context.Context, addr netip.AddrPort) Service {
	return p.inquire(ctx, addr, nil)
}

func (p *Prober) inquire(ctx context.Context, peer netip.AddrPort, conn *dial.Conn) Service {
	q := &inquiry{Prober: p, ctx: ctx, peer: peer, first: conn,
		svc: Service{Port: peer.Port(), Transport: "tcp", Protocol: "unknown", Status: StatusSilent}}
	if conn != nil {
		q.svc.Connections = 1
	}
	asked := make(map[string]bool)
	for moves := plan(peer.Port()); len(moves) > 0; {
		m := moves[0]
		if moves = moves[1:]; asked[m.String()] {
			continue
		}
		asked[m.String()] = true
		moves = q.next(q.play(m), m, moves)
	}
	if q.first != nil { // the plan ended before the connection was used
		_ = q.first.Close()
	}
	return q.svc
}

// inquiry is one look at one port.
type inquiry struct {
	*Prober
	ctx   context.Context
	peer  netip.AddrPort
	first *dial.Conn // discovery's connection, until it is used
	svc   Service
}

// play makes one move on one connection and tells what came of it. A panic in a parser ends the look at this port.
func (q *inquiry) play(m move) (r result) {
	defer func() {
		if cause := recover(); cause != nil {
			q.svc.Status, q.svc.Error = StatusCrashed, fmt.Sprintf("%s: %v\n%s", m, cause, clip(string(debug.Stack()), 2048))
			r = result{kind: settled}
		}
	}()
	conn, err := q.connect()
	if err != nil {
		if q.svc.Details == nil && q.svc.TLS == nil {
			q.fail(gone(q.ctx, err), err)
		}
		return result{kind: settled}
	}
	s := newSession(q.ctx, conn, q.opts)
	s.redial = q.connect
	defer func() { s.close() }()
	if m.tls {
		if err := s.StartTLS("", alpnFor(m.ask)...); err != nil {
			return q.afterTLSFailure(s, err)
		}
		q.svc.TLS, q.svc.Protocol, q.svc.Details = s.TLS, "tls", nil
		q.svc.Status, q.svc.Error = StatusSilent, "nothing that was asked inside TLS was answered"
	}
	return q.converse(s, m)
}

// converse asks what the move says, and lets a greeting overrule it.
func (q *inquiry) converse(s *Session, m move) result {
	ask := m.ask
	if ask.ServerFirst || m.listen {
		wait := q.opts.Quiet
		if ask.ServerFirst {
			wait = q.opts.Handshake
		}
		greeting, err := s.Peek(wait)
		if len(greeting) == 0 && err != nil {
			return q.unanswered(s, err)
		}
		if len(greeting) > 0 {
			heard, ok := recognise(greeting)
			switch {
			case ok:
				ask = heard
			case !ask.ServerFirst: // on its own port an odd greeting is still asked; its answer decides
				return q.unknown(s)
			}
		} else if ask.ServerFirst {
			ask, _ = ByName("http")
		}
	}
	return q.take(s, ask)
}

// take runs one protocol's handshake and files what it gives.
func (q *inquiry) take(s *Session, p Protocol) result {
	s.expect()
	details, err := p.Ask(s)
	if s.TLS != nil {
		q.svc.TLS = s.TLS
	}
	if details != nil {
		q.svc.Details, q.svc.Protocol = details, details.Protocol()
		q.svc.Status, q.svc.Error, q.svc.Banner = StatusOK, "", ""
		if err != nil {
			q.fail(statusOf(q.ctx, err), err)
		}
		if h, ok := details.(*HTTP); ok && h.StatusCode == 400 && s.TLS == nil {
			return result{kind: tryTLS} // most TLS servers say so, each in its own words, when spoken to in the clear
		}
		return result{kind: settled}
	}
	return q.unanswered(s, err)
}

// unanswered files a question that was not answered in the asked protocol.
func (q *inquiry) unanswered(s *Session, err error) result {
	if q.svc.Details != nil { // an answer in the clear stands; TLS was only a guess
		return result{kind: settled}
	}
	if q.ctx.Err() != nil {
		q.unknown(s)
		q.fail(stopped(q.ctx), q.ctx.Err())
		return result{kind: settled}
	}
	if len(s.heard()) > 0 {
		if isTLSAlert(s.heard()) {
			return result{kind: tryTLS}
		}
		r := q.unknown(s)
		if err != nil {
			q.fail(statusOf(q.ctx, err), err)
		}
		if p, ok := recognise(s.heard()); ok { // if asking for that does not lead further, what was heard stands
			r = result{kind: recognised, proto: p, tls: s.TLS != nil}
		}
		return r
	}
	if dial.Classify(err) == dial.TimedOut {
		return result{kind: kept}
	}
	return result{kind: hungUp}
}

// unknown files a peer that spoke in a way that nothing here explains.
func (q *inquiry) unknown(s *Session) result {
	q.svc.Banner = string(s.heard()[:min(len(s.heard()), MaxBanner)])
	q.svc.Status, q.svc.Error = StatusUnknown, ""
	return result{kind: settled}
}

func (q *inquiry) afterTLSFailure(s *Session, err error) result {
	if heard := s.heard(); len(heard) > 0 && isTLS(heard) {
		// A TLS server, but not one that will talk to us: asks for another version, a name, a certificate.
		if q.svc.Details == nil {
			q.svc.Protocol = "tls"
			q.fail(statusOf(q.ctx, err), err)
		}
		return result{kind: settled}
	}
	return q.unanswered(s, err)
}

func (q *inquiry) fail(status Status, err error) {
	q.svc.Status, q.svc.Error = status, clip(err.Error(), 256)
	if status == StatusBudget && q.ctx.Err() != nil {
		q.svc.Error = "the host's time was used up before the conversation came to its end"
	}
}

// stopped tells why we ended the conversation ourselves: the time that one host may take was used up, or the run ends.
func stopped(ctx context.Context) Status {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return StatusBudget
	}
	return StatusLocal
}

// connect gives discovery's connection first, then dials, up to MaxConnections in all.
func (q *inquiry) connect() (*dial.Conn, error) {
	if conn := q.first; conn != nil {
		q.first = nil
		conn.Begin(q.ctx)
		return conn, nil
	}
	if q.svc.Connections >= MaxConnections {
		return nil, fmt.Errorf("%d connections to this port were not enough: %w", MaxConnections, dial.ErrBudget)
	}
	q.svc.Connections++
	return q.dialer.Dial(q.ctx, q.peer)
}

// gone tells why a port that was open cannot be reached again.
func gone(ctx context.Context, err error) Status {
	if ctx.Err() != nil {
		return stopped(ctx)
	}
	switch dial.Classify(err) {
	case dial.OverBudget:
		return StatusBudget
	case dial.Refused, dial.TimedOut, dial.Unreachable, dial.Reset:
		return StatusGone
	default:
		return StatusLocal
	}
}

// statusOf tells how a conversation ended from the error that ended it.
func statusOf(ctx context.Context, err error) Status {
	switch {
	case ctx.Err() != nil:
		return stopped(ctx)
	case errors.Is(err, dial.ErrTooMuch):
		return StatusTruncated
	case errors.Is(err, dial.ErrBudget):
		return StatusBudget
	case errors.Is(err, ErrDeclined):
		return StatusDeclined
	case errors.Is(err, ErrMalformed), errors.Is(err, ErrLineTooLong):
		return StatusMalformed
	case dial.Classify(err) == dial.TimedOut:
		return StatusTimedOut
	case dial.Classify(err) == dial.Reset, isEnd(err):
		return StatusReset
	}
	return StatusMalformed
}
