package raw

import (
	"crypto/rand"
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// Cookie tells our probes from everything else without remembering them. What is to be expected back is a keyed hash of
// both addresses and the port probed: 32 bits of it are the sequence number, others choose the source port, and the
// source port says in which round the probe was sent. Who does not see a probe cannot answer it; the chance is below
// one in 2^32 for each packet.
type Cookie struct {
	key   [2]uint64
	ports []uint16
	place map[uint16]int
}

// Key is the secret of a run.
type Key [16]byte

// NewKey returns a fresh key of the system's random numbers.
func NewKey() (k Key) {
	_, _ = rand.Read(k[:]) // never fails since Go 1.24
	return k
}

// step separates the sequence numbers of rounds; it is odd, so that rounds never meet (the golden ratio, as in Knuth).
const step = 0x9e3779b9

// NewCookie returns the cookie over these source ports, of which there is at least one and none twice. A probe can be sent
// in as many rounds as there are ports.
func NewCookie(key Key, ports []uint16) *Cookie {
	c := &Cookie{ports: ports, place: make(map[uint16]int, len(ports)),
		key: [2]uint64{binary.LittleEndian.Uint64(key[:]), binary.LittleEndian.Uint64(key[8:])}}
	for i, p := range ports {
		c.place[p] = i
	}
	return c
}

// Probe returns the source port and the sequence number of a probe in a round, 0 <= round < number of ports. Rounds
// differ in the source port, so that a second attempt may take another way where paths are chosen by a hash.
func (c *Cookie) Probe(local, peer netip.Addr, port uint16, round int) (sport uint16, seq uint32) {
	h := c.hash(local, peer, port)
	return c.ports[(c.first(h)+round)%len(c.ports)], uint32(h) + uint32(round)*step //nolint:gosec // wraps on purpose
}

// Round says in which round of at most rounds the probe was sent that an answer answers; false when it was not ours.
func (c *Cookie) Round(a *Answer, rounds int) (round int, ok bool) {
	i, ok := c.place[a.LocalPort]
	if !ok {
		return 0, false
	}
	h := c.hash(a.Local, a.Peer, a.PeerPort)
	if round = i - c.first(h); round < 0 {
		round += len(c.ports)
	}
	return round, round < rounds && a.Seq == uint32(h)+uint32(round)*step //nolint:gosec // wraps on purpose
}

// Mine tells whether a port is one of the source ports.
func (c *Cookie) Mine(port uint16) bool {
	_, ok := c.place[port]
	return ok
}

// first is the place of the first round's source port.
func (c *Cookie) first(h uint64) int { return int((h >> 32) % uint64(len(c.ports))) } //nolint:gosec // less than that

func (c *Cookie) hash(local, peer netip.Addr, port uint16) uint64 {
	var b [34]byte
	n := 0
	if local.Is4() {
		l, p := local.As4(), peer.As4()
		copy(b[:], l[:])
		copy(b[4:], p[:])
		n = 8
	} else {
		l, p := local.As16(), peer.As16()
		copy(b[:], l[:])
		copy(b[16:], p[:])
		n = 32
	}
	binary.BigEndian.PutUint16(b[n:], port)
	return siphash(c.key, b[:n+2])
}

// siphash is SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012).
func siphash(key [2]uint64, b []byte) uint64 {
	v0, v1 := key[0]^0x736f6d6570736575, key[1]^0x646f72616e646f6d
	v2, v3 := key[0]^0x6c7967656e657261, key[1]^0x7465646279746573
	round := func() {
		v0 += v1
		v2 += v3
		v1, v3 = bits.RotateLeft64(v1, 13)^v0, bits.RotateLeft64(v3, 16)^v2
		v0 = bits.RotateLeft64(v0, 32) + v3
		v2 += v1
		v1, v3 = bits.RotateLeft64(v1, 17)^v2, bits.RotateLeft64(v3, 21)^v0
		v2 = bits.RotateLeft64(v2, 32)
	}
	last := uint64(len(b)) << 56
	for ; len(b) >= 8; b = b[8:] {
		m := binary.LittleEndian.Uint64(b)
		v3 ^= m
		round()
		round()
		v0 ^= m
	}
	for i, x := range b {
		last |= uint64(x) << (8 * i)
	}
	v3 ^= last
	round()
	round()
	v0 ^= last
	v2 ^= 0xff
	for range 4 {
		round()
	}
	return v0 ^ v1 ^ v2 ^ v3
}
