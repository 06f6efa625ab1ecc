package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/checks/probe"
)

// detail is everything that was seen of a host, for `check`.
func (p *page) detail(f *checks.Finding) {
	p.heading(p.t.Seen)
	p.field(strings.ToLower(p.t.Score), sprintf(p.t.Prior, p.t.decimal(f.Prior, 6), p.t.decimal(f.Score, 4)))
	if tried := outcomes(p.t, f.Ports); tried != "" {
		p.field(p.t.Ports, tried)
	}
	if len(f.DNSNames) > 0 {
		p.field("DNS", p.list(f.DNSNames))
	}
	p.field("PTR", p.ptr(f))
	if names := p.names(f); names != "" {
		p.field(p.t.Names, names)
	}
	if len(f.Services) == 0 {
		p.field(p.t.Services, p.t.NoServices)
	}
	for i := range f.Services {
		p.service(&f.Services[i])
	}
}

// list joins values, each of them cleaned.
func (p *page) list(values []string) string {
	return strings.Join(each(values, func(v string) string { return p.show(v, labelWidth) }), ", ")
}

func (p *page) ptr(f *checks.Finding) string {
	switch {
	case f.Network.PTR == nil:
		return p.t.NotLookedAt
	case len(f.Network.PTR) == 0:
		return p.t.Nothing
	}
	return p.list(f.Network.PTR)
}

// names lists the names that the services said of themselves, each with where it was seen.
func (p *page) names(f *checks.Finding) string {
	var all []string
	for i := range f.Services {
		for _, n := range f.Services[i].Names() {
			all = append(all, p.show(n.Value, labelWidth)+" ("+Terminal(n.In, 20)+")")
		}
	}
	return strings.Join(distinct(all), ", ")
}

// service is one open port: its protocol and status, the certificate, and each field.
func (p *page) service(s *probe.Service) {
	p.gap()
	title := p.ink(bold, strings.Replace(Terminal(serviceName(*s), 32), "/", "  ", 1))
	p.line("  " + title + p.ink(dim, "  "+Terminal(string(s.Status), 20)+" · "+p.t.of(p.t.Connections, uint64(max(s.Connections, 0)))))
	if s.Error != "" {
		p.item("", s.Error)
	}
	if s.TLS != nil {
		p.certificate(s.TLS)
	}
	if s.Details == nil {
		p.item("banner", s.Banner)
		return
	}
	for _, f := range fieldsOf(s.Details) {
		p.item(f.name, f.value)
	}
}

// itemWidth is the column at which the value of a service's field begins: a SHA-256 still fits in 80.
const itemWidth = 16

// item is one field of a service; a long value is wrapped, a very long one elided as well.
func (p *page) item(name, value string) {
	if value == "" {
		return
	}
	label := pad(Terminal(name, 24), itemWidth-5, false) + " "
	lead, room := "    "+p.ink(dim, label), p.opts.Width-4-columns(label)
	for _, l := range wrap(Terminal(value, 400), max(room, 16)) {
		p.line(lead + l)
		lead = strings.Repeat(" ", 4+columns(label))
	}
}

// certificate is what the TLS handshake showed.
func (p *page) certificate(t *probe.TLS) {
	p.item("tls", strings.TrimSpace(t.Version+" "+t.ALPN))
	p.item(p.t.Subject, t.Subject)
	issuer := t.Issuer
	if t.SelfIssued {
		issuer += " (" + p.t.SelfIssued + ")"
	}
	p.item(p.t.Issuer, issuer)
	p.item(p.t.Valid, p.stamp(t.NotBefore)+" "+p.t.To+" "+p.stamp(t.NotAfter))
	names := strings.Join(t.Names, ", ")
	if more := t.NameCount - len(t.Names); more > 0 {
		names += ", " + sprintf(p.t.Also, more)
	}
	p.item(p.t.Names, names)
	p.item("sha256", t.SHA256)
	p.item("spki_sha256", t.SPKI)
	p.item("chain", strings.Join(t.Chain, " "))
}

// named is a field of a service's details.
type named struct{ name, value string }

// fieldsOf lists the fields of a protocol's details in the order of their struct, by the names that they have in JSON
// and in rules, so that a new protocol or field is shown without a word here. Empty ones are left out.
func fieldsOf(d probe.Details) []named {
	text, err := json.Marshal(d)
	if err != nil {
		return []named{{"error", err.Error()}}
	}
	return objectFields(text)
}

// objectFields flattens a JSON object: a list on one line, the members of an inner object, and the objects of a list,
// each as a field of the outer name.
func objectFields(text []byte) []named {
	var all []named
	for _, m := range members(text) {
		switch {
		case m.value[0] == '{':
			for _, inner := range members(m.value) {
				all = append(all, named{m.name, inner.name + "=" + flat(inner.value)})
			}
		case bytes.HasPrefix(m.value, []byte("[{")):
			for _, element := range elements(m.value) {
				all = append(all, named{m.name, flat(element)})
			}
		default:
			if value := flat(m.value); value != "" {
				all = append(all, named{m.name, value})
			}
		}
	}
	return all
}

// member is one member of a JSON object.
type member struct {
	name  string
	value json.RawMessage // not empty
}

// members lists the members of a JSON object in their order, which a map would lose.
func members(text []byte) []member {
	dec := json.NewDecoder(bytes.NewReader(text))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil
	}
	var all []member
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return all
		}
		var value json.RawMessage
		if dec.Decode(&value) != nil {
			return all
		}
		all = append(all, member{fmt.Sprint(key), value})
	}
	return all
}

func elements(text []byte) (all []json.RawMessage) {
	_ = json.Unmarshal(text, &all) // the text comes from json.Marshal
	return all
}

// flat writes a JSON value on one line, strings without quotes; "" for null.
func flat(text json.RawMessage) string {
	switch text[0] {
	case '{':
		var parts []string
		for _, m := range members(text) {
			if v := flat(m.value); v != "" {
				parts = append(parts, m.name+"="+v)
			}
		}
		return strings.Join(parts, " ")
	case '[':
		return strings.Join(each(elements(text), flat), ", ")
	case '"':
		var s string
		_ = json.Unmarshal(text, &s)
		return s
	case 'n':
		return ""
	}
	return string(text)
}
