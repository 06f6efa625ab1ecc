package report

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/netinfo"
)

// scoreWidth is the width of the table's column of scores.
const scoreWidth = 5

// table lists the hosts, one or two lines each: under the address come its name and the customer's.
func (p *page) table(rows []row) {
	if len(rows) == 0 {
		return
	}
	address, customer := columns(p.t.Address), columns(p.t.Customer)
	verdict := columns(p.t.Verdict)
	title := p.t.Table
	for _, r := range rows {
		word, _ := p.verdict(r.verdict)
		address = max(address, columns(shown(r.address)))
		customer = max(customer, columns(r.customer))
		verdict = max(verdict, columns(word))
		if r.verdict == checks.Clear {
			title = p.t.Hosts
		}
	}
	rest := 2 + verdict + 2 + scoreWidth + 2 + customer + 2
	address = min(address, max(p.opts.Width-rest-12, 15)) // a longer one stands on a line of its own
	before := address + rest                              // the column of groups begins here
	groups := p.opts.Width - before

	p.heading(title)
	p.line(p.ink(dim, pad(p.t.Address, address, false)+"  "+pad(p.t.Verdict, verdict, false)+"  "+
		pad(p.t.Score, scoreWidth, true)+"  "+pad(p.t.Customer, customer, false)+"  "+p.t.Groups))
	for _, r := range rows {
		word, ink := p.verdict(r.verdict)
		lines := wrap(strings.Join(each(r.groups, func(g string) string { return Terminal(g, 20) }), " "), groups)
		first := shown(r.address)
		if columns(first) > address {
			p.line(first)
			first = ""
		}
		p.line(pad(first, address, false) + "  " + p.ink(ink, pad(word, verdict, false)) + "  " +
			pad(p.t.probability(r.score), scoreWidth, true) + "  " + pad(r.customer, customer, false) + "  " + lines[0])
		room := p.opts.Width
		if len(lines) > 1 {
			room = before - 1
		}
		under := pad(elide("  "+r.under, room), before, false)
		for _, l := range append(lines[1:], "")[:max(len(lines)-1, 1)] {
			p.line(p.ink(dim, under) + l)
			under = strings.Repeat(" ", before)
		}
	}
}

// shown is an address as it is shown. A zone (RFC 4007) is free text, and an address may come from a file.
func shown(a netip.Addr) string { return Terminal(a.String(), 60) }

// card is all that a person needs to judge one host.
func (p *page) card(f *checks.Finding) {
	p.gap()
	p.rule()
	word, ink := p.verdict(f.Verdict)
	p.line(p.ink(bold, shown(f.Address)) + "  " + p.ink(ink, strings.ToUpper(word)) + "  " +
		strings.ToLower(p.t.Score) + " " + p.t.probability(f.Score))
	p.para("", p.place(f), dim)
	p.field(strings.ToLower(p.t.Customer), p.owner(f.Owner))
	if others := p.others(f); others != "" {
		p.field(p.t.TheirOthers, others)
	}
	p.field(p.t.Observed, p.stamp(f.ObservedAt))

	p.heading(p.t.Why)
	p.para("  ", p.sentence(f.Reason), plain)
	if f.AcceptsAll {
		p.para("  ", p.t.AcceptsAll, yellow)
	}
	if len(f.Traits) > 0 {
		p.heading(p.t.Evidence)
		for _, t := range p.told(f) {
			p.trait(t)
			p.also(f, t)
		}
		p.innocent(f)
	}
	if p.opts.Detail {
		p.detail(f)
	}
	p.next(f)
}

// prose cleans a text that is wrapped rather than elided.
func (p *page) prose(s string) string { return Terminal(s, 800) }

// sentence is prose that begins with a capital and ends with a full stop: rules and reasons are written without.
func (p *page) sentence(s string) string {
	s = p.prose(s)
	first, n := utf8.DecodeRuneInString(s)
	if s == "" || strings.ContainsAny(s[len(s)-1:], ".!?") {
		return s
	}
	return string(unicode.ToUpper(first)) + s[n:] + "."
}

// told are the traits that a card speaks of: those that count. The full view has all.
func (p *page) told(f *checks.Finding) (told []*checks.Trait) {
	for i := range f.Traits {
		if t := &f.Traits[i]; t.Counted || p.opts.Detail {
			told = append(told, t)
		}
	}
	return told
}

