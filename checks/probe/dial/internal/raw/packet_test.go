package raw

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	local4 = netip.MustParseAddr("192.0.2.2")
	peer4  = netip.MustParseAddr("198.18.0.7")
	local6 = netip.MustParseAddr("2001:db8::2")
	peer6  = netip.MustParseAddr("2001:db8:1::7")
)

// ones is the Internet checksum of some bytes as RFC 1071 defines it, in the plainest way.
func ones(b ...byte) uint16 {
	var s uint64
	for i, x := range b {
		if i%2 == 0 {
			s += uint64(x) << 8
		} else {
			s += uint64(x)
		}
	}
	for s > 0xffff {
		s = s&0xffff + s>>16
	}
	return uint16(s)
}

func pseudo(src, dst netip.Addr, proto byte, length int) []byte {
	b := append(src.AsSlice(), dst.AsSlice()...)
	return append(b, 0, proto, byte(length>>8), byte(length))
}

// A packet with its checksum in place adds up to all ones.
func TestSYNsHaveTheChecksumsOfAnIndependentComputation(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	addr := func(six bool) netip.Addr {
		var b [16]byte
		binary.BigEndian.PutUint64(b[:], random.Uint64())
		binary.BigEndian.PutUint64(b[8:], random.Uint64())
		if random.IntN(4) == 0 { // sums that overflow
			for i := range b {
				b[i] = 0xff
			}
		}
		if six {
			return netip.AddrFrom16(b)
		}
		return netip.AddrFrom4([4]byte(b[:]))
	}
	var buf [SYNLen6]byte
	for i := range 20_000 {
		six := i%2 == 1
		src, dst := addr(six), addr(six)
		sport, dport, seq := uint16(random.Uint32()), uint16(random.Uint32()), random.Uint32()
		for j := range buf {
			buf[j] = byte(random.Uint32()) // what was there before must not matter
		}
		p := buf[:NewTemplate(src).Put(buf[:], dst, sport, dport, seq)]
		head := 40
		if !six {
			head = 20
			require.Equal(t, SYNLen4, len(p))
			require.Equal(t, uint16(0xffff), ones(p[:20]...), "IPv4 header")
			require.EqualValues(t, len(p), binary.BigEndian.Uint16(p[2:]))
			require.Equal(t, src, netip.AddrFrom4([4]byte(p[12:16])))
			require.Equal(t, dst, netip.AddrFrom4([4]byte(p[16:20])))
		} else {
			require.Equal(t, SYNLen6, len(p))
			require.EqualValues(t, len(p)-40, binary.BigEndian.Uint16(p[4:]))
			require.Equal(t, src, netip.AddrFrom16([16]byte(p[8:24])))
			require.Equal(t, dst, netip.AddrFrom16([16]byte(p[24:40])))
		}
		require.Equal(t, uint16(0xffff), ones(append(pseudo(src, dst, protoTCP, len(p)-head), p[head:]...)...), "TCP")
		tcp := p[head:]
		require.Equal(t, sport, binary.BigEndian.Uint16(tcp))
		require.Equal(t, dport, binary.BigEndian.Uint16(tcp[2:]))
		require.Equal(t, seq, binary.BigEndian.Uint32(tcp[4:]))
		require.Equal(t, byte(flagSYN), tcp[13])
	}
}

func TestBuildingAPacketAllocatesNothing(t *testing.T) {
	t4, t6 := NewTemplate(local4), NewTemplate(local6)
	var b [SYNLen6]byte
	c := NewCookie(NewKey(), []uint16{61000, 61001, 61002})
	require.Zero(t, testing.AllocsPerRun(100, func() {
		sport, seq := c.Probe(local4, peer4, 80, 1)
		t4.Put(b[:], peer4, sport, 80, seq)
		sport, seq = c.Probe(local6, peer6, 80, 1)
		t6.Put(b[:], peer6, sport, 80, seq)
	}))
}

// reply is a TCP segment from peer that acknowledges seq.
func reply(src, dst netip.Addr, sport, dport uint16, seq uint32, flags byte) []byte {
	b := make([]byte, SYNLen6)
	b = b[:NewTemplate(src).Put(b, dst, sport, dport, 0xdeadbeef)]
	tcp := b[len(b)-24:]
	binary.BigEndian.PutUint32(tcp[8:], seq+1)
	tcp[13] = flags
	return b
}

// icmpError is an ICMP error from a router that quotes so much of a packet.
func icmpError(router, to netip.Addr, kind, code byte, quoted []byte) []byte {
	body := append([]byte{kind, code, 0, 0, 0, 0, 0, 0}, quoted...)
	if router.Is4() {
		h := make([]byte, 20)
		h[0], h[8], h[9] = 0x45, 64, protoICMP
		binary.BigEndian.PutUint16(h[2:], uint16(20+len(body)))
		copy(h[12:], router.AsSlice())
		copy(h[16:], to.AsSlice())
		return append(h, body...)
	}
	h := make([]byte, 40)
	h[0], h[6], h[7] = 0x60, protoICMPv6, 64
	binary.BigEndian.PutUint16(h[4:], uint16(len(body)))
	copy(h[8:], router.AsSlice())
	copy(h[24:], to.AsSlice())
	return append(h, body...)
}

