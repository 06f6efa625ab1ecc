package report

import (
	"fmt"
	"time"

	"github.com/netschouw/netschouw/checks"
)

// Writer writes the findings of one run in one format.
type Writer interface {
	// Finding takes one assessed host. A clear one is dropped unless Options.All says otherwise. The error is that of
	// the underlying writer, or says that the finding has no verdict: a host that was not reached is no finding.
	Finding(checks.Finding) error
	// Close writes what remains, with the run's summary where the format has room for it. It does not close the
	// underlying writer. The writer cannot be used again.
	Close(Summary) error
}

// Options says how to write. The zero value is good for machine-readable formats and a plain, English text.
type Options struct {
	All    bool // clear hosts too
	Detail bool // text: the full view of each host, with everything that was seen, clear ones included

	Color    bool           // text: colour by ANSI SGR sequences; whether the output is a terminal is for the caller to know
	Width    int            // text: columns, 80 when zero; held between 64 and 160
	Cards    int            // text: hosts that get a card of their own, 250 when zero; the others are in the table only
	Lang     string         // text: "en" (the default) or "nl"
	Location *time.Location // text: the time zone of what is shown, UTC when nil; machine-readable formats are always in UTC

	Reporter Reporter // who reports: xarf and stix need it, intelmq names it
}

func (o Options) withDefaults() (Options, error) {
	if o.Width == 0 {
		o.Width = 80
	}
	o.Width = min(max(o.Width, 64), 160)
	if o.Cards <= 0 {
		o.Cards = 250
	}
	if o.Lang == "" {
		o.Lang = "en"
	}
	if o.Location == nil {
		o.Location = time.UTC
	}
	if _, ok := languages[o.Lang]; !ok {
		return o, unknown("language", o.Lang, Languages())
	}
	return o, nil
}

// wanted says whether a finding is to be written.
func (o Options) wanted(f *checks.Finding) (bool, error) {
	switch f.Verdict {
	case checks.Match, checks.Suspect:
		return true, nil
	case checks.Clear:
		return o.All, nil
	}
	return false, fmt.Errorf("finding of %s has verdict %s, which is none: a host that was not assessed belongs in the summary", shown(f.Address), quote(string(f.Verdict), 40))
}
