package netinfo

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"
)

const (
	// deadAfter is how many attempts in a row must go without any reply before a server counts as dead. One zone whose
	// own servers are dead makes a few go unanswered; answers to other questions come in between.
	deadAfter = 32
	// retryDead is how often a dead server is tried again.
	retryDead = time.Second
)

var errDead = errors.New("has not answered for a while, and is left alone")

// server is one resolver and whether it is worth asking. Without this, a tour would wait out every timeout for every
// host while the resolver is down.
type server struct {
	addr netip.AddrPort
	now  func() time.Time

	mu     sync.Mutex
	silent int       // attempts in a row without a reply
	retry  time.Time // when a dead server may be tried again
}

// allow says whether the server may be asked now. Of a dead one it allows one question each retryDead.
func (s *server) allow() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.silent < deadAfter {
		return true
	}
	if now := s.now(); !now.Before(s.retry) {
		s.retry = now.Add(retryDead)
		return true
	}
	return false
}

// note records how an attempt ended. Any reply shows that the server lives, be it SERVFAIL.
func (s *server) note(replied bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if replied {
		s.silent = 0
		return
	}
	if s.silent++; s.silent == deadAfter {
		s.retry = s.now().Add(retryDead)
	}
}

// serverAddr reads the address of a server, port 53 unless it has one.
func serverAddr(s string) (netip.AddrPort, error) {
	s = strings.TrimSpace(s)
	if a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")); err == nil && !a.IsUnspecified() {
		return netip.AddrPortFrom(a.Unmap(), 53), nil
	}
	ap, err := netip.ParseAddrPort(s)
	if err != nil || ap.Port() == 0 || ap.Addr().IsUnspecified() {
		return netip.AddrPort{}, fmt.Errorf("resolver %s: not an address; write one such as 192.0.2.53:53 or [2001:db8::53]:53", quote(s))
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()), nil
}
