package main

import (
	"errors"
	"io"
	"os"
	"slices"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/checks/probe/dial"
	"github.com/netschouw/netschouw/cmd/netschouw/config"
	"github.com/netschouw/netschouw/report"
	"github.com/netschouw/netschouw/sweep"
)

// results takes the findings of a tour: into the report, and into the spool from which a resumed run tells them again.
// It is a sweep.Keeper.
type results struct {
	report report.Writer
	all    bool
	counts report.VerdictCounts // of what was told
	spool  *spool               // nil: none
}

var _ sweep.Keeper = (*results)(nil)

// Host implements sweep.Sink.
func (r *results) Host(f checks.Finding) error {
	if r.spool != nil {
		if err := r.spool.add(f); err != nil {
			return err
		}
	}
	return r.tell(f)
}

func (r *results) tell(f checks.Finding) error {
	switch f.Verdict {
	case checks.Match:
		r.counts.Match++
	case checks.Suspect:
		r.counts.Suspect++
	case checks.Clear:
		r.counts.Clear++
	}
	return r.report.Finding(f)
}

// Mark implements sweep.Keeper.
func (r *results) Mark() (int64, error) {
	if r.spool == nil {
		return 0, nil
	}
	return r.spool.mark()
}

// Sync implements sweep.Keeper.
func (r *results) Sync() error {
	if r.spool == nil {
		return nil
	}
	return r.spool.sync()
}

// keep opens the spool. On resume what it holds is told again, so that the report is of the whole run.
func (r *results) keep(s *spool, resume *sweep.State) (err error) {
	r.spool = s
	if resume == nil {
		return s.begin(r.all)
	}
	return s.goOn(r.all, r.tell)
}

// close ends the spool.
func (r *results) close() error {
	if r.spool == nil {
		return nil
	}
	return r.spool.close()
}

// failed says whether a host was found of the verdict of --fail-on or worse.
func (r *results) failed(on string) error {
	if r.counts.Match > 0 && on != "never" || r.counts.Suspect > 0 && on == string(checks.Suspect) {
		return errFound
	}
	return nil
}

// summary words a tour's summary for the report.
func (e *expedition) summary(sum sweep.Summary, skipped uint64, ended error) report.Summary {
	counts := report.VerdictCounts{Match: sum.Verdicts[checks.Match], Suspect: sum.Verdicts[checks.Suspect], Clear: sum.Verdicts[checks.Clear]}
	s := report.Summary{
		Run: sum.Run, Version: readBuild().Version, Started: sum.Started, Ended: sum.Ended,
		Ranges: e.ranges(), Addresses: sum.Total, Verdicts: counts, AcceptAll: sum.AcceptAll,
		Hosts: report.HostCounts{
			Assessed: sum.Hosts[sweep.Assessed], Silent: sum.Hosts[sweep.Silent], Unreachable: sum.Hosts[sweep.Unreachable],
			LocalError:  sum.Hosts[sweep.LocalErrors] + sum.Hosts[sweep.OverBudget] + sum.Hosts[sweep.Failed],
			Skipped:     sum.Hosts[sweep.OutOfScope] + skipped,
			Interrupted: sum.Hosts[sweep.Interrupted],
		},
		Ports: map[string]uint64{}, Packs: e.rules.Packs(), Complete: !sum.Interrupted,
		LookedAt: report.LookedAt{DNS: e.resolver != nil, ASN: e.cfg.NetInfo.ASNDB != "", Country: e.cfg.NetInfo.CountryDB != "", Customers: e.customers != nil},
	}
	for _, byName := range sum.Ports {
		for name, n := range byName {
			s.Ports[name] += n
		}
	}
	for _, o := range dial.Outcomes() { // every outcome has its place, seen or not
		s.Ports[o.String()] += 0
	}
	s.Unanswered = e.unanswered()
	switch {
	case ended != nil && !errors.Is(ended, errStopped): // what is wrong with the run is wrong with its report
		s.Complete, s.Stopped = false, ended.Error()
	case sum.Interrupted:
		s.Stopped = "interrupted"
	}
	return s
}

// ranges are what the tour was to look at, as it was written.
func (e *expedition) ranges() []string {
	if len(e.cfg.Sweep.Range) > 0 {
		return texts(e.cfg.Sweep.Range)
	}
	list := texts(e.cfg.Scope.Owned)
	return slices.Concat(list, e.cfg.Scope.OwnedFiles)
}

// output is where a report goes: standard output, or a file. JSONL streams into its file; the other formats, of which
// half is of no use, appear when they are whole.
type output struct {
	io.Writer
	commit  func() error
	discard func()
}

func (w *world) output(cfg config.Output) (*output, error) {
	if cfg.File == "" || cfg.File == "-" {
		return &output{w.stdout, func() error { return nil }, func() {}}, nil
	}
	if cfg.Format == "jsonl" {
		f, err := os.OpenFile(cfg.File, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return nil, unwritable(cfg.File, err)
		}
		return &output{f, f.Close, func() { _ = f.Close() }}, nil
	}
	f, err := replaceFile(cfg.File, 0o600)
	if err != nil {
		return nil, input(err)
	}
	return &output{f.File, f.commit, f.discard}, nil
}
