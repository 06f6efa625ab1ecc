package raw

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/bpf"
)

func machines(t testing.TB) (four, six *bpf.VM) {
	t.Helper()
	four, err := bpf.NewVM(filter4(61000, 61063))
	require.NoError(t, err)
	six, err = bpf.NewVM(filter6(61000, 61063))
	require.NoError(t, err)
	return four, six
}

func passes(t testing.TB, vm *bpf.VM, packet []byte) bool {
	t.Helper()
	n, err := vm.Run(packet)
	require.NoError(t, err)
	return n > 0
}

func TestTheFilterPassesAnswersAndNothingElse(t *testing.T) {
	four, six := machines(t)
	for _, tc := range []struct {
		vm          *bpf.VM
		ends        [2]int
		unreachable byte
	}{{four, [2]int{4, 4}, icmpUnreachable}, {six, [2]int{6, 6}, icmp6Unreachable}} {
		l, p := local4, peer4
		if tc.vm == six {
			l, p = local6, peer6
		}
		for name, packet := range map[string][]byte{
			"SYN-ACK":   reply(p, l, 443, 61000, 1, flagSYN|flagACK),
			"last port": reply(p, l, 443, 61063, 1, flagSYN|flagACK),
			"RST":       reply(p, l, 443, 61000, 1, flagRST|flagACK),
			"ICMP":      icmpError(p, l, tc.unreachable, 13, probe(l, p, 61000, 443, 1)),
		} {
			require.True(t, passes(t, tc.vm, packet), name)
		}
		for name, packet := range map[string][]byte{
			"SYN":            probe(p, l, 443, 61000, 1),
			"ACK":            reply(p, l, 443, 61000, 1, flagACK),
			"port below":     reply(p, l, 443, 60999, 1, flagSYN|flagACK),
			"port above":     reply(p, l, 443, 61064, 1, flagSYN|flagACK),
			"echo request":   icmpError(p, l, 8, 0, nil),
			"packet too big": icmpError(p, l, 2, 0, probe(l, p, 61000, 443, 1)),
			"another header": append([]byte{p.AsSlice()[0]}, make([]byte, 60)...),
		} {
			require.False(t, passes(t, tc.vm, packet), name)
		}
	}
}

// What the parser takes for an answer to our ports, the filter lets through: a mistake in its jumps would lose answers.
func TestTheFilterLosesNothingThatTheParserTakes(t *testing.T) {
	four, six := machines(t)
	random := rand.New(rand.NewPCG(7, 8))
	taken := 0
	for range 200_000 {
		l, p, vm := local4, peer4, four
		if random.IntN(2) == 1 {
			l, p, vm = local6, peer6, six
		}
		packet := reply(p, l, uint16(random.Uint32()), 60990+uint16(random.IntN(90)), random.Uint32(), byte(random.Uint32()))
		if random.IntN(2) == 1 {
			packet = icmpError(p, l, byte(random.IntN(16)), byte(random.IntN(16)), probe(l, p, 61000+uint16(random.IntN(64)), 1, 1))
		}
		for range random.IntN(3) { // and a little damage
			packet[random.IntN(len(packet))] = byte(random.Uint32())
		}
		packet = packet[:len(packet)-random.IntN(8)]
		if a, ok := Parse(packet); ok && a.LocalPort >= 61000 && a.LocalPort <= 61063 && (packet[0]>>4 == 4) == (vm == four) {
			taken++
			require.True(t, passes(t, vm, packet), "%x", packet)
		}
	}
	require.Greater(t, taken, 10_000)
}
