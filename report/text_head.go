package report

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/checks/probe/dial"
)

// sprintf is fmt.Sprintf for formats from a table of texts, which vet cannot read; a test compares their verbs.
func sprintf(format string, args ...any) string { return fmt.Sprintf(format, args...) }

// head says what was looked at, when and for what.
func (p *page) head(s Summary) {
	name := strings.TrimSpace("netschouw " + Terminal(s.Version, 16))
	title := p.ink(bold, name)
	if s.Run != "" {
		run := "  " + p.t.Run + " "
		title += p.ink(dim, run+p.show(s.Run, columns(name+run)))
	}
	p.line(title)
	p.gap()
	if len(s.Ranges) > 0 {
		p.field(p.t.LookedAt, p.ranges(s))
	}
	if !s.Started.IsZero() {
		p.field(p.t.When, p.span(s.Started, s.Ended))
	}
	if len(s.Packs) > 0 {
		p.field(p.t.LookedFor, p.packs(s))
	}
	if !s.Complete {
		why := p.t.StoppedReason
		if s.Stopped != "" {
			why = p.show(s.Stopped, 0) + "; " + why
		}
		p.field(p.t.Stopped, why)
	}
}

// ranges names the first of the ranges and counts the rest.
func (p *page) ranges(s Summary) string {
	const most = 6
	text := strings.Join(each(s.Ranges[:min(len(s.Ranges), most)], func(r string) string { return p.show(r, labelWidth) }), ", ")
	if more := len(s.Ranges) - most; more > 0 {
		text += ", " + sprintf(p.t.More, p.t.count(uint64(more)))
	}
	if s.Addresses > 1 {
		text += " (" + p.t.of(p.t.Addresses, s.Addresses) + ")"
	}
	return text
}

func (p *page) packs(s Summary) string {
	return strings.Join(each(s.Packs, func(n string) string { return p.show(n, labelWidth) }), ", ")
}

// span writes two moments, the second without its date when that is the same.
func (p *page) span(from, to time.Time) string {
	if to.Before(from) {
		return p.stamp(from)
	}
	from, to = from.In(p.opts.Location), to.In(p.opts.Location)
	end := to.Format("2006-01-02 15:04:05 MST")
	if from.Format(time.DateOnly) == to.Format(time.DateOnly) {
		end = to.Format("15:04:05 MST")
	}
	return fmt.Sprintf("%s %s %s (%s)", from.Format("2006-01-02 15:04:05"), p.t.To, end, to.Sub(from).Round(time.Second))
}

// counted is a word and a number of the summary.
type counted struct {
	word  string
	n     uint64
	style style
}

// left is how many addresses of the ranges the run did not come to.
func left(s Summary) uint64 {
	h := s.Hosts
	done := s.Earlier + h.Assessed + h.Silent + h.Unreachable + h.LocalError + h.OverBudget + h.Failed + h.Interrupted
	if s.Complete || s.Addresses < done {
		return 0
	}
	return s.Addresses - done
}

// summary is what became of the addresses, beside how the hosts were judged.
func (p *page) summary(s Summary) {
	hosts := nonZero(counted{p.t.Assessed, s.Hosts.Assessed, plain}, counted{p.t.Silent, s.Hosts.Silent, plain},
		counted{p.t.Unreachable, s.Hosts.Unreachable, plain}, counted{p.t.LocalError, s.Hosts.LocalError, yellow},
		counted{p.t.Skipped, s.Hosts.Skipped, plain}, counted{p.t.OverBudget, s.Hosts.OverBudget, yellow},
		counted{p.t.Failed, s.Hosts.Failed, yellow}, counted{p.t.Interrupted, s.Hosts.Interrupted, yellow},
		counted{p.t.Earlier, s.Earlier, plain}, counted{p.t.Left, left(s), yellow})
	verdicts := []counted{{p.t.Match, s.Verdicts.Match, red}, {p.t.Suspect, s.Verdicts.Suspect, yellow}, {p.t.Clear, s.Verdicts.Clear, green}}
	p.gap()
	half := min(p.opts.Width/2, 40)
	width := min(half-4, 26)
	p.line(p.ink(bold, pad(p.t.Hosts, half, false)) + p.ink(bold, p.t.Verdicts))
	for i := range max(len(hosts), len(verdicts)) {
		line := strings.Repeat(" ", half)
		if i < len(hosts) {
			line = p.counted(hosts[i], width) + strings.Repeat(" ", half-2-width)
		}
		if i < len(verdicts) {
			line += p.counted(verdicts[i], width)
		}
		p.line(line)
	}
	if attempts := p.attempts(s); attempts != "" {
		p.gap()
		p.field(p.t.PortAttempts, attempts)
	}
	if s.AcceptAll > 0 {
		p.field("", p.t.of(p.t.AcceptAll, s.AcceptAll))
	}
}

