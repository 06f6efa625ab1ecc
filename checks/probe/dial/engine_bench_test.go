package dial

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// anywhere permits 127.0.0.0/8.
type anywhere struct{}

func (anywhere) Check(a netip.Addr) error {
	if !a.IsLoopback() {
		return net.ErrClosed
	}
	return nil
}

// span is a feed of n addresses from first on.
type span struct {
	first uint32
	n, i  int
}

func (s *span) Target() (Target, Turn) {
	if s.i == s.n {
		return Target{}, End
	}
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], s.first+uint32(s.i))
	s.i++
	return Target{Addr: netip.AddrFrom4(b), Index: uint64(s.i - 1)}, Next
}

// everywhere plays a fleet: listeners that answer for all of 127.0.0.0/8 and hang up.
func everywhere(t testing.TB, n int) (ports []uint16) {
	t.Helper()
	for range n {
		ln, err := net.Listen("tcp4", "0.0.0.0:0")
		require.NoError(t, err)
		t.Cleanup(func() { _ = ln.Close() })
		go func() {
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				_ = c.(*net.TCPConn).SetLinger(0)
				_ = c.Close()
			}
		}()
		ports = append(ports, uint16(ln.Addr().(*net.TCPAddr).Port))
	}
	return ports
}

// closed finds a port that nobody listens on.
func closed(t testing.TB) uint16 {
	t.Helper()
	ln, err := net.Listen("tcp4", "0.0.0.0:0")
	require.NoError(t, err)
	defer ln.Close()
	return uint16(ln.Addr().(*net.TCPAddr).Port)
}

// BenchmarkAnswered measures attempts on addresses that answer, the fleet being part of this process.
func BenchmarkAnswered(b *testing.B) {
	take := func(o *Opened) {
		if c, err := o.Conn(context.Background()); err == nil {
			_ = c.Close()
		}
	}
	run := func(b *testing.B, ports []uint16, portably bool, use func(*Opened)) {
		e, err := New(anywhere{}, nil, Options{}).NewEngine(EngineOptions{Ports: ports})
		require.NoError(b, err)
		found := func(a Answer) {
			for _, o := range a.Open {
				use(o)
			}
		}
		discover := e.Discover
		if portably {
			discover = e.discoverPortably
		}
		start := time.Now()
		require.NoError(b, discover(context.Background(), &span{first: 0x7f010000, n: b.N}, found))
		b.ReportMetric(float64(e.Load().Attempts)/time.Since(start).Seconds(), "attempts/s")
	}
	b.Run("refused", func(b *testing.B) { run(b, []uint16{closed(b)}, false, take) })
	b.Run("open/left", func(b *testing.B) { run(b, everywhere(b, 5), false, (*Opened).Close) })
	b.Run("open/taken", func(b *testing.B) { run(b, everywhere(b, 5), false, take) })
	b.Run("mixed", func(b *testing.B) {
		run(b, append(everywhere(b, 1), closed(b), closed(b), closed(b), closed(b)), false, take)
	})
	b.Run("portable/open", func(b *testing.B) { run(b, everywhere(b, 5), true, take) })
}