func probe(src, dst netip.Addr, sport, dport uint16, seq uint32) []byte {
	b := make([]byte, SYNLen6)
	return b[:NewTemplate(src).Put(b, dst, sport, dport, seq)]
}

func TestParseReadsWhatAnswersASYN(t *testing.T) {
	router4, router6 := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	for _, ends := range [][3]netip.Addr{{local4, peer4, router4}, {local6, peer6, router6}} {
		l, p, router := ends[0], ends[1], ends[2]
		unreachable := byte(icmpUnreachable)
		if !l.Is4() {
			unreachable = icmp6Unreachable
		}
		want := Answer{Local: l, Peer: p, LocalPort: 61000, PeerPort: 443, Seq: 0xffffffff}
		for name, tc := range map[string]struct {
			packet []byte
			kind   Kind
		}{
			"SYN-ACK":                      {reply(p, l, 443, 61000, 0xffffffff, flagSYN|flagACK), SYNACK},
			"SYN-ACK with ECN":             {reply(p, l, 443, 61000, 0xffffffff, flagSYN|flagACK|0x40), SYNACK},
			"RST":                          {reply(p, l, 443, 61000, 0xffffffff, flagRST|flagACK), RST},
			"ICMP":                         {icmpError(router, l, unreachable, 1, probe(l, p, 61000, 443, 0xffffffff)), ICMP},
			"ICMP that quotes eight bytes": {icmpError(router, l, unreachable, 1, probe(l, p, 61000, 443, 0xffffffff)[:len(probe(l, p, 1, 1, 1))-16]), ICMP},
		} {
			a, ok := Parse(tc.packet)
			require.True(t, ok, name)
			w := want
			if w.Kind = tc.kind; w.Kind == ICMP {
				w.From, w.Type, w.Code = router, unreachable, 1
			}
			require.Equal(t, w, a, name)
		}
		for name, packet := range map[string][]byte{
			"SYN":                           probe(p, l, 443, 61000, 1),
			"RST that acknowledges nothing": reply(p, l, 443, 61000, 1, flagRST),
			"FIN":                           reply(p, l, 443, 61000, 1, flagSYN|flagACK|flagFIN),
			"echo reply":                    icmpError(router, l, 0, 0, probe(l, p, 61000, 443, 1)),
			"quotes another's packet":       icmpError(router, l, unreachable, 1, probe(p, l, 61000, 443, 1)),
			"quotes too little":             icmpError(router, l, unreachable, 1, probe(l, p, 61000, 443, 1)[:21]),
			"nothing":                       nil,
		} {
			_, ok := Parse(packet)
			require.False(t, ok, name)
		}
	}
	fragment := reply(peer4, local4, 443, 61000, 1, flagSYN|flagACK)
	fragment[7] = 1
	_, ok := Parse(fragment)
	require.False(t, ok, "a later fragment")
}

func FuzzParse(f *testing.F) {
	for _, six := range []bool{false, true} {
		l, p := local4, peer4
		if six {
			l, p = local6, peer6
		}
		f.Add(reply(p, l, 443, 61000, 7, flagSYN|flagACK))
		f.Add(reply(p, l, 443, 61000, 7, flagRST|flagACK))
		f.Add(icmpError(p, l, icmpUnreachable, 13, probe(l, p, 61000, 443, 7)))
		f.Add(icmpError(p, l, icmp6Unreachable, 4, probe(l, p, 61000, 443, 7)))
	}
	f.Add([]byte{0x4f})
	f.Fuzz(func(t *testing.T, b []byte) {
		a, ok := Parse(b)
		if !ok {
			require.Equal(t, Answer{}, a, "nothing is told of a packet that is no answer")
			return
		}
		require.Contains(t, []Kind{SYNACK, RST, ICMP}, a.Kind)
		require.True(t, a.Local.IsValid() && a.Peer.IsValid())
		require.Equal(t, a.Local.Is4(), a.Peer.Is4())
		require.Equal(t, a.Kind == ICMP, a.From.IsValid())
		// What is cut off beyond the part that is kept makes no difference.
		if len(b) > MaxAnswer {
			again, ok := Parse(b[:MaxAnswer])
			require.True(t, ok)
			require.Equal(t, a, again)
		}
	})
}

func BenchmarkProbe(b *testing.B) {
	c, t, buf := NewCookie(NewKey(), []uint16{61000, 61001, 61002}), NewTemplate(local4), make([]byte, SYNLen6)
	for i := range b.N {
		sport, seq := c.Probe(local4, peer4, uint16(i), 0)
		t.Put(buf, peer4, sport, uint16(i), seq)
	}
}
