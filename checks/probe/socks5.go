package probe

import (
	"fmt"
	"io"
	"time"
)

// SOCKS5 is the method that a SOCKS5 proxy chose from our offer of "no authentication" (RFC 1928 section 3).
type SOCKS5 struct {
	Method string `json:"method" expr:"method"` // "none" (05 00, open), "password" (05 02), "refused" (05 FF), "other"
}

func newSOCKS5() Details { return new(SOCKS5) }

// Protocol implements Details.
func (*SOCKS5) Protocol() string { return "socks5" }

// Names implements Details: a proxy names nobody.
func (d *SOCKS5) Names() []Name { return nil }

// Summary implements Details.
func (d *SOCKS5) Summary() string { return "SOCKS5 " + d.Method }

// socksOffer is version 5 with one method: no authentication.
const socksOffer = "\x05\x01\x00"

// socksTrail is how long more than the two bytes of a choice is waited for. A proxy says no more before a request; a
// service that repeats what it was sent (RFC 862) also begins with 05.
const socksTrail = 200 * time.Millisecond

// parseSOCKS5 reads a proxy's choice.
func parseSOCKS5(choice [2]byte) (*SOCKS5, error) {
	if choice[0] != 5 {
		return nil, fmt.Errorf("choice of method begins with %#02x: %w", choice[0], ErrMalformed)
	}
	switch choice[1] {
	case 0x00:
		return &SOCKS5{"none"}, nil
	case 0x02: // not offered, and chosen all the same by many proxies that want a password
		return &SOCKS5{"password"}, nil
	case 0xff:
		return &SOCKS5{"refused"}, nil
	}
	return &SOCKS5{"other"}, nil
}

// askSOCKS5 offers "no authentication" and reads the choice. It never asks for a connection.
func askSOCKS5(s *Session) (Details, error) {
	if _, err := io.WriteString(s, socksOffer); err != nil {
		return nil, fmt.Errorf("send socks5 offer: %w", err)
	}
	s.expect()
	var choice [2]byte
	if _, err := io.ReadFull(s.br, choice[:]); err != nil {
		return nil, fmt.Errorf("socks5 choice of method: %w", err)
	}
	d, err := parseSOCKS5(choice)
	if err != nil {
		return nil, err
	}
	if s.br.Buffered() == 0 && d.Method == "other" {
		_, _ = s.Peek(socksTrail)
	}
	if s.br.Buffered() > 0 {
		return nil, fmt.Errorf("more than a choice of method follows the socks5 offer: %w", ErrMalformed)
	}
	return d, nil
}
