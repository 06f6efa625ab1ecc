package report

import (
	"strconv"
	"strings"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/netinfo"
)

// Widths of the table's columns.
const (
	verdictWidth = 8
	scoreWidth   = 5
)

// table lists the hosts, one or two lines each: the PTR name comes under the address.
func (p *page) table(rows []row) {
	if len(rows) == 0 {
		return
	}
	address, customer := columns(p.t.Address), columns(p.t.Customer)
	for _, r := range rows {
		address = max(address, columns(r.address.String()))
		customer = max(customer, columns(r.customer))
	}
	address = min(address, 39)
	fixed := address + 2 + verdictWidth + 2 + scoreWidth + 2
	customer = min(customer, max((p.opts.Width-fixed)*2/5, 8))
	groups := max(p.opts.Width-fixed-customer-2, 10)

	p.heading(p.t.Table)
	p.line(p.ink(dim, pad(p.t.Address, address, false)+"  "+pad(p.t.Verdict, verdictWidth, false)+"  "+
		pad(p.t.Score, scoreWidth, true)+"  "+pad(p.t.Customer, customer, false)+"  "+p.t.Groups))
	for _, r := range rows {
		word, ink := p.verdict(r.verdict)
		lines := wrap(strings.Join(each(r.groups, func(g string) string { return Terminal(g, 20) }), " "), groups)
		p.line(pad(r.address.String(), address, false) + "  " + p.ink(ink, pad(word, verdictWidth, false)) + "  " +
			pad(p.t.decimal(r.score, 2), scoreWidth, true) + "  " + pad(elide(r.customer, customer), customer, false) + "  " + lines[0])
		name := pad(elide("  "+r.name, fixed+customer), fixed+customer+2, false)
		p.line(p.ink(dim, name) + strings.Join(lines[1:min(len(lines), 2)], ""))
		for _, l := range lines[min(len(lines), 2):] {
			p.line(strings.Repeat(" ", fixed+customer+2) + l)
		}
	}
}

// card is all that a person needs to judge one host.
func (p *page) card(f *checks.Finding) {
	p.gap()
	p.rule()
	word, ink := p.verdict(f.Verdict)
	p.line(p.ink(bold, f.Address.String()) + "  " + p.ink(ink, strings.ToUpper(word)) + "  " + p.t.decimal(f.Score, 2))
	p.para("", p.place(f), dim)
	p.field(p.t.Customer[:1]+strings.ToLower(p.t.Customer[1:]), p.owner(f.Owner))
	p.field(p.t.Observed, p.stamp(f.ObservedAt))

	p.heading(p.t.Why)
	p.para("  ", p.prose(f.Reason), plain)
	if f.AcceptsAll {
		p.para("  ", p.t.AcceptsAll, yellow)
	}
	if len(f.Traits) > 0 {
		p.heading(p.t.Evidence)
		for i := range f.Traits {
			p.trait(&f.Traits[i])
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

// groupWidth is the column at which a trait's text begins.
const groupWidth = 14

// trait is one reason with what was seen, how much it weighs and what it rests on.
func (p *page) trait(t *checks.Trait) {
	lead := "  " + pad(Terminal(t.Group, groupWidth-3), groupWidth-2, false)
	p.para(lead, p.prose(t.Title), bold)
	indent := strings.Repeat(" ", groupWidth)
	for _, e := range t.Evidence {
		port := p.t.Host
		if e.Port != 0 {
			port = strconv.Itoa(int(e.Port))
		}
		label := pad(port, 6, false) + Terminal(e.Field, 24) + "  "
		p.line(indent + p.ink(dim, label) + p.show(e.Value, groupWidth+columns(label)))
	}
	p.para(indent, p.standing(t), dim)
}

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
	return strings.Join(append(parts, basis, p.show(t.Rule, groupWidth)), " · ")
}

// innocent lists the explanations that accuse nobody, each one once.
func (p *page) innocent(f *checks.Finding) {
	all := distinct(each(f.Traits, func(t checks.Trait) string { return p.prose(t.Benign) }))
	if len(all) == 0 {
		return
	}
	p.heading(p.t.Innocent)
	for _, b := range all {
		p.para("  • ", b, plain)
	}
}

// next says what a sensible person would do now.
func (p *page) next(f *checks.Finding) {
	steps := p.t.NextClear
	switch f.Verdict {
	case checks.Match:
		steps = p.t.NextMatch
	case checks.Suspect:
		steps = p.t.NextSuspect
	}
	p.heading(p.t.NextStep)
	for i, s := range steps {
		lead := "  • "
		if len(steps) > 1 {
			lead = "  " + strconv.Itoa(i+1) + " "
		}
		p.para(lead, s, plain)
	}
	if !p.opts.Detail {
		p.para("    ", p.t.CheckAgain+" netschouw check "+f.Address.String(), plain)
	}
}
