package probe

import (
	"errors"
	"io"
	"slices"
)

// move is one connection's worth of asking.
type move struct {
	ask    Protocol
	tls    bool
	listen bool // give the peer a moment to speak first
}

func (m move) String() string {
	if m.tls {
		return m.ask.Name + " inside TLS"
	}
	return m.ask.Name
}

// fallbacks are the protocols that give no sign of themselves: they hang up on what is not theirs. They are asked, in
// this order, of a port that hung up on HTTP and on TLS.
var fallbacks = []string{"socks5", "mongodb", "redis"}

// plan lists the moves for a port, the likeliest first. What a move shows can cut the rest of the list short.
func plan(port uint16) []move {
	http, _ := ByName("http")
	generic := []move{{ask: http, listen: true}, {ask: http, tls: true, listen: true}}
	var moves []move
	hint, inTLS, hinted := hintFor(port)
	switch {
	case hinted && inTLS:
		moves = []move{{ask: hint, tls: true}, generic[0]}
	case hinted && isWeb(hint):
		moves = []move{{ask: hint}, {ask: hint, tls: true, listen: true}}
	case hinted && hint.ServerFirst: // silence there turns into the generic question on the same connection
		moves = []move{{ask: hint}, generic[1]}
	case hinted:
		moves = []move{{ask: hint}, {ask: hint, tls: true}, generic[0], generic[1]}
	default:
		moves = generic
	}
	for _, name := range fallbacks {
		if p, ok := ByName(name); ok && (!hinted || hint.Name != name) {
			moves = append(moves, move{ask: p})
		}
	}
	return moves
}

// hintFor tells which protocol a port number suggests, and whether inside TLS.
func hintFor(port uint16) (p Protocol, inTLS, ok bool) {
	for _, p := range Protocols() {
		if slices.Contains(p.Ports, port) {
			return p, false, true
		}
		if slices.Contains(p.TLSPorts, port) {
			return p, true, true
		}
	}
	return Protocol{}, false, false
}

// isWeb tells whether the protocol is asked by an HTTP request.
func isWeb(p Protocol) bool {
	switch p.Name {
	case "http", "cdp", "webdriver", "http-proxy", "docker", "kubernetes":
		return true
	}
	return false
}

// alpnFor offers HTTP/1.1 where HTTP is asked (RFC 7301); mail and database servers are offered nothing, because a strict
// one would refuse.
func alpnFor(p Protocol) []string {
	if isWeb(p) {
		return []string{"http/1.1"}
	}
	return nil
}

// kind is what came of a move.
type kind uint8

const (
	settled    kind = iota // the port is identified, or nothing more can be learnt
	recognised             // its bytes give another protocol away
	tryTLS                 // its bytes say that it wants TLS
	hungUp                 // it ended the conversation without a byte
	kept                   // it kept the conversation open without a byte
)

type result struct {
	kind  kind
	proto Protocol
	tls   bool
}

// next decides which of the moves left still make sense after a result.
func (q *inquiry) next(r result, m move, rest []move) []move {
	switch r.kind {
	case recognised:
		if r.proto.Name == m.ask.Name && r.tls == m.tls {
			return nil // it was asked just that, and did not go on
		}
		return []move{{ask: r.proto, tls: r.tls}}
	case tryTLS:
		return only(rest, func(n move) bool { return n.tls })
	case kept:
		// Binary servers hang up on what is not theirs, so one that sits still is none. It is a slow speaker at best, or
		// waits for the end of a line, which a TLS handshake does not have: Redis does, and it hangs up on HTTP.
		return only(rest, func(n move) bool { return isWeb(n.ask) || (m.tls && n.ask.Name == "redis") })
	case hungUp:
		if m.tls && q.svc.TLS != nil {
			return insideTLS(m)
		}
		return rest
	default:
		return nil
	}
}

// insideTLS lists what is left to ask of a port that completed TLS and then hung up on what was asked inside.
func insideTLS(m move) []move {
	if !isWeb(m.ask) {
		http, _ := ByName("http")
		return []move{{ask: http, tls: true}}
	}
	mongodb, _ := ByName("mongodb")
	redis, _ := ByName("redis")
	return []move{{ask: mongodb, tls: true}, {ask: redis, tls: true}}
}

func only(moves []move, keep func(move) bool) []move {
	var kept []move
	for _, m := range moves {
		if keep(m) {
			kept = append(kept, m)
		}
	}
	return kept
}

// recognise finds the protocol that the first bytes give away.
func recognise(first []byte) (Protocol, bool) {
	for _, p := range Protocols() {
		if p.Recognise != nil && p.Recognise(first) {
			return p, true
		}
	}
	return Protocol{}, false
}

// isTLS tells whether bytes begin a TLS record of a handshake or an alert (RFC 8446 section 5.1).
func isTLS(b []byte) bool { return len(b) >= 2 && (b[0] == 22 || b[0] == 21) && b[1] == 3 }

func isTLSAlert(b []byte) bool { return len(b) >= 2 && b[0] == 21 && b[1] == 3 }

// isEnd tells whether the peer ended the conversation.
func isEnd(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }
