package raw

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

// The vectors of the paper's appendix A and of the reference implementation: key 00 ... 0f, message 00 01 02 ...
func TestSipHashIsTheReference(t *testing.T) {
	key := [2]uint64{0x0706050403020100, 0x0f0e0d0c0b0a0908}
	message := make([]byte, 64)
	for i := range message {
		message[i] = byte(i)
	}
	for n, want := range map[int]uint64{0: 0x726fdb47dd0e0e31, 1: 0x74f839c593dc67fd, 8: 0x93f5f5799a932462, 15: 0xa129ca6149be45e5} {
		require.Equal(t, want, siphash(key, message[:n]), n)
	}
}

func ports(first, n int) (list []uint16) {
	for i := range n {
		list = append(list, uint16(first+i))
	}
	return list
}

func someAddr(random *rand.Rand, six bool) netip.Addr {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], random.Uint64())
	binary.BigEndian.PutUint64(b[8:], random.Uint64())
	if six {
		return netip.AddrFrom16(b)
	}
	return netip.AddrFrom4([4]byte(b[:]))
}

// Every probe of ours is known again, in its round; and what differs from it in any one bit is not ours.
func TestTheCookieKnowsItsProbesAndNoOthers(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{1, 3, 64} {
		c := NewCookie(NewKey(), ports(61000, n))
		rounds := min(3, n)
		for i := range 2000 {
			six := i%2 == 1
			l, p, port := someAddr(random, six), someAddr(random, six), uint16(random.Uint32())
			used := map[uint16]bool{}
			for round := range rounds {
				sport, seq := c.Probe(l, p, port, round)
				require.True(t, c.Mine(sport))
				require.False(t, used[sport], "each round has a source port of its own")
				used[sport] = true
				a := Answer{Kind: SYNACK, Local: l, Peer: p, LocalPort: sport, PeerPort: port, Seq: seq}
				got, ok := c.Round(&a, rounds)
				require.True(t, ok)
				require.Equal(t, round, got)
				for name, forge := range map[string]func(*Answer){
					"sequence number": func(a *Answer) { a.Seq ^= 1 << random.IntN(32) },
					"port":            func(a *Answer) { a.PeerPort ^= 1 << random.IntN(16) },
					"peer":            func(a *Answer) { a.Peer = someAddr(random, six) },
					"local address":   func(a *Answer) { a.Local = someAddr(random, six) },
					"source port":     func(a *Answer) { a.LocalPort ^= 1 << random.IntN(16) },
				} {
					f := a
					forge(&f)
					_, ok := c.Round(&f, rounds)
					require.False(t, ok, "%s of %+v changed to %+v", name, a, f)
				}
				other := NewCookie(NewKey(), c.ports)
				_, ok = other.Round(&a, rounds)
				require.False(t, ok, "another run's key")
			}
		}
	}
}

// Guessing is hopeless: of many random answers to our ports, none is taken.
func TestGuessedAnswersAreNotOurs(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	c := NewCookie(NewKey(), ports(61000, 64))
	for range 1_000_000 {
		_, ok := c.Round(&Answer{Local: local4, Peer: peer4, LocalPort: 61000 + uint16(random.IntN(64)), PeerPort: uint16(random.Uint32()), Seq: random.Uint32()}, 3)
		require.False(t, ok)
	}
}

// All source ports are used about evenly, so that one that somebody filters costs little.
func TestSourcePortsAreUsedEvenly(t *testing.T) {
	c := NewCookie(NewKey(), ports(61000, 64))
	used := map[uint16]int{}
	for i := range 64_000 {
		sport, _ := c.Probe(local4, peer4, uint16(i), 0)
		used[sport]++
	}
	for port, n := range used {
		require.InDelta(t, 1000, n, 200, port)
	}
	require.Len(t, used, 64)
}
