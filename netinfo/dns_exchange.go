package netinfo

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

const (
	// udpSize is what we say we can receive over UDP, in bytes: what passes without fragments nearly everywhere
	// (DNS flag day 2020).
	udpSize = 1232
	// maxReply bounds a reply over TCP, in bytes. It holds some hundred names; one of 64 KiB, full of compressed
	// names, would take a hundred times as much memory.
	maxReply = 16 << 10
	// maxStrays is how many datagrams that are no reply to our question are passed over before the attempt is given up:
	// somebody is guessing ids.
	maxStrays = 32
)

var (
	errStrays   = fmt.Errorf("more than %d replies to other questions: somebody may be forging answers", maxStrays)
	errTooLarge = fmt.Errorf("the reply is larger than %d bytes", maxReply)
	errMismatch = errors.New("the reply is to another question")
)

// ask sends the question to one server after another until one of them answers it.
func (r *Resolver) ask(ctx context.Context, q question) (*dns.Msg, error) {
	first := int(r.first.Load())
	var errs []error
	for i := range r.cfg.Attempts {
		place := (first + i) % len(r.servers)
		srv := r.servers[place]
		if !srv.allow() {
			errs = append(errs, fmt.Errorf("%s: %w", srv.addr, errDead))
			continue
		}
		m, err := r.attempt(ctx, srv, q)
		if err == nil {
			if i > 0 {
				r.first.Store(int32(place))
			}
			return m, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		errs = append(errs, fmt.Errorf("%s: %w", srv.addr, bare(err)))
	}
	return nil, failure(errs)
}

// bare takes the ports of our own sockets out of an error: they make each attempt look like another fault.
func bare(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		return op.Err
	}
	return err
}

// failure joins what the attempts failed with, each once, on one line.
func failure(errs []error) error {
	err := errs[0]
	for i, e := range errs[1:] {
		if !slices.ContainsFunc(errs[:i+1], func(o error) bool { return o.Error() == e.Error() }) {
			err = fmt.Errorf("%w, then %w", err, e)
		}
	}
	return err
}

// attempt has one try at one server: UDP, then TCP if the reply was truncated (RFC 7766), and without EDNS if the
// server does not know it (RFC 6891 section 6.2.2).
func (r *Resolver) attempt(ctx context.Context, srv *server, q question) (*dns.Msg, error) {
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	query := newQuery(q)
	m, err := r.exchange(ctx, "udp", srv.addr, query)
	if ctx.Err() == nil {
		srv.note(err == nil)
	}
	if err == nil && (m.Rcode == dns.RcodeFormatError || m.Rcode == dns.RcodeNotImplemented || m.Rcode == dns.RcodeBadVers) {
		query.Extra, query.Id = nil, dns.Id()
		m, err = r.exchange(ctx, "udp", srv.addr, query)
	}
	if err == nil && m.Truncated {
		query.Id = dns.Id()
		m, err = r.exchange(ctx, "tcp", srv.addr, query)
	}
	if err != nil {
		return nil, err
	}
	// A reply that is no answer is as good as none: another server may know better.
	if _, err := interpret(m, q, maxCNAME); err != nil && !errors.Is(err, errAliasLoop) {
		return nil, err
	}
	return m, nil
}

// newQuery writes a question with a random id (RFC 5452 section 4.3); the random port comes from a fresh socket each.
func newQuery(q question) *dns.Msg {
	m := new(dns.Msg)
	m.SetQuestion(q.name, q.qtype)
	m.Id = dns.Id()
	m.RecursionDesired = true
	m.SetEdns0(udpSize, false)
	return m
}

// exchange sends one query and waits for the reply to it, within the timeout and the pace.
func (r *Resolver) exchange(ctx context.Context, network string, server netip.AddrPort, query *dns.Msg) (*dns.Msg, error) {
	if err := r.limit.Wait(ctx); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Timeout)
	defer cancel()
	wire, err := query.Pack()
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, server.String())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline)
	// Cancellation must end a read that is under way.
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	r.queries.Add(1)
	if network == "tcp" {
		return exchangeTCP(conn, query, wire)
	}
	return exchangeUDP(conn, query, wire)
}

// exchangeUDP passes over datagrams that are not the reply: the kernel filters by sender, but not by id and question.
func exchangeUDP(conn net.Conn, query *dns.Msg, wire []byte) (*dns.Msg, error) {
	if _, err := conn.Write(wire); err != nil {
		return nil, err
	}
	buf := make([]byte, udpSize+1)
	for range maxStrays {
		n, err := conn.Read(buf)
		if err != nil {
			return nil, err
		}
		if m := new(dns.Msg); n <= udpSize && unpack(m, buf[:n]) == nil && replies(m, query) {
			return m, nil
		}
	}
	return nil, errStrays
}

func exchangeTCP(conn net.Conn, query *dns.Msg, wire []byte) (*dns.Msg, error) {
	framed := binary.BigEndian.AppendUint16(make([]byte, 0, len(wire)+2), uint16(len(wire)))
	if _, err := conn.Write(append(framed, wire...)); err != nil {
		return nil, err
	}
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint16(size[:])
	if n > maxReply {
		return nil, errTooLarge
	}
	buf := make([]byte, n)
	if _, err := io.ReadFull(conn, buf); err != nil {
		return nil, err
	}
	m := new(dns.Msg)
	if err := unpack(m, buf); err != nil {
		return nil, err
	}
	if !replies(m, query) {
		return nil, errMismatch
	}
	return m, nil
}

// unpack parses a message. What a truncated one lost does not matter: it is asked for again over TCP.
func unpack(m *dns.Msg, wire []byte) error {
	if err := m.Unpack(wire); err != nil && !(m.Truncated && len(m.Question) == 1) {
		return err
	}
	return nil
}

// replies says whether m answers the query: same id, same question (RFC 5452 section 9.1). Some servers leave the
// question out when they refuse.
func replies(m, query *dns.Msg) bool {
	if !m.Response || m.Id != query.Id || m.Opcode != dns.OpcodeQuery {
		return false
	}
	if len(m.Question) == 0 {
		return m.Rcode == dns.RcodeFormatError || m.Rcode == dns.RcodeNotImplemented || m.Rcode == dns.RcodeRefused || m.Rcode == dns.RcodeServerFailure
	}
	got, want := m.Question[0], query.Question[0]
	return len(m.Question) == 1 && got.Qtype == want.Qtype && got.Qclass == want.Qclass && strings.EqualFold(got.Name, want.Name)
}
