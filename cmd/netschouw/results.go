package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/checks/probe/dial"
	"github.com/netschouw/netschouw/cmd/netschouw/config"
	"github.com/netschouw/netschouw/report"
	"github.com/netschouw/netschouw/sweep"
)

// results takes the findings of a tour: into the report, and into the spool from which a resumed run tells them again.
// It is a sweep.Sink.
type results struct {
	report report.Writer
	all    bool
	counts report.VerdictCounts
	seen   map[netip.Addr]bool // told before: a run that was killed may visit a host again
	lines  report.Writer       // writes the spool
	spool  *bufio.Writer       // nil: none
	file   *os.File            // of the spool
}

// Host implements sweep.Sink.
func (r *results) Host(f checks.Finding) error {
	if r.seen[f.Address] {
		return nil
	}
	if r.spool != nil {
		if err := r.lines.Finding(f); err != nil {
			return fmt.Errorf("spool of findings: %w", err)
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

// Flush brings the spool to the disk; the cursor is saved after it.
func (r *results) Flush() error {
	if r.spool == nil {
		return nil
	}
	if err := r.spool.Flush(); err != nil {
		return err
	}
	return r.file.Sync()
}

// keep opens the spool. On resume what it holds is told again, so that the report is of the whole run, and each host
// stands in it once.
func (r *results) keep(path string, resume bool) error {
	how := os.O_RDWR | os.O_CREATE | os.O_TRUNC
	if resume {
		how = os.O_RDWR | os.O_CREATE
	}
	f, err := os.OpenFile(path, how, 0o600)
	if err != nil {
		return err
	}
	r.file, r.spool = f, bufio.NewWriter(f)
	if r.lines, err = report.New("jsonl", r.spool, report.Options{All: r.all}); err != nil || !resume {
		return err
	}
	r.seen = map[netip.Addr]bool{}
	whole, err := wholeLines(f)
	if err == nil {
		err = report.Each(io.NewSectionReader(f, 0, whole), func(found checks.Finding) error {
			if r.seen[found.Address] {
				return nil
			}
			r.seen[found.Address] = true
			return r.tell(found)
		})
	}
	if err == nil { // what comes after was being written when the run was killed
		if err = f.Truncate(whole); err == nil {
			_, err = f.Seek(whole, io.SeekStart)
		}
	}
	if err != nil {
		return fmt.Errorf("findings of the run to resume, %s: %w", path, err)
	}
	return nil
}

// wholeLines is the size of a file up to and including its last line end.
func wholeLines(f *os.File) (int64, error) {
	end, err := f.Seek(0, io.SeekEnd)
	buf := make([]byte, 64<<10)
	for err == nil && end > 0 {
		from := max(0, end-int64(len(buf)))
		part := buf[:end-from]
		if _, err = f.ReadAt(part, from); err != nil {
			break
		}
		for i := len(part) - 1; i >= 0; i-- {
			if part[i] == '\n' {
				return from + int64(i) + 1, nil
			}
		}
		end = from
	}
	return 0, err
}

// close ends the spool.
func (r *results) close() error {
	if r.spool == nil {
		return nil
	}
	return errors.Join(r.spool.Flush(), r.file.Close())
}

// failed says whether a host was found of the verdict of --fail-on or worse.
func (r *results) failed(on string) error {
	if r.counts.Match > 0 && on != "never" || r.counts.Suspect > 0 && on == string(checks.Suspect) {
		return errFound
	}
	return nil
}

// summary words a tour's summary for the report.
func (e *expedition) summary(sum sweep.Summary, counts report.VerdictCounts, skipped uint64) report.Summary {
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
	if sum.Interrupted {
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