// counted writes a word and its number, width columns wide behind an indent of two.
func (p *page) counted(c counted, width int) string {
	number := p.t.count(c.n)
	if c.n == 0 {
		c.style = plain
	}
	return "  " + pad(c.word, width-12, false) + p.ink(c.style, pad(number, 12, true))
}

func nonZero(all ...counted) []counted {
	kept := all[:1] // assessed is said even when it is none
	for _, c := range all[1:] {
		if c.n > 0 {
			kept = append(kept, c)
		}
	}
	return kept
}

// attempts is how the attempts at ports ended, in the order of dial's outcomes.
func (p *page) attempts(s Summary) string { return outcomes(p.t, s.Ports) }

// outcomes tells what came of the attempts, and apart from these the ports to which nothing was sent.
func outcomes[N int | uint64](t *texts, ports map[string]N) string {
	var tried, not []string
	for _, o := range dial.Outcomes() {
		n := ports[o.String()]
		if n == 0 {
			continue
		}
		part := t.count(uint64(n)) + " " + t.Outcome[o]
		switch o {
		case dial.NotLookedAt, dial.OutOfScope, dial.OverBudget:
			not = append(not, part)
		default:
			tried = append(tried, part)
		}
	}
	if len(not) > 0 {
		tried = append(tried, sprintf(t.NotTried, strings.Join(not, ", ")))
	}
	return strings.Join(tried, ", ")
}

// meaning says what it means, and what not, that nothing was found.
func (p *page) meaning(s Summary, rows []row) {
	for _, r := range rows {
		if r.verdict != checks.Clear {
			return
		}
	}
	p.heading(p.t.NothingFound)
	if s.Hosts.Assessed == 0 {
		p.para("  ", p.t.NobodyAnswered, plain)
		return
	}
	p.para("  ", p.t.of(p.t.NothingMeans, s.Hosts.Assessed, cmp.Or(p.packs(s), "netschouw")), plain)
	p.para("  ", p.t.NothingMeansNot, plain)
}

// notSeen closes the report with what was not looked at: it is no evidence of innocence.
func (p *page) notSeen(s Summary) {
	p.heading(p.t.NotSeen)
	for _, note := range []struct {
		text plural
		n    uint64
	}{
		{p.t.SilentNote, s.Hosts.Silent}, {p.t.UnreachableNote, s.Hosts.Unreachable}, {p.t.LocalNote, s.Hosts.LocalError},
		{p.t.SkippedNote, s.Hosts.Skipped}, {p.t.OverBudgetNote, s.Hosts.OverBudget}, {p.t.FailedNote, s.Hosts.Failed},
		{p.t.InterruptedNote, s.Hosts.Interrupted}, {p.t.EarlierNote, s.Earlier}, {p.t.LeftNote, left(s)},
		{p.t.UnansweredNote, s.Unanswered},
	} {
		if note.n > 0 {
			p.para("  • ", p.t.of(note.text, note.n), plain)
		}
	}
	for _, source := range []struct {
		had  bool
		note string
	}{
		{s.LookedAt.DNS, p.t.NoDNS}, {s.LookedAt.ASN, p.t.NoASN}, {s.LookedAt.Country, p.t.NoCountry}, {s.LookedAt.Customers, p.t.NoCustomers},
	} {
		if !source.had {
			p.para("  • ", source.note, plain)
		}
	}
	p.para("  • ", p.t.Outside, plain)
}
