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

	conn   net.Conn // *dial.Conn, or *tls.Conn over it
	br     *bufio.Reader
	redial func() (*dial.Conn, error)
}

func newSession(ctx context.Context, conn *dial.Conn, opts Options) *Session {
	return &Session{Ctx: ctx, Peer: conn.Peer(), Identity: opts.Identity, Words: opts.Words, Deep: opts.Deep,
		conn: conn, br: bufio.NewReaderSize(conn, 4096)}
}

// Reader is the peer's bytes, buffered. Reads end with the conversation's deadline or byte cap.
func (s *Session) Reader() *bufio.Reader { return s.br }

// Write sends to the peer.
func (s *Session) Write(p []byte) (int, error) { return s.conn.Write(p) }

// Peek waits at most d for the peer to speak, and returns up to 512 of its first bytes without consuming them. No bytes in
// time is no error: the slice is empty.
func (s *Session) Peek(d time.Duration) ([]byte, error) {
	_ = s.conn.SetReadDeadline(time.Now().Add(d))
	_, err := s.br.Peek(1)
	_ = s.conn.SetReadDeadline(time.Time{})
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
	_ = s.conn.Close()
	conn, err := s.redial()
	if err != nil {
		return err
	}
	s.conn = conn
	s.br.Reset(conn)
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
	conn := tls.Client(s.conn, clientConfig(serverName, alpn))
	if err := conn.HandshakeContext(s.Ctx); err != nil {
		return err
	}
	s.TLS = describe(conn.ConnectionState())
	s.conn = conn
	s.br.Reset(conn)
	return nil
}
