package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"strings"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/checks/probe"
	"github.com/netschouw/netschouw/checks/probe/dial"
	"github.com/netschouw/netschouw/cmd/netschouw/config"
	"github.com/netschouw/netschouw/netinfo"
	"github.com/netschouw/netschouw/report"
	"github.com/netschouw/netschouw/sweep"
)

// expedition is everything that a tour needs, ready to begin: a sweep and a check differ in their targets and depth only.
type expedition struct {
	*ground
	rules    *checks.Ruleset
	resolver *netinfo.Resolver // nil: DNS is not looked at
	log      *slog.Logger
	console  *console
	targets  sweep.Targets
	names    map[netip.Addr][]string // names that led to an address
	deep     bool                    // look deeply at every host, not at suspects only
	refused  uint64                  // listed addresses that are not ours
}

// equip reads everything that a tour needs. Whatever is wrong is an inputError.
func (w *world) equip(cfg *config.Config) (*expedition, error) {
	// A format that lacks what it needs is told of now, and not when the run before has been given up.
	if _, err := report.New(cfg.Output.Format, io.Discard, w.reportOptions(cfg.Output, nil)); err != nil {
		return nil, input(err)
	}
	g, err := survey(cfg)
	if err != nil {
		return nil, err
	}
	e := &expedition{ground: g, console: w.console()}
	e.log = logger(e.console, cfg.Log)
	if e.rules, err = loadRules(cfg); err == nil {
		err = g.verify()
	}
	if err == nil && len(cfg.NetInfo.Resolvers) > 0 {
		e.resolver, err = newResolver(cfg, cfg.NetInfo.Resolvers)
	}
	if err != nil {
		g.close()
		return nil, err
	}
	return e, nil
}

func newResolver(cfg *config.Config, servers []string) (*netinfo.Resolver, error) {
	r, err := netinfo.NewResolver(netinfo.ResolverConfig{Servers: servers, Rate: bound(cfg.NetInfo.DNSRate, 1e6)})
	return r, input(err)
}

// bound is a rate as a number, and top for one without a bound.
func bound(r config.Rate, top float64) float64 { return math.Min(r.PerSecond(), top) }

// unbounded is a rate in the convention of package sweep: 0 is no bound.
func unbounded(r config.Rate) float64 {
	if r.Unlimited() {
		return 0
	}
	return r.PerSecond()
}

// settings identify the tour: the configuration's own, what the rules and the ranges came to, and the form of the spool.
func (e *expedition) settings(targets *netinfo.Set) sweep.Settings {
	h := sha256.New()
	for r := range targets.Ranges() {
		_, _ = io.WriteString(h, r.String()+"\n") // a hash never fails
	}
	return append(e.cfg.Settings(),
		sweep.Setting{Key: "output.all", Values: []string{strconv.FormatBool(e.cfg.Output.All)}},
		sweep.Setting{Key: "versions of the rule packs", Values: e.rules.Packs()},
		sweep.Setting{Key: "addresses that the ranges, files and lists of customers come to (SHA-256)",
			Values: []string{hex.EncodeToString(h.Sum(nil))[:16]}})
}

// tour wires the parts: the dialer has the scope as its gate and the pacer as its pace, and all else goes through it.
func (e *expedition) tour(change func(*sweep.Config)) (*sweep.Tour, error) {
	s := e.cfg.Sweep
	pacer := sweep.NewPacer(sweep.Pace{Rate: unbounded(s.Rate), Neighbourhood: unbounded(s.RatePer24), PerHost: s.PerHost})
	gate, err := e.gate()
	if err != nil {
		return nil, err
	}
	dialer := dial.New(gate, pacer, dial.Options{ConnectTimeout: s.Timeout.Connect.Std(), Lifetime: 3 * s.Timeout.Handshake.Std()})
	prober := probe.New(dialer, probe.Options{
		Identity:  probe.Identity{EHLO: e.cfg.Identify.EHLO, Contact: e.cfg.Identify.Contact},
		Words:     e.rules.Words(),
		Handshake: s.Timeout.Handshake.Std(),
	})
	conf := sweep.Config{
		Version: readBuild().String(), Targets: e.targets, Seed: s.Seed,
		Dialer: dialer, Pacer: pacer, Prober: prober, Canaries: s.Canary,
		PerSuspect: s.PerSuspect, SuspectRate: unbounded(s.SuspectRate), SuspectTimeout: s.Timeout.Suspect.Std(),
		// An abuse desk must answer today: check tries all ports of a host that looks suspect, as a sweep does, and of
		// any host when it is told to.
		Everyone:      e.deep && e.cfg.Origin("sweep.escalate") != "default",
		Know:          netinfo.Directory{Resolver: e.resolver, Geo: e.geo, Customers: e.customers},
		Judge:         judge{e.rules, e.cfg.Rules.Policy, e.names},
		Conversations: s.Concurrency, HostTimeout: s.Timeout.Host.Std(), Log: e.log,
	}
	if err := e.discoverer(dialer, &conf); err != nil {
		return nil, err
	}
	if err := e.escalate(&conf, dialer, prober); err != nil {
		return nil, err
	}
	if conf.Seed == 0 {
		conf.Seed = rand.Uint64() //nolint:gosec // an order, not a secret
	}
	change(&conf)
	return sweep.New(conf)
}

// judge applies the rules by the configured policy, to a host with the names that led to it.
type judge struct {
	rules  *checks.Ruleset
	policy checks.Policy
	names  map[netip.Addr][]string
}

// Assess implements sweep.Judge.
func (j judge) Assess(h *checks.Host) checks.Assessment {
	h.DNSNames = j.names[h.Address]
	return j.rules.Assess(h, j.policy)
}

// run makes the tour with progress on the console, and tells how it ended.
func (e *expedition) run(ctx context.Context, stop <-chan struct{}, t *sweep.Tour, to sweep.Sink) (sweep.Summary, error) {
	done := startProgress(e.console, e.cfg.Log.Quiet, stop, t.Progress)
	sum, err := t.Run(ctx, stop, to)
	done()
	if n, first := e.rules.Faults(); n > 0 {
		e.log.Warn("rules failed on hosts, which were judged without them", "times", n, "first", first)
	}
	if n := e.unanswered(); n > 0 {
		e.log.Warn("names could not be looked up, because no resolver answered", "questions", n, "resolvers", strings.Join(e.cfg.NetInfo.Resolvers, ","))
	}
	if err == nil && sum.Interrupted {
		err = fmt.Errorf("%w after %s of %s addresses", errStopped, grouped(sum.Counts.Done()), grouped(sum.Total))
	}
	return sum, err
}

// unanswered is how many questions the resolvers left without an answer.
func (e *expedition) unanswered() uint64 {
	if e.resolver == nil {
		return 0
	}
	return e.resolver.Stats().Failed
}
