package main

import (
	"fmt"
	"io"
	"net/netip"
	"text/tabwriter"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/fixtures/fleet"
	"github.com/netschouw/netschouw/fixtures/fleet/profile"
)

// marks is how verdicts compare with what the hosts really are.
type marks struct {
	labels    map[profile.Label]*mark
	falls     []string // hosts that were judged wrongly, one line each
	contacted []netip.Addr
}

type mark struct{ hosts, match, suspect, clear, unseen int }

// compareTruth holds verdicts against the truth. contacts tells how many connections a host has had.
func compareTruth(truth []fleet.Truth, verdicts map[netip.Addr]checks.Verdict, contacts func(netip.Addr) int) marks {
	m := marks{labels: map[profile.Label]*mark{}}
	for _, t := range truth {
		if t.OptedOut {
			if contacts(t.Address) > 0 {
				m.contacted = append(m.contacted, t.Address)
			}
			continue
		}
		k := m.labels[t.Label]
		if k == nil {
			k = &mark{}
			m.labels[t.Label] = k
		}
		v := verdicts[t.Address]
		k.count(v)
		if wrong(t.Label, v) {
			m.falls = append(m.falls, fmt.Sprintf("%s is %s (%s): %s", t.Address, t.Profile, t.Label, orUnseen(v)))
		}
	}
	return m
}

func (k *mark) count(v checks.Verdict) {
	k.hosts++
	switch v {
	case checks.Match:
		k.match++
	case checks.Suspect:
		k.suspect++
	case checks.Clear:
		k.clear++
	default:
		k.unseen++
	}
}

func orUnseen(v checks.Verdict) string {
	if v == "" {
		return "not assessed"
	}
	return string(v)
}

// wrong says whether a verdict is a mistake: a textbook server that is no match, an evasive one that nobody would look
// at, or a match that is not deserved.
func wrong(l profile.Label, v checks.Verdict) bool {
	switch l {
	case profile.Textbook:
		return v != checks.Match
	case profile.Evasive:
		return v != checks.Match && v != checks.Suspect
	}
	return l == profile.Benign && v == checks.Match // a hostile host may look like anything it likes
}

// err is the demo's verdict on itself, by the measures of the design: every textbook server, nine of ten evasive ones,
// no false match, nobody contacted who opted out.
func (m marks) err() error {
	textbook, evasive := m.of(profile.Textbook), m.of(profile.Evasive)
	seen := evasive.match + evasive.suspect
	switch {
	case len(m.contacted) > 0:
		return fmt.Errorf("%s contacted that opted out: %v", count(len(m.contacted), "host"), m.contacted)
	case textbook.match < textbook.hosts:
		return fmt.Errorf("%d of %d textbook servers are no match", textbook.hosts-textbook.match, textbook.hosts)
	case m.of(profile.Benign).match > 0:
		return fmt.Errorf("%s accused", count(m.of(profile.Benign).match, "benign host"))
	case 10*seen < 9*evasive.hosts:
		return fmt.Errorf("only %d of %d evasive servers are suspect or worse", seen, evasive.hosts)
	}
	return nil
}

func (m marks) of(l profile.Label) mark {
	if k := m.labels[l]; k != nil {
		return *k
	}
	return mark{}
}

func (m marks) write(out io.Writer) error {
	tw := tabwriter.NewWriter(out, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(tw, "\nwhat the hosts really are\thosts\tmatch\tsuspect\tclear\tnot assessed\t\n") //nolint:errcheck // Flush tells
	for _, l := range []profile.Label{profile.Textbook, profile.Evasive, profile.Hostile, profile.Benign} {
		k := m.of(l)
		fmt.Fprintf(tw, "%s\t%d\t%d\t%d\t%d\t%d\t\n", l, k.hosts, k.match, k.suspect, k.clear, k.unseen) //nolint:errcheck // as above
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for _, line := range m.falls {
		if _, err := fmt.Fprintln(out, "wrong: "+line); err != nil {
			return err
		}
	}
	textbook, evasive, benign := m.of(profile.Textbook), m.of(profile.Evasive), m.of(profile.Benign)
	_, err := fmt.Fprintf(out, "found %d of %d misused servers; of %s %d accused and %d left for a person to look at\n",
		textbook.match+evasive.match+evasive.suspect, textbook.hosts+evasive.hosts, count(benign.hosts, "benign host"), benign.match, benign.suspect)
	return err
}
