package ledger

import (
	"context"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/stretchr/testify/require"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/checks/probe"
	"github.com/netschouw/netschouw/netinfo"
	"github.com/netschouw/netschouw/sweep"
)

// TestMain is also the main of the processes that tests start to kill or to starve.
func TestMain(m *testing.M) {
	if role := os.Getenv("LEDGER_TEST_ROLE"); role != "" {
		os.Exit(actAs(role))
	}
	os.Exit(m.Run())
}

// clock is a time that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)} }

func (c *clock) time() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

const day = 24 * time.Hour

// desk is a ledger with a clock.
type desk struct {
	*Ledger
	t       testing.TB
	clock   *clock
	packs   []string
	entropy io.Reader
}

func newDesk(t testing.TB) *desk {
	c := newClock()
	l, err := Open(context.Background(), filepath.Join(t.TempDir(), "ledger.db"), Options{Clock: c.time, Wait: 5 * time.Second})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return &desk{l, t, c, []string{"meliorator@1"}, ulid.Monotonic(rand.NewChaCha8([32]byte{1}), 0)}
}

// newRun is a run that begins now.
func (d *desk) newRun() Run {
	id, err := ulid.New(ulid.Timestamp(d.clock.time()), d.entropy)
	require.NoError(d.t, err)
	return Run{ID: id.String(), Started: d.clock.time(), ConfigHash: "c0ffee", Packs: d.packs, Prior: 1e-4, Seed: 1<<64 - 1,
		Ranges: []string{"198.51.100.0/24"}, Ports: "25,80", Version: "test"}
}

func (d *desk) begin(run Run) *RunWriter {
	d.t.Helper()
	w, err := d.Begin(context.Background(), run)
	require.NoError(d.t, err)
	d.t.Cleanup(func() { _ = w.Close() })
	return w
}

// sweep is a whole run that assesses these hosts, a day later than the one before.
func (d *desk) sweep(hosts ...checks.Finding) string {
	d.t.Helper()
	d.clock.add(day)
	w := d.begin(d.newRun())
	for _, h := range hosts {
		h.ObservedAt = d.clock.time()
		require.NoError(d.t, w.Host(h))
	}
	require.NoError(d.t, w.Finish(summary(w.run, len(hosts))))
	return w.run.ID
}

func summary(run Run, assessed int) sweep.Summary {
	sum := sweep.Summary{Run: run.ID, Started: run.Started, Ended: run.Started.Add(time.Hour), Seed: run.Seed, Total: 1 << 16, Cursor: 1 << 16}
	sum.Hosts = map[sweep.HostState]uint64{sweep.Assessed: uint64(assessed), sweep.Silent: 1<<16 - uint64(assessed)}
	sum.Verdicts = map[checks.Verdict]uint64{checks.Clear: uint64(assessed)}
	sum.Ports = map[uint16]map[string]uint64{25: {"open": 3, "refused": 4}, 80: {"open": 5}}
	return sum
}

// all are all findings by address.
func (d *desk) all() map[string]Finding {
	d.t.Helper()
	found, err := d.Findings(context.Background(), Filter{All: true}, ByAddress)
	require.NoError(d.t, err)
	m := map[string]Finding{}
	for _, f := range found {
		m[f.Address.String()] = f
	}
	return m
}

// at is the finding of an address, with its history.
func (d *desk) at(address string) History {
	d.t.Helper()
	h, err := d.Find(context.Background(), address)
	require.NoError(d.t, err)
	return h
}

// whats are what happened to a finding.
func whats(h History) (list []State) {
	for _, e := range h.Entries {
		list = append(list, e.What)
	}
	return list
}

// host is a host on which rules fired: suspect from one on, match from three.
func host(address, customer string, rules ...string) checks.Finding {
	f := checks.Finding{Schema: checks.HostSchema, Host: checks.Host{Address: netip.MustParseAddr(address),
		Services: []probe.Service{
			{Port: 25, Transport: "tcp", Protocol: "smtp", Status: probe.StatusOK, Connections: 1, Details: &probe.SMTP{Greeting: "mx1.example.test ESMTP", Host: "mx1.example.test"}},
			{Port: 27017, Transport: "tcp", Protocol: "mongodb", Status: probe.StatusOK, Connections: 1, Details: &probe.MongoDB{Version: "7.0.5", MaxWireVersion: 21}},
		}},
		Assessment: checks.Assessment{Verdict: checks.Clear, Score: 1e-4, Prior: 1e-4, Packs: []string{"meliorator@1"}, Reason: "Something was seen."}}
	asn := uint32(64500)
	f.Network.ASN = &asn
	if customer != "" {
		f.Owner = &netinfo.Owner{Customer: customer, Name: "Name of " + customer, Abuse: "abuse@" + customer + ".example.org",
			Range: netip.PrefixFrom(f.Address, f.Address.BitLen())}
	}
	for _, r := range rules {
		f.Traits = append(f.Traits, checks.Trait{Rule: "meliorator/" + r, Group: "mail", Weight: 2.5, Counted: true, Title: "Something that the rule " + r + " knows",
			Evidence: []checks.Evidence{{Port: 25, Field: "greeting", Value: "mx1.example.test ESMTP"}}, Sources: []string{"csa-2024-07-09"}, Basis: checks.Fact,
			Benign: "Most small companies that run their own mail look like this."})
	}
	switch {
	case len(rules) >= 3:
		f.Verdict, f.Score = checks.Match, 0.995
	case len(rules) >= 1:
		f.Verdict, f.Score = checks.Suspect, 0.1*float64(len(rules))
	}
	return f
}

// address is the i-th of the benchmark network.
func address(i int) string {
	return netip.AddrFrom4([4]byte{198, 18, byte(i >> 8), byte(i)}).String()
}
