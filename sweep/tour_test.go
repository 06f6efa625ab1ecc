package sweep

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/checks/probe"
	"github.com/netschouw/netschouw/checks/probe/dial"
)

func TestATourVisitsEveryHostOnce(t *testing.T) {
	f := newFleet(t, linger)
	closed := closedPort(t)
	cfg := onLoopback(t, 300, nil, f.port, closed)
	var b book
	s := run(t, cfg, &b)

	require.Len(t, b.findings, 300)
	for i := range uint64(300) {
		a := block(300).At(i)
		got := b.only(t, a)
		require.Equal(t, checks.HostSchema, got.Schema)
		require.Equal(t, s.Run, got.Run)
		require.Equal(t, map[string]int{"open": 1, "refused": 1}, got.Ports)
		require.Len(t, got.Services, 1)
		require.Equal(t, f.port, got.Services[0].Port)
	}
	require.Equal(t, uint64(300), s.Hosts[Assessed])
	require.Equal(t, uint64(300), s.Verdicts[checks.Clear])
	require.Equal(t, map[uint16]map[string]uint64{f.port: {"open": 300}, closed: {"refused": 300}}, s.Ports)
	require.Equal(t, uint64(600), s.Attempts)
	require.Equal(t, uint64(300), s.Cursor)
	require.False(t, s.Interrupted)
	p := cfg.Prober.(*prober)
	require.Equal(t, int64(300), p.handed.Load(), "an open port costs one connection in all")
	require.Zero(t, p.dialled.Load())
	require.Empty(t, cfg.Pacer.spent, "hosts that are done are forgotten")
	st, err := LoadState(cfg.State)
	require.NoError(t, err)
	require.True(t, st.Complete())
}

func TestWhatWasNotReachedIsNeverClear(t *testing.T) {
	outcomes := map[HostState][]dial.Outcome{
		Assessed:    {dial.TimedOut, dial.Refused},
		Silent:      {dial.TimedOut, dial.TimedOut},
		Unreachable: {dial.Unreachable, dial.TimedOut},
		LocalErrors: {dial.TimedOut, dial.LocalError},
		OutOfScope:  {dial.OutOfScope, dial.OutOfScope},
		OverBudget:  {dial.OverBudget, dial.TimedOut},
	}
	o := oracle{ports: []uint16{25, 80}, answers: map[netip.Addr][]dial.Outcome{}}
	var reached netip.Addr
	for state, list := range outcomes {
		a := block(0).At(uint64(len(o.answers)))
		o.answers[a] = list
		if state == Assessed {
			reached = a
		}
	}
	cfg := onLoopback(t, len(outcomes), nil, 1)
	cfg.Discoverer = o
	var b book
	s := run(t, cfg, &b)
	require.Len(t, b.findings, 1)
	require.Empty(t, b.only(t, reached).Services)
	for state := range outcomes {
		require.Equal(t, uint64(1), s.Hosts[state], state)
	}
	require.Equal(t, map[checks.Verdict]uint64{checks.Clear: 1}, s.Verdicts)
}

func TestAnAddressOutOfScopeIsNeverContacted(t *testing.T) {
	f := newFleet(t, linger)
	excluded := block(0).At(7)
	cfg := onLoopback(t, 16, gate{excluded: true}, f.port)
	var b book
	s := run(t, cfg, &b)
	require.Zero(t, f.contacted(excluded))
	require.NotContains(t, b.findings, excluded)
	require.Len(t, b.findings, 15)
	require.Equal(t, uint64(1), s.Hosts[OutOfScope])
	require.Equal(t, map[string]uint64{"open": 15, "out-of-scope": 1}, s.Ports[f.port])
}

func TestASinkThatFailsEndsTheRun(t *testing.T) {
	f := newFleet(t, linger)
	full := errors.New("disk is full")
	tour, err := New(onLoopback(t, 5000, nil, f.port))
	require.NoError(t, err)
	s, err := tour.Run(context.Background(), nil, &book{full: full})
	require.ErrorIs(t, err, full)
	require.True(t, s.Interrupted)
	require.Zero(t, s.Hosts[Assessed])
}

