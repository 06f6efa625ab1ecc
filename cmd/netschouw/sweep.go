package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/urfave/cli/v2"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/cmd/netschouw/config"
	"github.com/netschouw/netschouw/netinfo"
	"github.com/netschouw/netschouw/report"
	"github.com/netschouw/netschouw/sweep"
)

func sweepCommand(w *world) *cli.Command {
	return command("sweep", "the tour: look at every owned address and report", manual{
		about: "Walks the owned ranges in a random order, asks every open port a harmless question, and reports the hosts " +
			"that look like the misused server, with evidence and innocent explanations. Ctrl-C finishes the hosts in " +
			"hand and writes what there is; a second one ends at once. --resume goes on later, and reports the whole run.",
		settings: []string{"scope.owned", "scope.excluded", "scope.excluded_files", "sweep.range", "sweep.ports", "sweep.discovery",
			"sweep.rate", "sweep.rate_per_24", "sweep.per_host", "sweep.timeout.connect", "sweep.timeout.handshake", "sweep.timeout.host",
			"sweep.concurrency", "sweep.seed", "sweep.resume", "identify.contact", "identify.ehlo", "netinfo.resolvers", "netinfo.dns_rate",
			"netinfo.asn_db", "netinfo.country_db", "netinfo.customers", "rules.packs", "rules.dirs", "rules.prior", "output.format",
			"output.file", "output.all", "output.lang", "fail_on", "state", "log.level", "log.format", "log.quiet"},
		examples: []example{
			{"the tour of the configuration in this folder", "netschouw sweep"},
			{"one part of it, slowly, as lines for another program", "netschouw sweep --range 198.51.100.0/26 --rate 500/s --format jsonl --out hosts.jsonl"},
			{"from cron: say nothing, exit with 3 when something was found", "netschouw sweep --quiet --fail-on match --format csv --out report.csv"},
			{"go on after Ctrl-C or a power cut", "netschouw sweep --resume"},
		},
	}, func(c *cli.Context) error {
		cfg, err := w.load(c)
		if err != nil {
			return err
		}
		return w.sweep(c.Context, cfg, nil)
	})
}

// sweep makes the tour that a configuration describes. also, when there is one, sees every finding too.
func (w *world) sweep(ctx context.Context, cfg *config.Config, also sweep.Sink) error {
	e, err := w.equip(cfg)
	if err != nil {
		return err
	}
	defer e.close()
	targets, err := e.itinerary()
	if err != nil {
		return err
	}
	e.targets = targets
	state, err := openState(cfg.State)
	if err != nil {
		return err
	}
	defer state.close()
	resume, err := e.resumed(state)
	if err != nil {
		return err
	}
	fresh := sweep.State{Schema: sweep.StateSchema, Run: ulid.Make().String(), ConfigHash: e.hash(targets), Total: targets.Count(),
		Started: time.Now().UTC()}
	t, err := e.tour(func(c *sweep.Config) {
		fresh.Seed, fresh.Version = c.Seed, c.Version
		c.Run, c.ConfigHash, c.State, c.Resume = fresh.Run, fresh.ConfigHash, state.cursor(), resume
	})
	if errors.Is(err, sweep.ErrConfigChanged) {
		return &inputError{err, "give the same ranges, ports and rules as before, or leave --resume out"}
	}
	if err != nil {
		return err
	}
	out, err := w.output(cfg.Output) // before the cursor of an earlier run is lost to a slip of the pen
	if err != nil {
		return err
	}
	if resume == nil { // so that even a run that is killed in its first second can be resumed
		if err := fresh.Save(state.cursor()); err != nil {
			out.discard()
			return input(err)
		}
	}
	return w.tell(ctx, e, t, out, state, resume != nil, also)
}

// itinerary is every address that is owned and in the range asked for, excluded ones too: the gate refuses these at the
// moment of contact, so that an exclusion that is added before a resume counts, and does not change the order.
func (e *expedition) itinerary() (*netinfo.Set, error) {
	if err := e.scope.Walkable(); err != nil {
		var not *netinfo.NotWalkableError
		if !errors.As(err, &not) || not.Rest == 0 {
			return nil, input(err)
		}
		e.log.Warn("part of the ranges is not looked at", "why", err)
	}
	cfg := e.cfg.Scope
	scope, err := netinfo.NewScope(netinfo.ScopeConfig{Owned: texts(cfg.Owned), OwnedFiles: cfg.OwnedFiles})
	if err == nil && len(e.cfg.Sweep.Range) > 0 {
		scope, err = scope.Narrow(texts(e.cfg.Sweep.Range))
	}
	if err != nil {
		return nil, input(err)
	}
	return scope.Walk(), nil
}

// resumed is the run to go on with; nil for a new one.
func (e *expedition) resumed(state *stateFolder) (*sweep.State, error) {
	old, err := state.unfinished()
	switch {
	case e.cfg.Sweep.Resume && err != nil:
		return nil, err
	case e.cfg.Sweep.Resume && old == nil:
		return nil, usage("leave --resume out to begin a new run", "no run that was stopped early is in %s", state.path)
	case e.cfg.Sweep.Resume:
		return old, nil
	case old != nil:
		e.log.Warn("a run that was stopped early is given up; --resume would have gone on with it", "run", old.Run,
			"done", old.Cursor, "of", old.Total)
	}
	return nil, nil
}

// tell runs the tour into its report.
func (w *world) tell(ctx context.Context, e *expedition, t *sweep.Tour, out *output, state *stateFolder, resume bool, also sweep.Sink) error {
	writer, err := report.New(e.cfg.Output.Format, out, w.reportOptions(e.cfg.Output, out.Writer))
	if err != nil {
		out.discard()
		return input(err)
	}
	r := &results{report: writer, all: e.cfg.Output.All}
	if err := r.keep(state.findings(), resume); err != nil {
		out.discard()
		return input(err)
	}
	earlier := state.earlier()
	sum, ended := e.run(ctx, w.stop, t, sinks(r, also))
	counts := r.counts
	if resume && earlier != nil {
		sum = total(earlier, sum)
		counts = report.VerdictCounts{Match: sum.Verdicts[checks.Match], Suspect: sum.Verdicts[checks.Suspect], Clear: sum.Verdicts[checks.Clear]}
	}
	errs := []error{r.close(), writer.Close(e.summary(sum, counts, 0)), out.commit()}
	if sum.Interrupted {
		errs = append(errs, state.remember(sum))
	}
	if err := errors.Join(errs...); err != nil {
		return errors.Join(ended, err)
	}
	if errors.Is(ended, errStopped) {
		return &failure{ended, "go on with: netschouw sweep --resume"}
	}
	if ended != nil {
		return ended
	}
	return r.failed(e.cfg.FailOn)
}

// sinks gives every finding to all of them; nil ones are left out.
func sinks(r *results, also sweep.Sink) sweep.Sink {
	if also == nil {
		return r
	}
	return both{r, also}
}

type both struct {
	*results
	also sweep.Sink
}

// Host implements sweep.Sink.
func (b both) Host(f checks.Finding) error {
	if err := b.results.Host(f); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return b.also.Host(f)
}
