package checks

import (
	"slices"
	"strings"

	"github.com/netschouw/netschouw/checks/probe"
)

// maxHostNames bounds the names of one host that rules are asked about.
const maxHostNames = 2000

// begin makes the cheap part of the view: what guards ask.
func (ev *evaluator) begin(h *Host) {
	ev.h, ev.prepared, ev.mask = h, false, 0
	ev.services, ev.words, ev.hits, ev.names = ev.services[:0], ev.words[:0], ev.hits[:0], ev.names[:0]
	clear(ev.count)
	for i := range h.Services {
		s := &h.Services[i]
		if s.Details == nil || !counts(h, s) {
			continue
		}
		ev.services = append(ev.services, s)
		if n, ok := protocolNumber(s.Details.Protocol()); ok {
			ev.mask |= 1 << n
			ev.count[n]++
		}
	}
	if !slices.IsSortedFunc(ev.services, byPort) {
		slices.SortStableFunc(ev.services, byPort)
	}
	ev.gatherWords()
	ev.looked = lookedAt(h)
}

// counts tells whether a service may speak for its host. One that accepts every port is judged by the handshakes that
// came to their end, and by nothing else.
func counts(h *Host, s *probe.Service) bool { return !h.AcceptsAll || s.Status == probe.StatusOK }

func nameByPort(a, b probe.Name) int { return int(a.Port) - int(b.Port) }

func byPort(a, b *probe.Service) int { return int(a.Port) - int(b.Port) }

func lookedAt(h *Host) (l looked) {
	for _, f := range []struct {
		fact looked
		seen bool
	}{
		{lookedPTR, h.Network.PTR != nil}, {lookedPTRConfirmed, h.Network.PTRConfirmed != nil}, {lookedASN, h.Network.ASN != nil},
		{lookedASOrg, h.Network.ASOrg != nil}, {lookedCountry, h.Network.Country != nil},
		{lookedCustomer, h.Owner != nil}, {lookedTags, h.Owner != nil},
	} {
		if f.seen {
			l |= f.fact
		}
	}
	return l
}

// gatherWords lists the words of the packs seen on HTTP services, in the order of the services.
func (ev *evaluator) gatherWords() {
	for i, s := range ev.services {
		page, ok := s.Details.(*probe.HTTP)
		if !ok || page == nil {
			continue
		}
		for _, w := range page.Words {
			number, ok := ev.rs.words.number[w.Word]
			place := slices.Index(wordPlaces, w.In)
			if ok && place >= 0 {
				ev.words = append(ev.words, wordHit{number, place, i, s.Port, w.Excerpt})
			}
		}
	}
}

// gatherNames lists the names seen on the host, with where each was seen.
func (ev *evaluator) gatherNames() {
	for _, n := range ev.h.Network.PTR {
		ev.names = append(ev.names, probe.Name{Value: n, In: probe.InPTR})
	}
	for _, n := range ev.h.DNSNames {
		ev.names = append(ev.names, probe.Name{Value: n, In: probe.InDNS})
	}
	for i := range ev.h.Services {
		s := &ev.h.Services[i]
		if s.TLS == nil && s.Details == nil || !counts(ev.h, s) {
			continue
		}
		if ev.names = append(ev.names, s.Names()...); len(ev.names) > maxHostNames {
			break
		}
	}
	if !slices.IsSortedFunc(ev.names, nameByPort) {
		slices.SortStableFunc(ev.names, nameByPort)
	}
	ev.names = ev.names[:min(len(ev.names), maxHostNames)]
}

// prepare makes the dear part of the view, for hosts on which a condition runs.
func (ev *evaluator) prepare() {
	h, v := ev.h, &ev.host
	ev.prepared = true
	*v = hostView{Address: h.Address.String(), AcceptsAll: h.AcceptsAll, DNSNames: h.DNSNames,
		PTRConfirmed: h.Network.PTRConfirmed, ASOrg: h.Network.ASOrg, Country: h.Network.Country}
	if h.Network.PTR != nil {
		v.PTR = &h.Network.PTR
	}
	if h.Network.ASN != nil {
		asn := int(*h.Network.ASN)
		v.ASN = &asn
	}
	if h.Owner != nil {
		v.Customer = &h.Owner.Customer
		tags := make([]string, len(h.Owner.Tags))
		for i, t := range h.Owner.Tags {
			tags[i] = strings.ToLower(t)
		}
		v.Tags = &tags
	}
	v.Ports = make([]int, len(ev.services))
	for i, s := range ev.services {
		v.Ports[i] = int(s.Port)
	}
	v.Platform = platformOf(ev.services)
	v.MailDomains, v.MailSelfMade = mailOf(ev.services)
}

// mailOf tells the registrable domains of mail services and whether one of them shows a self-made certificate.
func mailOf(services []*probe.Service) (domains []string, selfMade *bool) {
	for _, s := range services {
		switch s.Details.(type) {
		case *probe.SMTP, *probe.IMAP, *probe.POP3:
		default:
			continue
		}
		if s.TLS != nil {
			made := s.TLS.SelfIssued || selfMade != nil && *selfMade
			selfMade = &made
		}
		for _, n := range s.Names() {
			if d := registrable(n.Value); d != "" && !slices.Contains(domains, d) {
				domains = append(domains, d)
			}
		}
	}
	slices.Sort(domains)
	return domains, selfMade
}

// platformSigns are words of banners that give an operating system away. Only what a distribution or vendor writes by
// itself is here: a web application can claim anything.
var platformSigns = []struct{ sign, platform string }{
	{"debian", "linux"}, {"ubuntu", "linux"}, {"centos", "linux"}, {"red hat", "linux"}, {"almalinux", "linux"},
	{"rocky", "linux"}, {"raspbian", "linux"}, {"fedora", "linux"}, {"(unix)", ""}, {"linux", "linux"},
	{"freebsd", "bsd"}, {"openbsd", "bsd"}, {"netbsd", "bsd"},
	{"for_windows", "windows"}, {"(win32)", "windows"}, {"(win64)", "windows"}, {"microsoft", "windows"}, {"windows", "windows"},
}

// platformOf guesses the operating system from what services say of themselves; "" when none does, or two disagree
// (one address may stand for several machines).
func platformOf(services []*probe.Service) string {
	guess := ""
	for _, s := range services {
		p := platformOfText(platformText(s.Details))
		if p == "" || p == guess {
			continue
		}
		if guess != "" {
			return ""
		}
		guess = p
	}
	return guess
}

// platformText is the part of a service's answer that its software, not its content, writes. DevTools says which
// platform it pretends to be, and is therefore never asked.
func platformText(d probe.Details) string {
	switch d := d.(type) {
	case *probe.SSH:
		return d.Software
	case *probe.SMTP:
		return d.Greeting
	case *probe.IMAP:
		return d.Greeting
	case *probe.POP3:
		return d.Greeting
	case *probe.HTTP:
		return d.Server
	case *probe.HTTPProxy:
		return d.Server
	case *probe.Docker:
		return d.OS
	case *probe.Kubernetes:
		return d.Platform
	case *probe.WebDriver:
		return d.OS
	}
	return ""
}

func platformOfText(text string) string {
	if text == "" {
		return ""
	}
	text = strings.ToLower(text)
	for _, s := range platformSigns {
		if strings.Contains(text, s.sign) {
			return s.platform
		}
	}
	return ""
}
