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

func BenchmarkSYNSilent(b *testing.B) {
	inNetwork(b, func() {
		s := newSYN(b, benchNet{}, nil, Options{ConnectTimeout: time.Second}, SYNOptions{Ports: []uint16{80, 81, 82, 83, 84}, Retries: -1})
		start := time.Now()
		require.NoError(b, s.Discover(b.Context(), &span{first: 0xc6120000, n: b.N % 256}, func(Answer) {}))
		b.ReportMetric(float64(s.Signals().Sent)/time.Since(start).Seconds(), "SYN/s")
	})
}
