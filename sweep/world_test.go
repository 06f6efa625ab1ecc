package sweep

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/checks/probe"
	"github.com/netschouw/netschouw/checks/probe/dial"
	"github.com/netschouw/netschouw/netinfo"
)

// block is a set of targets: n addresses from 127.1.0.0 on.
type block uint64

func (b block) Count() uint64          { return uint64(b) }
func (b block) At(i uint64) netip.Addr { return ip4(0x7f010000 + uint32(i)) }

// gate permits loopback but for the addresses it holds.
type gate map[netip.Addr]bool

func (g gate) Check(a netip.Addr) error {
	if !a.IsLoopback() || g[a] {
		return errors.New("not ours")
	}
	return nil
}

// fleet listens on a port of all loopback addresses, and counts who was contacted.
type fleet struct {
	port uint16
	mu   sync.Mutex
	hits map[netip.Addr]int
}

func newFleet(t testing.TB, handle func(net.Conn)) *fleet {
	t.Helper()
	ln, err := net.Listen("tcp4", "0.0.0.0:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = ln.Close() })
	f := &fleet{port: uint16(ln.Addr().(*net.TCPAddr).Port), hits: map[netip.Addr]int{}}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			f.mu.Lock()
			f.hits[c.LocalAddr().(*net.TCPAddr).AddrPort().Addr().Unmap()]++
			f.mu.Unlock()
			go func() { defer c.Close(); handle(c) }()
		}
	}()
	return f
}

func (f *fleet) contacted(a netip.Addr) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hits[a]
}

func linger(c net.Conn) { _, _ = c.Read(make([]byte, 1)) }

func hangUp(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }

func closedPort(t testing.TB) uint16 {
	t.Helper()
	ln, err := net.Listen("tcp4", "0.0.0.0:0")
	require.NoError(t, err)
	defer ln.Close()
	return uint16(ln.Addr().(*net.TCPAddr).Port)
}

// prober is a Prober that finds a page behind every door, unless ask says otherwise.
type prober struct {
	ask      func(ctx context.Context, addr netip.AddrPort) probe.Service
	handed   atomic.Int64 // conversations on discovery's connection
	dialled  atomic.Int64 // others
	now, top atomic.Int64 // conversations at once
}

func (p *prober) Identify(ctx context.Context, conn *dial.Conn) probe.Service {
	defer conn.Close()
	p.handed.Add(1)
	return p.converse(ctx, conn.Peer())
}

func (p *prober) IdentifyAt(ctx context.Context, addr netip.AddrPort) probe.Service {
	p.dialled.Add(1)
	return p.converse(ctx, addr)
}

func (p *prober) converse(ctx context.Context, addr netip.AddrPort) probe.Service {
	now := p.now.Add(1)
	defer p.now.Add(-1)
	for top := p.top.Load(); now > top && !p.top.CompareAndSwap(top, now); top = p.top.Load() {
	}
	if p.ask != nil {
		return p.ask(ctx, addr)
	}
	return page(addr.Port(), "page")
}

func page(port uint16, banner string) probe.Service {
	h, _ := probe.ByName("http")
	return probe.Service{Port: port, Transport: "tcp", Protocol: "http", Status: probe.StatusOK, Banner: banner, Details: h.New(), Connections: 1}
}

// judge is a Judge made of a function.
type judge func(*checks.Host) checks.Assessment

func (j judge) Assess(h *checks.Host) checks.Assessment { return j(h) }

func innocent(*checks.Host) checks.Assessment { return checks.Assessment{Verdict: checks.Clear} }

// know is a Know made of a function.
type know func(context.Context, netip.Addr) (netinfo.Network, *netinfo.Owner)

func (k know) Look(ctx context.Context, a netip.Addr) (netinfo.Network, *netinfo.Owner) {
	return k(ctx, a)
}

// book is a Sink that keeps what it was given; full makes it fail.
type book struct {
	mu       sync.Mutex
	findings map[netip.Addr][]checks.Finding
	full     error
	each     func(n int)
}

func (b *book) Host(f checks.Finding) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.full != nil {
		return b.full
	}
	if b.findings == nil {
		b.findings = map[netip.Addr][]checks.Finding{}
	}
	b.findings[f.Address] = append(b.findings[f.Address], f)
	if b.each != nil {
		b.each(len(b.findings))
	}
	return nil
}

// only is the one finding of an address.
func (b *book) only(t testing.TB, a netip.Addr) checks.Finding {
	t.Helper()
	require.Len(t, b.findings[a], 1, a)
	return b.findings[a][0]
}

// onLoopback is a configuration of n loopback addresses and real discovery.
func onLoopback(t testing.TB, n int, g gate, ports ...uint16) Config {
	t.Helper()
	pacer := NewPacer(Pace{})
	dialer := dial.New(g, pacer, dial.Options{ConnectTimeout: 2 * time.Second})
	engine, err := dialer.NewEngine(dial.EngineOptions{Ports: ports, Outstanding: 512})
	require.NoError(t, err)
	return Config{Targets: block(n), Seed: 11, Discoverer: engine, Dialer: dialer, Pacer: pacer, Prober: &prober{},
		Judge: judge(innocent), State: filepath.Join(t.TempDir(), "state.json"), Settings: Settings{{"sweep.ports", []string{"default"}}}, Version: "test"}
}

func run(t testing.TB, cfg Config, sink Sink) Summary {
	t.Helper()
	tour, err := New(cfg)
	require.NoError(t, err)
	s, err := tour.Run(context.Background(), nil, sink)
	require.NoError(t, err)
	return s
}

// oracle is a Discoverer that knows the answers.
type oracle struct {
	ports   []uint16
	answers map[netip.Addr][]dial.Outcome
}

func (o oracle) Ports() []uint16 { return o.ports }
func (o oracle) Load() dial.Load { return dial.Load{} }

func (o oracle) Discover(ctx context.Context, feed dial.Feed, found func(dial.Answer)) error {
	for ctx.Err() == nil {
		switch t, turn := feed.Target(); turn {
		case dial.Next:
			found(dial.Answer{Target: t, Outcomes: o.answers[t.Addr]})
		case dial.Hold:
			time.Sleep(time.Millisecond)
		default:
			return nil
		}
	}
	return ctx.Err()
}
