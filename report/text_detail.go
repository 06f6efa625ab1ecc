package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/netschouw/netschouw/checks"
	"github.com/netschouw/netschouw/checks/probe"
)

// detail is everything that was seen of a host, for `check`.
func (p *page) detail(f *checks.Finding) {
	p.heading(p.t.Seen)
	p.field(p.t.Score, sprintf(p.t.Prior, p.t.decimal(f.Prior, 6), p.t.decimal(f.Score, 4)))
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
	for _, s := range f.Services {
		if s.Details == nil {
			continue
		}
		for _, n := range s.Details.Names() {
			all = append(all, p.show(n.Value, labelWidth)+" ("+Terminal(n.In, 20)+")")
		}
	}
	return strings.Join(distinct(all), ", ")
}

// service is one open port: its protocol and status, the certificate, and each field.
func (p *page) service(s *probe.Service) {
	p.gap()
	title := p.ink(bold, strings.Replace(Terminal(serviceName(*s), 40), "/", "  ", 1))
	p.line("  " + title + p.ink(dim, "  "+Terminal(string(s.Status), 20)+" · "+sprintf(p.t.Connections, s.Connections)))
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

// itemWidth is the column at which the value of a service's field begins.
const itemWidth = 22

// item is one field of a service; a long value is wrapped, a very long one elided as well.
func (p *page) item(name, value string) {
	if value == "" {
		return
	}
	lead := "     " + p.ink(dim, pad(Terminal(name, itemWidth-6), itemWidth-5, false))
	for _, l := range wrap(Terminal(value, 400), max(p.opts.Width-itemWidth, 16)) {
		p.line(lead + l)
		lead = strings.Repeat(" ", itemWidth)
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
	p.item("chain_sha256", strings.Join(t.Chain, " "))
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

// objectFields flattens a JSON object: lists on one line, the members of an inner object behind its name.
func objectFields(text []byte) []named {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil
	}
	var all []named
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return all
		}
		var raw json.RawMessage
		if dec.Decode(&raw) != nil {
			return all
		}
		name := fmt.Sprint(key)
		if len(raw) > 0 && raw[0] == '{' {
			for _, inner := range objectFields(raw) {
				all = append(all, named{name + "." + inner.name, inner.value})
			}
			continue
		}
		if value := flat(raw); value != "" {
			all = append(all, named{name, value})
		}
	}
	return all
}

// flat writes a JSON value on one line, without quotes.
func flat(raw json.RawMessage) string {
	var v any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if dec.Decode(&v) != nil {
		return ""
	}
	return flatValue(v)
}

func flatValue(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case []any:
		return strings.Join(each(v, flatValue), ", ")
	case map[string]any:
		parts := make([]string, 0, len(v))
		for k, inner := range v {
			if text := flatValue(inner); text != "" {
				parts = append(parts, k+"="+text)
			}
		}
		slices.Sort(parts)
		return strings.Join(parts, " ")
	}
	return fmt.Sprint(v)
}
