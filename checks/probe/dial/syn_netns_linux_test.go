package dial

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func newSYN(t testing.TB, gate Gate, pacer Pacer, opts Options, so SYNOptions) *SYN {
	t.Helper()
	s, err := New(gate, pacer, opts).NewSYN(so)
	require.NoError(t, err)
	return s
}

func TestSYNTellsWaysToAnswerApart(t *testing.T) {
	t.Parallel()
	var open uint16
	inNetworks(t, func() { open = everywhere(t, 1)[0] }, func() {
		s := newSYN(t, benchNet{}, nil, Options{ConnectTimeout: 300 * time.Millisecond}, SYNOptions{Ports: []uint16{open, 1}})
		got := map[netip.Addr]Answer{}
		require.NoError(t, s.Discover(t.Context(), addrs("198.19.7.7", "198.18.0.1", "198.18.1.1", "198.18.2.1", "198.18.3.1", "198.18.4.1"), collect(t, got)))
		for addr, want := range map[string][]Outcome{
			"198.19.7.7": {Open, Refused}, "198.18.0.1": {TimedOut, TimedOut}, "198.18.1.1": {Unreachable, Unreachable},
			"198.18.2.1": {Unreachable, Unreachable}, "198.18.3.1": {Unreachable, Unreachable}, "198.18.4.1": {LocalError, LocalError},
		} {
			require.Equal(t, want, got[netip.MustParseAddr(addr)].Outcomes, addr)
		}
		t.Logf("%+v", s.Signals())
	})
}

// BenchmarkSYN measures SYNs to addresses that do not answer, over a link: what the engine and the kernel's half of the work
// cost together. The pace and a real gate come on top.
func BenchmarkSYN(b *testing.B) {
	inNetwork(b, func() {
		ports := make([]uint16, 4096)
		for i := range ports {
			ports[i] = uint16(i + 1)
		}
		s := newSYN(b, benchNet{}, nil, Options{ConnectTimeout: 50 * time.Millisecond}, SYNOptions{Ports: ports, Retries: -1})
		start := time.Now()
		require.NoError(b, s.Discover(b.Context(), &silence{n: b.N/len(ports) + 1}, func(Answer) {}))
		b.ReportMetric(float64(s.Signals().Sent)/time.Since(start).Seconds(), "SYN/s")
	})
}