// also names the traits that a stronger one of their group stands for, by their rules: `rules list` has the titles.
func (p *page) also(f *checks.Finding, counted *checks.Trait) {
	if p.opts.Detail {
		return
	}
	pack, _, _ := strings.Cut(counted.Rule, "/")
	var names []string
	for _, t := range f.Traits {
		if t.Counted || t.Group != counted.Group {
			continue
		}
		name := p.show(strings.TrimPrefix(t.Rule, pack+"/"), groupWidth)
		if t.Hard {
			name += " (" + p.t.Hard + ")"
		}
		names = append(names, name)
	}
	if len(names) > 0 {
		indent := strings.Repeat(" ", groupWidth)
		p.para(indent+p.t.AlsoTraits, strings.Join(names, ", "), dim)
	}
}

// byGroup writes one text of each trait beside the trait's group, and equal ones once: on a card because they are equal,
// and on later cards because the host that bears it first is named instead, so that a long report stays short.
func (p *page) byGroup(indent string, f *checks.Finding, text func(*checks.Trait) string) {
	here := shown(f.Address)
	told := map[string]bool{"": true}
	as := map[string][]string{} // the groups whose texts stand at another host
	var others []string
	for _, t := range p.told(f) {
		s := p.sentence(text(t))
		if told[s] {
			continue
		}
		told[s] = true
		group := Terminal(t.Group, groupWidth-3)
		first, before := p.said[s]
		if !before {
			p.said[s] = here
			p.para(indent+pad(group, groupWidth-2, false), s, plain)
			continue
		}
		if as[first] == nil {
			others = append(others, first)
		}
		if !slices.Contains(as[first], group) {
			as[first] = append(as[first], group)
		}
	}
	for _, first := range others {
		p.para(indent, sprintf(p.t.AsAbove, strings.Join(as[first], ", "), first), plain)
	}
}

// place is the address's name and network, on one line or two.
func (p *page) place(f *checks.Finding) string {
	parts := []string{ptrLine(f, p.t)}
	if n := f.Network; n.ASN != nil && *n.ASN != 0 {
		as := "AS" + strconv.FormatUint(uint64(*n.ASN), 10)
		if n.ASOrg != nil {
			as += " " + p.show(*n.ASOrg, 30)
		}
		parts = append(parts, as)
	}
	if c := f.Network.Country; c != nil && *c != "" {
		parts = append(parts, Terminal(*c, 8))
	}
	return strings.Join(parts, " · ")
}

// ptrLine is the first PTR name and how many more there are, or why there is none.
func ptrLine(f *checks.Finding, t *texts) string {
	n := f.Network
	switch {
	case n.PTR == nil:
		return t.PTRNotLookedAt
	case len(n.PTR) == 0:
		return t.NoPTR
	}
	name := Terminal(n.PTR[0], 60)
	if len(n.PTR) > 1 {
		name += " " + sprintf(t.Also, len(n.PTR)-1)
	}
	if n.PTRConfirmed != nil && !*n.PTRConfirmed {
		name += " (" + t.Unconfirmed + ")"
	}
	return name
}

// owner is the customer with all that helps to reach them.
func (p *page) owner(o *netinfo.Owner) string {
	if o == nil {
		return p.t.NoCustomer
	}
	parts := []string{strings.TrimSpace(p.show(o.Customer, labelWidth) + " " + p.show(o.Name, labelWidth))}
	if o.Abuse != "" {
		parts = append(parts, "<"+p.show(o.Abuse, labelWidth+2)+">")
	}
	if o.Range.IsValid() {
		parts = append(parts, o.Range.String())
	}
	if len(o.Tags) > 0 {
		parts = append(parts, "["+p.show(strings.Join(o.Tags, ", "), labelWidth+2)+"]")
	}
	return strings.Join(parts, "  ")
}

// others are the further hosts of the same customer in this report: the misuse may be shared out among them.
func (p *page) others(f *checks.Finding) string {
	const most = 8
	if f.Owner == nil || f.Owner.Customer == "" {
		return ""
	}
	var list []string
	for _, r := range p.rows {
		if r.owner == f.Owner.Customer && r.address != f.Address && r.verdict != checks.Clear {
			word, _ := p.verdict(r.verdict)
			list = append(list, shown(r.address)+" ("+word+")")
		}
	}
	if more := len(list) - most; more > 0 {
		list = append(list[:most], sprintf(p.t.More, p.t.count(uint64(more))))
	}
	return strings.Join(list, ", ")
}

// groupWidth is the column at which a trait's text begins.
const groupWidth = 14