// A clean stop leaves an exact cursor: with the resumed run every host is visited once.
func TestStopAndResumeVisitEveryHostOnce(t *testing.T) {
	const n = 3000
	f := newFleet(t, hangUp)
	var b book
	cfg := onLoopback(t, n, nil, f.port, closedPort(t))
	var runID string
	for round := 0; ; round++ {
		require.Less(t, round, 20)
		tour, err := New(cfg)
		require.NoError(t, err)
		stop := make(chan struct{})
		already := len(b.findings)
		b.each = func(n int) {
			if n == already+500 {
				close(stop)
			}
		}
		s, err := tour.Run(context.Background(), stop, &b)
		require.NoError(t, err)
		require.Zero(t, s.Hosts[Interrupted])
		require.EqualValues(t, len(b.findings), s.Cursor, "every host before the cursor, and none after it")
		st, err := LoadState(cfg.State)
		require.NoError(t, err)
		require.Equal(t, s.Cursor, st.Cursor)
		if round == 0 {
			require.True(t, s.Interrupted)
			runID = s.Run
		}
		require.Equal(t, runID, s.Run)
		if !s.Interrupted {
			require.True(t, st.Complete())
			require.Positive(t, round)
			break
		}
		// A new process: nothing is taken over but the state.
		cfg2 := onLoopback(t, n, nil, cfg.Discoverer.Ports()...)
		cfg2.State, cfg2.Resume, cfg2.Seed = cfg.State, &st, 999
		cfg = cfg2
	}
	require.Len(t, b.findings, n)
	for a := range b.findings {
		b.only(t, a)
	}
}

// An abort loses what is in hand; the cursor is such that a resumed run misses nobody.
func TestAbortAndResumeMissNobody(t *testing.T) {
	const n = 3000
	f := newFleet(t, hangUp)
	ctx, abort := context.WithCancel(context.Background())
	defer abort()
	b := book{each: func(n int) {
		if n == 700 {
			abort()
		}
	}}
	cfg := onLoopback(t, n, nil, f.port)
	tour, err := New(cfg)
	require.NoError(t, err)
	s, err := tour.Run(ctx, nil, &b)
	require.NoError(t, err)
	require.True(t, s.Interrupted)
	order := NewOrder(n, s.Seed)
	for i := range s.Cursor {
		require.Contains(t, b.findings, block(n).At(order.At(i)))
	}
	st, err := LoadState(cfg.State)
	require.NoError(t, err)
	b.each = nil
	cfg2 := onLoopback(t, n, nil, f.port)
	cfg2.Resume = &st
	s = run(t, cfg2, &b)
	require.False(t, s.Interrupted)
	require.Len(t, b.findings, n)
}

func TestStopBeforeTheBeginning(t *testing.T) {
	stop := make(chan struct{})
	close(stop)
	tour, err := New(onLoopback(t, 10, nil, 1))
	require.NoError(t, err)
	var b book
	s, err := tour.Run(context.Background(), stop, &b)
	require.NoError(t, err)
	require.True(t, s.Interrupted)
	require.Zero(t, s.Cursor)
	require.Empty(t, b.findings)
}

func TestAnotherConfigurationIsNotResumed(t *testing.T) {
	cfg := onLoopback(t, 10, nil, 1)
	good := State{Schema: StateSchema, Run: "01ARZ3NDEKTSV4RRFFQ69G5FAV", Settings: cfg.Settings, Total: 10, Place: Place{Cursor: 3, Next: 3}}
	for want, spoil := range map[string]func(*State){
		"sweep.ports: 25 -> default":                        func(s *State) { s.Settings = Settings{{"sweep.ports", []string{"25"}}} },
		"it had 11 addresses and there are 10 now":          func(s *State) { s.Total = 11 },
		"place 12 lies beyond the 10 addresses":             func(s *State) { s.Place = Place{Cursor: 12, Next: 12} },
		"cursor 2 is not the first place that is left, 3":   func(s *State) { s.Cursor = 2 },
		"place 4-5 of those that are owed is out of order":  func(s *State) { s.Place = Place{Cursor: 3, Next: 9, Owed: []Span{{3, 4}, {4, 5}}} },
		"place 3-10 of those that are owed is out of order": func(s *State) { s.Place = Place{Cursor: 3, Next: 9, Owed: []Span{{3, 10}}} },
	} {
		s := good
		spoil(&s)
		cfg.Resume = &s
		_, err := New(cfg)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "start a new run", want)
		require.Equal(t, strings.Contains(want, "->") || strings.Contains(want, "it had"), errors.Is(err, ErrConfigChanged), want)
	}
	cfg.Resume = &good
	_, err := New(cfg)
	require.NoError(t, err)
}

func TestStateFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.state")
	_, err := LoadState(path)
	require.ErrorIs(t, err, fs.ErrNotExist)
	want := State{Schema: StateSchema, Run: "01ARZ3NDEKTSV4RRFFQ69G5FAV", Seed: 1<<64 - 1, Total: 1 << 40, Sink: 9,
		Place: Place{Cursor: 7, Next: 30, Owed: []Span{{7, 9}, {12, 13}}}, Settings: Settings{{"scope.owned", []string{"a", "b"}}},
		Counts: Counts{Hosts: map[HostState]uint64{Silent: 4}, Ports: map[uint16]map[string]uint64{25: {"open": 3}}}}
	require.NoError(t, State{Schema: StateSchema}.Save(path))
	require.NoError(t, want.Save(path))
	got, err := LoadState(path)
	require.NoError(t, err)
	require.Equal(t, want, got)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, left, 1, "no temporary file stays behind")

	require.NoError(t, os.WriteFile(path, []byte(`{"schema":"netschouw.st`), 0o600))
	_, err = LoadState(path)
	require.ErrorContains(t, err, "damaged")
	require.NoError(t, os.WriteFile(path, []byte(`{"schema":"netschouw.state/v9"}`), 0o600))
	_, err = LoadState(path)
	require.ErrorContains(t, err, "netschouw.state/v9")
	require.Error(t, want.Save(filepath.Join(path, "not-a-directory")))
}

func TestMemoryStaysFlat(t *testing.T) {
	const n = 100_000
	cfg := onLoopback(t, n, nil, closedPort(t))
	var before, now runtime.MemStats
	var peak uint64
	runtime.GC()
	runtime.ReadMemStats(&before)
	visited := 0
	s := run(t, cfg, sinkFunc(func(checks.Finding) error {
		if visited++; visited%10_000 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&now)
			peak = max(peak, now.HeapAlloc)
		}
		return nil
	}))
	require.Equal(t, uint64(n), s.Hosts[Assessed])
	require.Less(t, peak, before.HeapAlloc+24<<20, "100,000 addresses")
}

type sinkFunc func(checks.Finding) error

func (f sinkFunc) Host(finding checks.Finding) error { return f(finding) }

func TestDiscoverySlowsWhenConversationsLag(t *testing.T) {
	f := newFleet(t, linger)
	cfg := onLoopback(t, 2000, nil, f.port)
	var most atomic.Int64
	engine := cfg.Discoverer.(*dial.Engine)
	cfg.Conversations, cfg.Waiting = 4, 16
	cfg.Prober = &prober{ask: func(_ context.Context, a netip.AddrPort) probe.Service {
		most.Store(max(most.Load(), int64(engine.Load().Waiting)))
		time.Sleep(200 * time.Microsecond)
		return page(a.Port(), "")
	}}
	s := run(t, cfg, &book{})
	require.Equal(t, uint64(2000), s.Hosts[Assessed])
	// A burst of attempts may be under way when the sixteenth connection begins to wait.
	require.LessOrEqual(t, most.Load(), int64(16+64+4))
	require.LessOrEqual(t, cfg.Prober.(*prober).top.Load(), int64(4))
}

func TestProgress(t *testing.T) {
	f := newFleet(t, hangUp)
	cfg := onLoopback(t, 50, nil, f.port)
	cfg.ReportEvery = time.Millisecond
	var seen []Progress
	cfg.Report = func(p Progress) { seen = append(seen, p) }
	run(t, cfg, &book{})
	last := seen[len(seen)-1]
	require.Equal(t, uint64(50), last.Done)
	require.Equal(t, uint64(50), last.Total)
	require.Equal(t, uint64(50), last.Reached)
	require.Equal(t, uint64(50), last.Attempts)
	require.Zero(t, last.ETA)
	require.Equal(t, uint64(50), last.Verdicts[checks.Clear])
}
