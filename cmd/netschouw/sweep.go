package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
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
		settings: []string{"scope.owned", "scope.excluded", "scope.excluded_files", "sweep.range", "sweep.targets_files", "sweep.canary", "sweep.ports",
			"sweep.discovery",
			"sweep.rate", "sweep.rate_per_24", "sweep.per_host", "sweep.timeout.connect", "sweep.timeout.handshake", "sweep.timeout.host",
			"sweep.timeout.suspect", "sweep.escalate", "sweep.per_suspect", "sweep.rate_per_suspect", "sweep.concurrency", "sweep.seed", "sweep.resume", "identify.contact", "identify.ehlo", "netinfo.resolvers", "netinfo.dns_rate",
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
	listed, err := w.listed(e)
	if err != nil {
		return err
	}
	targets, err := e.itinerary(listed)
	if err != nil {
		return err
	}
	e.targets = targets
	state, err := openState(cfg.State)
	if err != nil {
		return err
	}
	defer state.close()
	if o := state.lock.stale; o != nil {
		e.log.Warn("the lock of a run that ended without giving it back is taken over", "owner", o.String(), "since", o.Since)
	}
	resume, err := e.resumed(state)
	if err != nil {
		return err
	}
	fresh := sweep.State{Schema: sweep.StateSchema, Run: ulid.Make().String(), Settings: e.settings(targets), Total: targets.Count(),
		Started: time.Now().UTC()}
	if resume != nil { // before anything is cut off or written
		if err := resume.Check(fresh.Settings, fresh.Total); err != nil {
			return changed(err)
		}
	}
	out, err := w.output(cfg.Output) // a slip of the pen there must not cost the run that --resume would go on with
	if err != nil {
		return err
	}
	t, found, err := e.ready(state, fresh, resume)
	if err != nil {
		out.discard()
		return err
	}
	return w.tell(ctx, e, t, out, state, found, resume, also)
}

// ready makes the tour, and the spool of its findings. Nothing of the run before is given up until all else is right.
func (e *expedition) ready(state *stateFolder, fresh sweep.State, resume *sweep.State) (t *sweep.Tour, found *spool, err error) {
	if resume != nil {
		if found, err = openSpool(state.findings(), resume); err != nil {
			return nil, nil, input(err)
		}
	}
	t, err = e.tour(func(c *sweep.Config) {
		fresh.Seed, fresh.Version = c.Seed, c.Version
		c.Run, c.Settings, c.State, c.Resume = fresh.Run, fresh.Settings, state.cursor(), resume
		if found != nil {
			c.Standing = found.standing
		}
	})
	if err != nil || resume != nil {
		return t, found, err
	}
	// So that even a run that is killed in its first second can be resumed; the state goes first, because lines of a run
	// before are then known to be none of this one's.
	if err := fresh.Save(state.cursor()); err != nil {
		return nil, nil, noRoom(err)
	}
	found, err = openSpool(state.findings(), nil)
	return t, found, input(err)
}

// itinerary is every address that is owned and in the range asked for, excluded ones too: the gate refuses these at the
// moment of contact, so that an exclusion that is added before a resume counts, and does not change the order. To the
// ranges that can be walked come the addresses that are listed.
func (e *expedition) itinerary(listed *netinfo.Set) (*netinfo.Set, error) {
	scope, err := e.unexcluded()
	if err != nil {
		return nil, input(err)
	}
	listed = listed.Union(e.customers.Listed()).Intersect(scope.Targets())
	if err := e.scope.Walkable(); err != nil {
		var not *netinfo.NotWalkableError
		if !errors.As(err, &not) || not.Rest == 0 && listed.IsEmpty() {
			return nil, input(err)
		}
		if n := listed.Subtract(scope.Walk()).Count(); n > 0 {
			e.log.Info("of the ranges that are too large to walk, what is listed is looked at", "addresses", n)
		} else {
			e.log.Warn("part of the ranges is not looked at", "why", err)
		}
	}
	return scope.Walk().Union(listed), nil
}

// changed words the refusal of a resume.
func changed(err error) error {
	if errors.Is(err, sweep.ErrConfigChanged) {
		return &inputError{err, "give the same settings as before, or leave --resume out"}
	}
	return input(err)
}

// unexcluded is the scope as if nothing were excluded: what the order is made of.
func (e *expedition) unexcluded() (*netinfo.Scope, error) {
	cfg := e.cfg.Scope
	scope, err := netinfo.NewScope(netinfo.ScopeConfig{Owned: texts(cfg.Owned), OwnedFiles: cfg.OwnedFiles})
	if err == nil && len(e.cfg.Sweep.Range) > 0 {
		return scope.Narrow(texts(e.cfg.Sweep.Range))
	}
	return scope, err
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
			"done", old.Counts.Done(), "of", old.Total)
	}
	return nil, nil
}

// tell runs the tour into its report.
func (w *world) tell(ctx context.Context, e *expedition, t *sweep.Tour, out *output, state *stateFolder, found *spool,
	resume *sweep.State, also sweep.Sink) error {
	writer, err := report.New(e.cfg.Output.Format, out, w.reportOptions(e.cfg.Output, out.Writer))
	if err != nil {
		out.discard()
		return errors.Join(input(err), found.close())
	}
	r := &results{report: writer, all: e.cfg.Output.All}
	if err := r.keep(found, resume); err != nil {
		out.discard()
		return input(err)
	}
	sum, ended := e.run(ctx, w.stop, t, sinks(r, also))
	if err := errors.Join(r.close(), writer.Close(e.summary(sum, e.refused, ended)), out.commit()); err != nil {
		return resumable(errors.Join(ended, err))
	}
	if ended != nil {
		return resumable(ended)
	}
	if err := state.told(); err != nil {
		return resumable(err)
	}
	return r.failed(e.cfg.FailOn)
}

// resumable adds the way on to an error of a run whose state is kept.
func resumable(err error) error {
	hint := "go on with: netschouw sweep --resume"
	switch {
	case errors.Is(err, sweep.ErrBlind):
		hint = "mend the network, or see to the canary, then go on with: netschouw sweep --resume"
	case full(err):
		hint = "make room, then go on with: netschouw sweep --resume"
	}
	return &failure{err, hint}
}

// full says that a disk, or a quota of it, is.
func full(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}

// noRoom words an error of the state folder before the tour began.
func noRoom(err error) error {
	if full(err) {
		return &failure{err, "make room, or give another folder: --state DIR"}
	}
	return input(err)
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
