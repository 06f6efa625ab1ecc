package probe

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/netschouw/netschouw/checks/probe/dial"
)

// Identity is how netschouw says who it is, from the configuration's identify section.
type Identity struct {
	EHLO    string // the name in EHLO (RFC 5321 section 4.1.1.1); "" means an address literal of our own end
	Contact string // a URL in the User-Agent, where an operator can read who scans and why
}

// UserAgent is the HTTP User-Agent (RFC 9110 section 10.1.5).
func (i Identity) UserAgent() string {
	if i.Contact == "" {
		return "netschouw/1 (own-network inspection)"
	}
	return "netschouw/1 (own-network inspection; +" + i.Contact + ")"
}

// Session is one conversation with one open port, seen by a protocol's Ask: a bounded connection, buffered, that can
// be turned into TLS once. It is used by one goroutine.
type Session struct {
	Ctx      context.Context
	Peer     netip.AddrPort
	Identity Identity
	// Words are the lower-case words that the loaded rule packs look for in pages; see FindWords.
	Words []string
	// Deep asks for what only a suspect or a `check` gets: the same-origin script bundles of a page.
	Deep bool
	// TLS is what the TLS handshake showed; nil while the conversation is in the clear.
	TLS *TLS

	conn     *tap
	br       *bufio.Reader
	index    *wordIndex    // of Words; nil when nobody made it in advance
	hint     string        // the protocol that the registry suggests for the port; "" for none
	patience time.Duration // how long the peer may stay silent after a question
	redial   func() (*dial.Conn, error)
}

func newSession(ctx context.Context, conn *dial.Conn, opts Options) *Session {
	s := &Session{Ctx: ctx, Peer: conn.Peer(), Identity: opts.Identity, Words: opts.Words, Deep: opts.Deep,
		index: opts.index, patience: opts.Handshake, conn: &tap{Conn: conn}}
	if p, _, ok := hintFor(conn.Peer().Port()); ok {
		s.hint = p.Name
	}
	s.br = bufio.NewReaderSize(s.conn, 4096)
	s.expect()
	return s
}

// heardBytes is how much of a conversation's beginning is remembered, to recognise a protocol that was not asked for.
const heardBytes = 1024

// tap remembers the first bytes that the peer sent, and ends the wait for them.
type tap struct {
	net.Conn
	heard   []byte
	waiting bool
}

func (t *tap) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	if room := heardBytes - len(t.heard); n > 0 && room > 0 {
		t.heard = append(t.heard, p[:min(n, room)]...)
	}
	if n > 0 && t.waiting {
		t.waiting = false
		_ = t.SetReadDeadline(time.Time{})
	}
	return n, err
}

// heard is the beginning of what the peer said in this conversation, inside TLS once it is.
func (s *Session) heard() []byte { return s.conn.heard }

// expect gives the peer its patience to say its first byte; from then on the conversation's lifetime bounds it.
func (s *Session) expect() {
	if s.patience > 0 {
		s.conn.waiting = true
		_ = s.conn.SetReadDeadline(time.Now().Add(s.patience))
	}
}

func (s *Session) close() { _ = s.conn.Close() }

// Reader is the peer's bytes, buffered. Reads end with the conversation's deadline or byte cap.
func (s *Session) Reader() *bufio.Reader { return s.br }

// Write sends to the peer.
func (s *Session) Write(p []byte) (int, error) { return s.conn.Write(p) }

// Peek waits at most d for the peer to speak, and returns up to 512 of its first bytes without consuming them. No bytes in
// time is no error: the slice is empty.
func (s *Session) Peek(d time.Duration) ([]byte, error) {
	_ = s.conn.SetReadDeadline(time.Now().Add(d))
	_, err := s.br.Peek(1)
	_ = s.conn.SetReadDeadline(time.Time{}) // expect, or the conversation's lifetime, takes over
	if err != nil {
		if dial.Classify(err) == dial.TimedOut && s.Ctx.Err() == nil {
			err = nil
		}
		return nil, err
	}
	return s.br.Peek(min(s.br.Buffered(), 512))
}

// ErrLineTooLong is returned by ReadLine for a line beyond its bound.
var ErrLineTooLong = errors.New("line is longer than the protocol allows")

// ReadLine reads one line of at most limit bytes, without its CRLF or LF.
func (s *Session) ReadLine(limit int) (string, error) {
	line := make([]byte, 0, 80)
	for {
		part, err := s.br.ReadSlice('\n')
		if len(line)+len(part) > limit {
			keep := limit - len(line)
			return string(append(line, part[:keep]...)), ErrLineTooLong
		}
		line = append(line, part...)
		switch {
		case err == nil:
			line = line[:len(line)-1]
			if n := len(line); n > 0 && line[n-1] == '\r' {
				line = line[:n-1]
			}
			return string(line), nil
		case errors.Is(err, bufio.ErrBufferFull):
		default:
			return string(line), err
		}
	}
}

// Again replaces the conversation by a fresh one with the same peer, in TLS if this one was: for a server that closes
// after one answer. It costs a connection of the host's budget, and fails when the port may have no more.
func (s *Session) Again(alpn ...string) error {
	if s.redial == nil {
		return dial.ErrBudget
	}
	wasTLS := s.TLS != nil
	s.close()
	conn, err := s.redial()
	if err != nil {
		return err
	}
	s.conn = &tap{Conn: conn}
	s.br.Reset(s.conn)
	s.expect()
	if wasTLS {
		return s.StartTLS("", alpn...)
	}
	return nil
}

// StartTLS turns the conversation into TLS and fills s.TLS. Bytes that the peer sent in the clear beyond its consent are an
// error: they would otherwise be taken for protected ones (CVE-2011-0411). alpn may be empty.
func (s *Session) StartTLS(serverName string, alpn ...string) error {
	if s.br.Buffered() > 0 {
		return errors.New("peer sent data between its consent to TLS and the handshake")
	}
	s.expect()
	conn := tls.Client(s.conn, clientConfig(serverName, alpn))
	if err := conn.HandshakeContext(s.Ctx); err != nil {
		return err
	}
	s.TLS = describe(conn.ConnectionState())
	s.conn = &tap{Conn: conn}
	s.br.Reset(s.conn)
	s.expect()
	return nil
}
