package raw

import (
	"encoding/binary"
	"net/netip"
)

// Lengths of the packets that a Template writes: IP header, TCP header, and a maximum segment size option, without which
// some filters take a SYN for an attack tool's.
const (
	SYNLen4 = 20 + 24
	SYNLen6 = 40 + 24
)

const (
	protoTCP    = 6
	protoICMP   = 1
	protoICMPv6 = 58

	flagFIN = 0x01
	flagSYN = 0x02
	flagRST = 0x04
	flagACK = 0x10
)

// Template is a SYN from one of our addresses with everything that is the same in each probe, its checksums included: a
// packet is a copy, 14 or 26 changed bytes, and two short sums (RFC 1624).
type Template struct {
	packet [SYNLen6]byte
	size   int
	ipSum  uint32 // of the IPv4 header's constant words
	tcpSum uint32 // of the pseudo header's and the TCP header's constant words
}

// NewTemplate returns the template of SYNs from src, which must not be an IPv4 address dressed as IPv6.
func NewTemplate(src netip.Addr) *Template {
	t := new(Template)
	p := t.packet[:]
	var tcp []byte
	mss := uint16(1460)
	if src.Is4() {
		t.size = SYNLen4
		// Version and header length, no service; "don't fragment" with identification 0 (RFC 6864: atomic datagrams).
		p[0] = 0x45
		binary.BigEndian.PutUint16(p[2:], SYNLen4)
		p[6] = 0x40
		p[8], p[9] = 64, protoTCP
		a := src.As4()
		copy(p[12:], a[:])
		t.ipSum = sum(0, p[:20])
		t.tcpSum = sum(protoTCP+24, a[:])
		tcp = p[20:SYNLen4]
	} else {
		t.size, mss = SYNLen6, 1440
		p[0] = 0x60
		binary.BigEndian.PutUint16(p[4:], 24)
		p[6], p[7] = protoTCP, 64
		a := src.As16()
		copy(p[8:], a[:])
		t.tcpSum = sum(protoTCP+24, a[:])
		tcp = p[40:SYNLen6]
	}
	tcp[12], tcp[13] = 6<<4, flagSYN
	binary.BigEndian.PutUint16(tcp[14:], 65535) // window
	tcp[20], tcp[21] = 2, 4                     // maximum segment size (RFC 9293 section 3.7.1)
	binary.BigEndian.PutUint16(tcp[22:], mss)
	t.tcpSum = sum(t.tcpSum, tcp)
	return t
}

// Put writes the SYN to dst, which is of the template's family, into b, which holds SYNLen6 bytes, and returns its length.
func (t *Template) Put(b []byte, dst netip.Addr, sport, dport uint16, seq uint32) int {
	b = b[:SYNLen6]
	copy(b, t.packet[:])
	var s uint32
	var tcp []byte
	if t.size == SYNLen4 {
		a := dst.As4()
		copy(b[16:20], a[:])
		s = sum(0, b[16:20])
		binary.BigEndian.PutUint16(b[10:], finish(t.ipSum+s))
		tcp = b[20:SYNLen4]
	} else {
		a := dst.As16()
		copy(b[24:40], a[:])
		s = sum(0, b[24:40])
		tcp = b[40:SYNLen6]
	}
	binary.BigEndian.PutUint16(tcp, sport)
	binary.BigEndian.PutUint16(tcp[2:], dport)
	binary.BigEndian.PutUint32(tcp[4:], seq)
	s += t.tcpSum + uint32(sport) + uint32(dport) + seq>>16 + seq&0xffff
	binary.BigEndian.PutUint16(tcp[16:], finish(s))
	return t.size
}

// sum adds the big-endian 16-bit words of b, whose length is even, to s. 64 bytes cannot overflow it.
func sum(s uint32, b []byte) uint32 {
	for ; len(b) >= 2; b = b[2:] {
		s += uint32(b[0])<<8 | uint32(b[1])
	}
	return s
}

// finish is the checksum that belongs to a sum (RFC 1071).
func finish(s uint32) uint16 {
	s = s>>16 + s&0xffff
	s += s >> 16
	return ^uint16(s) //nolint:gosec // folded
}
