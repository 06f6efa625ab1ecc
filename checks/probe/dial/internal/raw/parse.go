package raw

import (
	"encoding/binary"
	"net/netip"
)

// Kind says what came back.
type Kind uint8

// The kinds of answers to a SYN.
const (
	SYNACK Kind = iota + 1
	RST
	ICMP // an ICMP or ICMPv6 error that quotes our SYN
)

// Answer is what a packet claims to answer. Nothing of it is proven until the cookie has been checked.
type Answer struct {
	Kind Kind
	// Local and Peer are the two ends of the probe, as the answer tells them.
	Local, Peer         netip.Addr
	LocalPort, PeerPort uint16
	Seq                 uint32 // the probe's sequence number
	// From, Type and Code are those of an ICMP error.
	From       netip.Addr
	Type, Code uint8
}

// MaxAnswer is how much of a packet must be kept: both IP headers of an ICMP error with all their options.
const MaxAnswer = 60 + 8 + 60 + 8

// ICMP types that say that a probe did not arrive (RFC 792, RFC 4443).
const (
	icmpUnreachable   = 3
	icmpSourceQuench  = 4
	icmpTimeExceeded  = 11
	icmp6Unreachable  = 1
	icmp6TimeExceeded = 3
)

// Parse reads an IPv4 or IPv6 packet, perhaps cut short, that may answer a SYN; false when it does not. It does not check
// the TCP checksum: a packet from this machine or a virtual one has none yet, and the cookie says more.
func Parse(b []byte) (Answer, bool) {
	if len(b) == 0 {
		return Answer{}, false
	}
	switch b[0] >> 4 {
	case 4:
		return parse4(b)
	case 6:
		return parse6(b)
	}
	return Answer{}, false
}

func parse4(b []byte) (Answer, bool) {
	proto, src, dst, rest, ok := header4(b)
	switch {
	case !ok:
		return Answer{}, false
	case proto == protoTCP:
		return segment(rest, src, dst)
	case proto != protoICMP || len(rest) < 8:
		return Answer{}, false
	}
	switch rest[0] {
	case icmpUnreachable, icmpSourceQuench, icmpTimeExceeded:
	default:
		return Answer{}, false
	}
	proto, from, to, quoted, ok := header4(rest[8:])
	if !ok || proto != protoTCP || from != dst {
		return Answer{}, false
	}
	return quote(quoted, from, to, src, rest)
}

// header4 reads an IPv4 header of a packet that is whole, or a first fragment.
func header4(b []byte) (proto byte, src, dst netip.Addr, rest []byte, ok bool) {
	if len(b) < 20 || b[0]>>4 != 4 {
		return 0, src, dst, nil, false
	}
	size := int(b[0]&15) * 4
	if size < 20 || len(b) < size || binary.BigEndian.Uint16(b[6:])&0x1fff != 0 {
		return 0, src, dst, nil, false
	}
	return b[9], netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:])), b[size:], true
}

func parse6(b []byte) (Answer, bool) {
	proto, src, dst, rest, ok := header6(b)
	switch {
	case !ok:
		return Answer{}, false
	case proto == protoTCP:
		return segment(rest, src, dst)
	case proto != protoICMPv6 || len(rest) < 8:
		return Answer{}, false
	}
	if rest[0] != icmp6Unreachable && rest[0] != icmp6TimeExceeded {
		return Answer{}, false
	}
	proto, from, to, quoted, ok := header6(rest[8:])
	if !ok || proto != protoTCP || from != dst {
		return Answer{}, false
	}
	return quote(quoted, from, to, src, rest)
}

// header6 reads an IPv6 header without extension headers: no stack puts any before an answer to a SYN.
func header6(b []byte) (proto byte, src, dst netip.Addr, rest []byte, ok bool) {
	if len(b) < 40 || b[0]>>4 != 6 {
		return 0, src, dst, nil, false
	}
	return b[6], netip.AddrFrom16([16]byte(b[8:])), netip.AddrFrom16([16]byte(b[24:])), b[40:], true
}

// segment reads a TCP header that answers a SYN: a SYN-ACK, or a RST that acknowledges. A RST that acknowledges nothing
// proves nothing, and no stack believes one (RFC 9293 section 3.10.7.3).
func segment(b []byte, src, dst netip.Addr) (Answer, bool) {
	if len(b) < 20 {
		return Answer{}, false
	}
	a := Answer{Local: dst, Peer: src, PeerPort: binary.BigEndian.Uint16(b), LocalPort: binary.BigEndian.Uint16(b[2:]),
		Seq: binary.BigEndian.Uint32(b[8:]) - 1}
	switch b[13] & (flagSYN | flagRST | flagACK | flagFIN) {
	case flagSYN | flagACK:
		a.Kind = SYNACK
	case flagRST | flagACK:
		a.Kind = RST
	default:
		return Answer{}, false
	}
	return a, true
}

// quote reads the first eight bytes of our SYN that an ICMP error quotes.
func quote(b []byte, from, to, router netip.Addr, icmp []byte) (Answer, bool) {
	if len(b) < 8 {
		return Answer{}, false
	}
	return Answer{Kind: ICMP, Local: from, Peer: to, LocalPort: binary.BigEndian.Uint16(b), PeerPort: binary.BigEndian.Uint16(b[2:]),
		Seq: binary.BigEndian.Uint32(b[4:]), From: router, Type: icmp[0], Code: icmp[1]}, true
}