// trait is one reason with what was seen, how much it weighs and what it rests on.
func (p *page) trait(t *checks.Trait) {
	lead := "  " + pad(Terminal(t.Group, groupWidth-3), groupWidth-2, false)
	p.para(lead, p.prose(t.Title), bold)
	indent := strings.Repeat(" ", groupWidth)
	field := 0
	shownEvidence, more := t.Evidence, 0
	if !p.opts.Detail {
		shownEvidence = telling(t.Evidence)
		if n := len(shownEvidence); n > maxEvidence {
			shownEvidence, more = shownEvidence[:maxEvidence-1], n-maxEvidence+1
		}
	}
	for _, e := range shownEvidence {
		field = max(field, columns(Terminal(e.Field, fieldWidth)))
	}
	for _, e := range shownEvidence {
		port := p.t.Host
		if e.Port != 0 {
			port = strconv.Itoa(int(e.Port))
		}
		label := pad(port, 6, false) + pad(Terminal(e.Field, fieldWidth), field, false) + "  "
		room := max(p.opts.Width-groupWidth-columns(label), 16)
		for _, l := range wrap(Terminal(e.Value, 3*room), room) {
			p.line(indent + p.ink(dim, label) + l)
			label = strings.Repeat(" ", columns(label))
		}
	}
	if more > 0 {
		p.para(indent+"      ", sprintf(p.t.More, p.t.count(uint64(more))), dim)
	}
	p.para(indent, p.standing(t), dim)
}

// telling leaves out evidence that says no more than a piece before it: a title, and the words found in that title.
func telling(all []checks.Evidence) (kept []checks.Evidence) {
	for _, e := range all {
		if !slices.ContainsFunc(kept, func(k checks.Evidence) bool {
			return k.Port == e.Port && (k.Value == e.Value || strings.HasSuffix(e.Value, "title: "+k.Value))
		}) {
			kept = append(kept, e)
		}
	}
	return kept
}

// fieldWidth bounds the name of a field of the evidence, maxEvidence the pieces of evidence of one trait on a card.
const (
	fieldWidth  = 24
	maxEvidence = 5
)

// standing says how much a trait weighs, and on what it rests.
func (p *page) standing(t *checks.Trait) string {
	parts := []string{sprintf(p.t.Weight, p.t.decimal(t.Weight, 1))}
	if !t.Counted {
		parts = []string{p.t.Uncounted}
	}
	if t.Hard {
		parts = append([]string{p.t.Hard}, parts...)
	}
	basis := p.t.Inference
	if t.Basis == checks.Fact {
		basis = p.t.Fact
	}
	if len(t.Sources) > 0 {
		basis += " (" + p.show(strings.Join(t.Sources, ", "), groupWidth) + ")"
	}
	return strings.Join(append(parts, basis, p.show(t.Rule, groupWidth)), "; ")
}

// innocent tells the explanations that accuse nobody.
func (p *page) innocent(f *checks.Finding) {
	p.heading(p.t.Innocent)
	p.byGroup("  ", f, func(t *checks.Trait) string { return t.Benign })
}

// next says what a sensible person would do now: in full on the first card of a verdict, so that a long report stays short.
func (p *page) next(f *checks.Finding) {
	steps := p.t.NextClear
	switch f.Verdict {
	case checks.Match:
		steps = p.t.NextMatch
	case checks.Suspect:
		steps = p.t.NextSuspect
	}
	p.heading(p.t.NextStep)
	if first, told := p.steps[f.Verdict]; told {
		steps = []string{sprintf(p.t.NextAs, first)}
	} else {
		p.steps[f.Verdict] = shown(f.Address)
	}
	for i, s := range steps {
		lead := "  • "
		if len(steps) > 1 {
			lead = "  " + strconv.Itoa(i+1) + " "
		}
		p.para(lead, s, plain)
	}
	p.suggestions(f)
	if !p.opts.Detail {
		p.para("  → ", p.t.CheckAgain+" netschouw check "+shown(f.Address), plain)
	}
}

// suggestions are what the rules themselves say to do. For a match they wait for the decision that comes first.
func (p *page) suggestions(f *checks.Finding) {
	lead := p.t.NextRules
	if f.Verdict == checks.Match {
		lead = p.t.NextRulesMatch
	}
	if f.Verdict == checks.Clear || !slices.ContainsFunc(p.told(f), func(t *checks.Trait) bool { return t.Next != "" }) {
		return
	}
	p.para("  • ", lead, plain)
	p.byGroup("    ", f, func(t *checks.Trait) string { return t.Next })
}
