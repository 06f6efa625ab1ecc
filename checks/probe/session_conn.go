package probe

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// goodbyeWait bounds the wait for the answer to QUIT or LOGOUT. An honest server answers at once, and sees a clean end
// rather than a reset; waiting longer would serve nobody.
const goodbyeWait = 500 * time.Millisecond

// Local is the address of our own end of the conversation; the zero Addr when the connection cannot tell.
func (s *Session) Local() netip.Addr {
	if a, ok := s.conn.LocalAddr().(*net.TCPAddr); ok {
		return a.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// say sends one line and begins the wait for its answer. Lines are made of constants and of names that printable has
// checked: a peer's bytes never get into them.
func (s *Session) say(line string) error {
	if _, err := io.WriteString(s.conn, line+"\r\n"); err != nil {
		return fmt.Errorf("send %q: %w", line, err)
	}
	s.expect()
	return nil
}

// goodbye sends the protocol's farewell and reads on until answered says that it was answered. What goes wrong with it
// is nobody's loss: the handshake is over.
func (s *Session) goodbye(line string, answered func(line string) bool) {
	s.conn.waiting = false // or the first byte would lift the bound
	_ = s.conn.SetDeadline(time.Now().Add(goodbyeWait))
	defer func() { _ = s.conn.SetDeadline(time.Time{}) }()
	if _, err := io.WriteString(s.conn, line+"\r\n"); err != nil {
		return
	}
	for range mailLines {
		answer, err := s.ReadLine(mailLine)
		if err != nil || answered(answer) {
			return
		}
	}
}

// ehloName is the name that EHLO gives: the configured one, else an address literal of our own end (RFC 5321 section 4.1.3).
func (s *Session) ehloName() string {
	if name := s.Identity.EHLO; printable(name) && !strings.Contains(name, " ") {
		return name
	}
	switch local := s.Local(); {
	case local.Is4():
		return "[" + local.String() + "]"
	case local.Is6():
		return "[IPv6:" + local.WithZone("").String() + "]"
	}
	return "[127.0.0.1]"
}

// printable says that text is not empty and of printable US-ASCII only, so that it may stand in a line that we send.
func printable(text string) bool {
	for _, c := range []byte(text) {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return text != ""
}

// errHandedBack is what a view's user sees after the view was closed.
var errHandedBack = errors.New("conversation was handed back")

// view is a net.Conn over the conversation, for a library that wants one: it reads what the session has buffered first,
// behind a prefix that was read already. Close ends the conversation and waits until the session is nobody else's,
// because a library's goroutines may outlive its call.
type view struct {
	net.Conn
	r       io.Reader
	reading sync.Mutex // held by Read
	writing sync.Mutex // held by Write
	closed  bool       // read under either lock, written under both
}

// view makes a net.Conn of the conversation; prefix is what its reader sees first.
func (s *Session) view(prefix string) *view {
	return &view{Conn: s.conn, r: io.MultiReader(strings.NewReader(prefix), s.br)}
}

// Read implements net.Conn.
func (v *view) Read(p []byte) (int, error) {
	v.reading.Lock()
	defer v.reading.Unlock()
	if v.closed {
		return 0, errHandedBack
	}
	return v.r.Read(p)
}

// Write implements net.Conn.
func (v *view) Write(p []byte) (int, error) {
	v.writing.Lock()
	defer v.writing.Unlock()
	if v.closed {
		return 0, errHandedBack
	}
	return v.Conn.Write(p)
}

// Close implements net.Conn. It may be called more than once.
func (v *view) Close() error {
	err := v.Conn.Close() // ends a Read and a Write under way, which hold the locks
	v.reading.Lock()
	defer v.reading.Unlock()
	v.writing.Lock()
	defer v.writing.Unlock()
	v.closed = true
	return err
}
