package sweep

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/checks/probe"
	"github.com/netschouw/netschouw/checks/probe/dial"
	"github.com/netschouw/netschouw/netinfo"
)

// Discoverer finds the open ports of addresses. *dial.Engine does it with connections; what does it with raw packets
// yields answers without connections.
type Discoverer interface {
	// Ports are the ports tried on each address, in the order of dial.Answer.Outcomes.
	Ports() []uint16
	// Discover takes addresses from feed until its End and gives found one answer for each as soon as its last port is
	// decided; neither may be called by two goroutines at once, and neither blocks. Back-pressure is the feed's Hold.
	// When ctx ends, Discover returns at once and what is in hand is not answered.
	Discover(ctx context.Context, feed dial.Feed, found func(dial.Answer)) error
	// Load tells what is going on at this moment, for the progress.
	Load() dial.Load
}

// Dialer connects to single ports. *dial.Dialer is the real one.
type Dialer interface {
	Dial(ctx context.Context, addr netip.AddrPort) (*dial.Conn, error)
}

// Prober converses with open ports. *probe.Prober is the real one.
type Prober interface {
	// Identify uses, and closes, the connection that discovery opened.
	Identify(ctx context.Context, conn *dial.Conn) probe.Service
	// IdentifyAt dials itself.
	IdentifyAt(ctx context.Context, addr netip.AddrPort) probe.Service
}

// Know looks up what is known of an address without asking it. It bounds its own time, and returns early when ctx ends.
type Know interface {
	Look(ctx context.Context, addr netip.Addr) (netinfo.Network, *netinfo.Owner)
}

// Judge applies the rules to a host. It is called by many goroutines at once.
type Judge interface {
	Assess(host *checks.Host) checks.Assessment
}

// Sink takes the finding of every assessed host, clear ones included, one at a time and in no order. Its error ends the run.
type Sink interface {
	Host(checks.Finding) error
}

// Keeper is a Sink whose findings outlast the process. Before a state is saved that says that hosts are done, their
// findings are brought to the disk.
type Keeper interface {
	Sink
	// Mark tells how many bytes the findings so far take. It is never called at the same time as Host.
	Mark() (int64, error)
	// Sync makes at least what the last Mark told outlast a power cut.
	Sync() error
}

// Config is what a tour needs. Fields without a default are required.
type Config struct {
	// Run is the ULID of the run; default: a new one.
	Run     string
	Version string // of netschouw, for the state file
	// Settings are what a resumed run must have in common with the one before.
	Settings Settings

	Targets    Targets
	Seed       uint64
	Discoverer Discoverer
	Dialer     Dialer
	Pacer      *Pacer // the dialer's; nil: no pace and no budget
	Prober     Prober
	// Deeper gives curious hosts a second look; nil: none.
	Deeper Prober
	// AllPorts tries, on a suspect or a match, the ports that Discoverer did not; nil: nobody does. It must use the Pacer,
	// and be no other tour's.
	AllPorts Discoverer
	// PerSuspect is the budget of connections of a host whose ports are all tried, default 70000; SuspectRate the
	// attempts in any second on it, 0 for no bound of its own; SuspectTimeout the longest that trying them may last,
	// default 5m. What has not been tried by then is counted as over budget.
	PerSuspect     int
	SuspectRate    float64
	SuspectTimeout time.Duration
	// Suspects bounds the hosts whose ports are all being tried at once, default 64.
	Suspects int
	// Everyone means that AllPorts and the second look are for every host, silent ones included.
	Everyone bool
	// Canaries are addresses, with a port that must be open or port 0, that must be seen for the run to be believed:
	// at the start, every CanaryEvery (default 10s) and at the end. The gate must permit them.
	Canaries    []netip.AddrPort
	CanaryEvery time.Duration
	Know        Know // nil: nothing is looked up
	Judge       Judge

	// Conversations bounds the conversations that are held at once, default 512, and PerHost those with one host,
	// default 4.
	Conversations, PerHost int
	// HostTimeout bounds the conversations with one host and its look-ups together, default 60s.
	HostTimeout time.Duration
	// InHand bounds the addresses between the order and the sink, default 32768: as many as there can be attempts
	// outstanding. Their memory is some hundred bytes each.
	InHand int
	// Waiting bounds the open connections that wait for their conversation before discovery slows, default four
	// times Conversations.
	Waiting int

	// State is the path of the state file, written at the end and every SaveEvery (default 1s); "": none.
	State     string
	SaveEvery time.Duration
	// Resume is the state to go on from; nil: a run from the beginning. Run and Seed are then taken from it.
	Resume *State
	// Standing are findings that the sink has although Resume does not have their hosts as done: those after Resume.Sink,
	// which were written just before a kill, and those of Resume.Standing. They stand, and their hosts are not visited
	// again.
	Standing map[netip.Addr]checks.Finding

	// Report is called with the progress every ReportEvery (default 1s) and at the end, by one goroutine; nil: never.
	Report      func(Progress)
	ReportEvery time.Duration
	Log         *slog.Logger // default: discards
}

// New checks the configuration and returns the tour, which Run makes. The error of a Resume that does not fit wraps
// ErrConfigChanged.
func New(cfg Config) (*Tour, error) {
	switch {
	case cfg.Targets == nil, cfg.Discoverer == nil, cfg.Dialer == nil, cfg.Prober == nil, cfg.Judge == nil:
		return nil, errors.New("a tour needs targets, a discoverer, a dialer, a prober and a judge")
	case cfg.Targets.Count() == 0:
		return nil, errors.New("there is no address to visit: scope.owned is empty or all of it is excluded")
	}
	cfg.defaults()
	sum := Summary{Run: cfg.Run, Started: time.Now().UTC(), Total: cfg.Targets.Count()}
	var from Place
	if r := cfg.Resume; r != nil {
		if err := r.Check(cfg.Settings, sum.Total); err != nil {
			return nil, err
		}
		cfg.Run, cfg.Seed = r.Run, r.Seed
		sum.Run, sum.Started, sum.From, sum.Counts, from = r.Run, r.Started, r.Counts.Done(), r.Counts, r.Place
	}
	if _, err := ulid.ParseStrict(cfg.Run); err != nil {
		return nil, fmt.Errorf("run id %q: %w", cfg.Run, err)
	}
	for _, c := range cfg.Canaries {
		if c.Port() != 0 && !slices.Contains(cfg.Discoverer.Ports(), c.Port()) {
			return nil, fmt.Errorf("canary %s: port %d is not among those that are tried", c, c.Port())
		}
	}
	sum.Seed = cfg.Seed
	return newTour(cfg, sum, from), nil
}

func (c *Config) defaults() {
	if c.Run == "" {
		c.Run = ulid.Make().String()
	}
	for _, d := range []struct {
		value  *int
		unless int
	}{{&c.Conversations, 512}, {&c.PerHost, 4}, {&c.InHand, 32768}, {&c.PerSuspect, 70000},
		{&c.Suspects, 64}} {
		if *d.value <= 0 {
			*d.value = d.unless
		}
	}
	c.PerHost = min(c.PerHost, c.Conversations)
	if c.Waiting <= 0 {
		c.Waiting = 4 * c.Conversations
	}
	for _, d := range []struct {
		value  *time.Duration
		unless time.Duration
	}{{&c.HostTimeout, time.Minute}, {&c.SaveEvery, time.Second}, {&c.ReportEvery, time.Second},
		{&c.SuspectTimeout, 5 * time.Minute}, {&c.CanaryEvery, 10 * time.Second}} {
		if *d.value <= 0 {
			*d.value = d.unless
		}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
}
