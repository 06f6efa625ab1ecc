package checks

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/netschouw/netschouw/checks/probe"
	"github.com/netschouw/netschouw/checks/strict"
)

// The bounds of a rule's numbers and texts.
const (
	// MaxWeight bounds a rule's weight: e to the 14th is more than a million to one.
	MaxWeight = 14.0
	maxText   = 600 // bytes of a title, phrase, note or explanation
)

var (
	slug      = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,59}$`)
	nameKinds = []string{probe.InPTR, probe.InCertificate, probe.InGreeting, probe.InPage, probe.InRedirect, probe.InDNS}
	scopes    = []string{eachHost, eachService, eachName}
	kinds     = []string{kindDomain, kindCert, kindSPKI, kindAddress}
)

func (b *builder) head() {
	def := b.pack.def
	b.slug(def.Keys["pack"], "pack", def.Pack)
	if def.Version < 1 && def.Keys["version"].Line > 0 {
		b.bad(def.Keys["version"], "version", fmt.Sprint(def.Version), "is below 1", "count versions from 1; add 1 with every change of a rule")
	}
	b.line(def.Keys["title"], "title", def.Title)
}

// slug checks a name of small letters, digits and hyphens.
func (b *builder) slug(pos strict.Pos, path, value string) {
	if pos.Line > 0 && !slug.MatchString(value) {
		b.bad(pos, path, value, fmt.Sprintf("%q is no name", strict.Clip(value, 80)), "use small letters, digits and hyphens, at most 60")
	}
}

// line checks a text that people read.
func (b *builder) line(pos strict.Pos, path, value string) {
	switch {
	case pos.Line == 0: // missing: reported by the decoder, or optional
	case strings.TrimSpace(value) == "":
		b.bad(pos, path, value, "is empty", "write a sentence or leave the key out")
	case len(value) > maxText:
		b.bad(pos, path, value, fmt.Sprintf("has %d bytes, more than %d", len(value), maxText), "shorten it")
	case strings.ContainsFunc(value, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }):
		b.bad(pos, path, value, "has characters that cannot be printed", "remove them")
	}
}

func (b *builder) oneOf(pos strict.Pos, path, value string, allowed []string) bool {
	if pos.Line == 0 || slices.Contains(allowed, value) {
		return pos.Line > 0
	}
	b.bad(pos, path, value, fmt.Sprintf("%q is not known", strict.Clip(value, 80)), strict.Nearest(value, allowed))
	return false
}

func (b *builder) sources() {
	for id, s := range b.pack.def.Sources {
		path := "sources." + id
		b.slug(s.Keys[""], path, id)
		b.line(s.Keys["title"], path+".title", s.Title)
		b.line(s.Keys["publisher"], path+".publisher", s.Publisher)
		b.line(s.Keys["note"], path+".note", s.Note)
		if s.URL == "" && s.Document == "" {
			b.bad(s.Keys[""], path, "", "has neither url nor document", "say where it can be read")
		}
		if u, err := url.Parse(s.URL); s.URL != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "") {
			b.bad(s.Keys["url"], path+".url", s.URL, fmt.Sprintf("%q is no web address", strict.Clip(s.URL, 80)), "write https://...")
		}
		if s.Date != "" && !isDate(s.Date) {
			b.bad(s.Keys["date"], path+".date", s.Date, fmt.Sprintf("%q is no date", strict.Clip(s.Date, 80)),
				`write "2024-07-09", "2024-07" or "2024"`)
		}
		b.pack.sources[id] = Source{ID: id, Title: s.Title, Publisher: s.Publisher, Date: s.Date, URL: s.URL, Document: s.Document, Note: s.Note}
	}
}

func isDate(s string) bool {
	for _, layout := range []string{time.DateOnly, "2006-01", "2006"} {
		if _, err := time.Parse(layout, s); err == nil {
			return true
		}
	}
	return false
}

func (b *builder) source(pos strict.Pos, path, id string) {
	if _, ok := b.pack.def.Sources[id]; ok || pos.Line == 0 {
		return
	}
	var known []string
	for k := range b.pack.def.Sources {
		known = append(known, k)
	}
	slices.Sort(known)
	b.bad(pos, path, id, fmt.Sprintf("no source %q in this pack", strict.Clip(id, 80)), strict.Nearest(id, known))
}

func (b *builder) indicators() {
	l := &b.pack.listing
	l.domains, l.hashes, l.addresses = map[string]bool{}, map[string]bool{}, map[netip.Addr]bool{}
	seen := map[string]bool{}
	for i, d := range b.pack.def.Indicators {
		path := fmt.Sprintf("indicators[%d]", i)
		b.source(d.Keys["source"], path+".source", d.Source)
		if d.FirstSeen != nil && d.LastSeen != nil && d.LastSeen.Before(*d.FirstSeen) {
			b.bad(d.Keys["last_seen"], path+".last_seen", "", "is before first_seen", "swap them")
		}
		if seen[d.Type+" "+d.Value] {
			b.bad(d.Keys["value"], path+".value", d.Value, "is listed twice", "keep one")
		}
		seen[d.Type+" "+d.Value] = true
		if b.oneOf(d.Keys["type"], path+".type", d.Type, kinds) && d.Keys["value"].Line > 0 && !l.add(d.Type, d.Value) {
			b.bad(d.Keys["value"], path+".value", d.Value, fmt.Sprintf("%q is no %s", strict.Clip(d.Value, 80), d.Type), kindHelp[d.Type])
		}
	}
}

var kindHelp = map[string]string{
	kindDomain:  "write a registered domain in small letters, without a dot or asterisk in front",
	kindCert:    "write 64 hexadecimal digits",
	kindSPKI:    "write 64 hexadecimal digits",
	kindAddress: "write an IP address or a CIDR prefix of at least /24 (IPv4) or /48 (IPv6)",
}

// add enters an indicator; false when the value is not of its kind.
func (l *listing) add(kind, value string) bool {
	switch kind {
	case kindDomain:
		if registrable(value) == "" || value != strings.ToLower(value) || strings.HasPrefix(value, "*") || strings.HasSuffix(value, ".") {
			return false
		}
		l.domains[value] = true
	case kindCert, kindSPKI:
		if raw, err := hex.DecodeString(value); err != nil || len(raw) != 32 {
			return false
		}
		l.hashes[strings.ToLower(value)] = true
	default:
		if a, err := netip.ParseAddr(value); err == nil {
			l.addresses[a.Unmap()] = true
			return a.Zone() == ""
		}
		p, err := netip.ParsePrefix(value)
		if err != nil || p != p.Masked() || p.Addr().Is4() && p.Bits() < 24 || p.Addr().Is6() && p.Bits() < 48 {
			return false
		}
		l.prefixes = append(l.prefixes, p)
	}
	return true
}

func (b *builder) ruleHead(r *rule, path string) {
	d := r.def
	b.slug(d.Keys["id"], path+".id", d.ID)
	for key, text := range map[string]string{"title": d.Title, "phrase": d.Phrase, "likelihood": d.Likelihood, "benign": d.Benign, "next": d.Next} {
		b.line(d.Keys[key], path+"."+key, text)
	}
	if b.oneOf(d.Keys["group"], path+".group", d.Group, groupNames[:]) {
		r.group = slices.Index(groupNames[:], d.Group)
	}
	b.oneOf(d.Keys["basis"], path+".basis", string(d.Basis), []string{string(Fact), string(Inference)})
	if pos := d.Keys["weight"]; pos.Line > 0 && !(d.Weight > 0 && d.Weight <= MaxWeight) {
		b.bad(pos, path+".weight", fmt.Sprint(d.Weight), fmt.Sprintf("%v is not above 0 and at most %v", d.Weight, MaxWeight),
			"a weight is the natural logarithm of how many times likelier the trait is on a misused host")
	}
	if d.Hard && d.Group != indicatorGroup {
		b.bad(d.Keys["hard"], path+".hard", "true", "only a rule of the group indicator can be hard", "leave the key out")
	}
	for i, e := range d.Evidence {
		b.line(e.Keys["field"], fmt.Sprintf("%s.evidence[%d].field", path, i), e.Field)
	}
	if len(d.Evidence) == 0 && d.Keys["evidence"].Line > 0 {
		b.bad(d.Keys["evidence"], path+".evidence", "", "is empty", "name the values that a person must see to judge")
	}
}

func (b *builder) ruleScope(r *rule, path string) {
	d := r.def
	if !b.oneOf(d.Keys["each"], path+".each", d.Each, scopes) {
		return
	}
	b.list(d.Keys, path, "protocol", d.Protocol, protocolNames(), d.Each == eachService)
	b.list(d.Keys, path, "in", d.In, nameKinds, d.Each == eachName)
	if d.Keys["when"].Line > 0 && strings.TrimSpace(d.When) == "" {
		b.bad(d.Keys["when"], path+".when", "", "is empty", "write a condition")
	}
}

// list checks a list of known words that must be there when wanted, and must not otherwise.
func (b *builder) list(keys strict.Keys, path, key string, values, allowed []string, wanted bool) {
	pos := keys[key]
	switch {
	case wanted && len(values) == 0:
		if pos.Line == 0 {
			pos = keys["each"]
		}
		b.bad(pos, path+"."+key, "", "is missing", "name one or more of "+strings.Join(allowed, ", "))
	case !wanted && pos.Line > 0:
		b.bad(pos, path+"."+key, "", "has no meaning with this each", "leave it out, or set each: service (protocol) or each: name (in)")
	}
	for i, v := range values {
		at := fmt.Sprintf("%s[%d]", key, i)
		if b.oneOf(keys[at], path+"."+at, v, allowed) && slices.Contains(values[:i], v) {
			b.bad(keys[at], path+"."+at, v, fmt.Sprintf("%q is there twice", v), "keep one")
		}
	}
}

func (b *builder) ruleSources(r *rule, path string) {
	d := r.def
	if len(d.Sources) == 0 && d.Keys["sources"].Line > 0 {
		b.bad(d.Keys["sources"], path+".sources", "", "is empty", "name the document that the rule rests on")
	}
	for i, id := range d.Sources {
		at := fmt.Sprintf("sources[%d]", i)
		b.source(d.Keys[at], path+"."+at, id)
	}
}

func (b *builder) ruleBounds(r *rule, path string) {
	v := r.def.Valid
	if v == nil {
		return
	}
	if v.From != nil {
		r.from = *v.From
	}
	if v.Until != nil {
		r.until = *v.Until
	}
	switch {
	case v.From == nil && v.Until == nil:
		b.bad(v.Keys[""], path+".valid", "", "has neither from nor until", "give one or leave valid out")
	case v.From != nil && v.Until != nil && !v.From.Before(*v.Until):
		b.bad(v.Keys["until"], path+".valid.until", "", "is not after from", "swap them")
	}
}
